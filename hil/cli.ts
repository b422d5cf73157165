/** `fieldbid run`, `compare`, `sim …`: the bench's commands. */
import type { Command } from '@fieldbid/core/cli/command';
import { registerBench } from './bench/bench-command.ts';
import { registerRun } from './bench/run-command.ts';
import { registerBroker } from './broker/command.ts';
import { registerCompare } from './compare/command.ts';
import { registerSim } from './devices/commands.ts';
import { registerReplay } from './devices/replay-command.ts';
import { registerEmulator } from './emulator/command.ts';
import { registerFaults } from './faults/command.ts';
import { registerFault } from './faults/fault-command.ts';
import { registerHelics } from './helics/command.ts';
import { registerReplayRun } from './replay/command.ts';
import { registerSchema } from './schemas/command.ts';

export function register(program: Command): void {
  registerRun(program);
  registerBench(program);
  registerCompare(program);
  registerReplayRun(program);
  registerSchema(program);
  registerSim(program);
  registerEmulator(program);
  registerFaults(program);
  registerFault(program);
  registerHelics(program);
  registerReplay(program);
  registerBroker(program);
}
