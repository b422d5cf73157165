/** `fieldbid sim emulator`: the simulated grid emulator by itself. */
import { join, relative } from 'node:path';
import { type Command, Option, runUntilSignal } from '@fieldbid/core/cli/command';
import { keptPassword } from '../devices/opcua/command.ts';
import { hostAndPort, mustBeLocal, number } from '../devices/options.ts';
import { type EmulatorPhysicsOptions, MOST_NOMINAL_V } from './twin/emulator-physics.ts';
import { type EmulatorTwin, twinMapping } from './twin/emulator-twin.ts';
import { ModbusTwin } from './twin/modbus-twin.ts';

interface SimEmulatorCommand {
  listen: { host: string; port: number };
  protocol: 'modbus' | 'opcua';
  nominal: number;
  slew: number;
  watchdog: number;
  rating: number;
  output: 'on' | 'off';
  local?: boolean;
  fault: readonly ('ignoresSetpoints' | 'frozen' | 'refusesWrites')[];
  allowRemote?: boolean;
  folder: string;
}

const USER = 'operator';
const LONGEST_WATCHDOG_S = 86_400;

export function registerSimEmulator(sim: Command): void {
  sim
    .command('emulator')
    .description(
      'Run one simulated grid emulator: a three-phase AC source whose voltages are set over the wire.',
    )
    .requiredOption('--listen <host:port>', 'where to answer; port 0 picks a free one', hostAndPort, {
      host: '127.0.0.1',
      port: 15_050,
    })
    .addOption(
      new Option('--protocol <name>', 'what it speaks').choices(['modbus', 'opcua']).default('modbus'),
    )
    .option('--nominal <volts>', 'phase to neutral', number(1, MOST_NOMINAL_V), 277.13)
    .option('--slew <volts>', 'how fast its output moves, V/s', number(0.1, 1e6), 100)
    .option(
      '--watchdog <s>',
      'without a sign of life for so long it goes back to nominal; its mapping says 60',
      number(1, LONGEST_WATCHDOG_S),
      60,
    )
    .option('--rating <va>', 'apparent power, VA', number(1, 1e9), 1_000_000)
    .addOption(new Option('--output <state>', 'at the beginning').choices(['on', 'off']).default('on'))
    .option('--local', 'its front panel has it: what comes over the wire is refused')
    .addOption(
      new Option('--fault <name...>', 'ways of broken ones to meet')
        .choices(['ignoresSetpoints', 'frozen', 'refusesWrites'])
        .default([]),
    )
    .option('--allow-remote', 'accept an address that other machines can reach (Modbus has no password)')
    .option('--folder <folder>', 'OPC UA: its certificate and password; made on first use', 'sim-emulator')
    .addHelpText(
      'after',
      `
Examples:
  $ npx fieldbid sim emulator --listen 127.0.0.1:15050
  $ npx fieldbid sim emulator --listen 127.0.0.1:4841 --protocol opcua
  $ npx fieldbid sim emulator --fault ignoresSetpoints        (reads back what it was told, and stays)`,
    )
    .action((options: SimEmulatorCommand, command: Command) => run(options, command));
}

async function run(options: SimEmulatorCommand, command: Command): Promise<void> {
  const { listen, protocol, nominal, output, slew, watchdog, rating } = options;
  mustBeLocal(listen.host, options.allowRemote, command);
  const physics = {
    ...{ nominal_V: nominal, output, now: Date.now },
    ...{ slew_V_per_s: slew, watchdog_s: watchdog, rating_VA: rating },
  };
  const { twin, reach, before } =
    protocol === 'modbus'
      ? { twin: new ModbusTwin(physics), reach: '', before: '' }
      : await opcUa(physics, options);
  twin.physics.local = options.local ?? false;
  const { endpoint } = await twin.listen(listen.host, listen.port);
  for (const fault of options.fault) twin.faults[fault] = true;
  const mapping = relative(process.cwd(), twinMapping(protocol));
  console.log(`A simulated grid emulator (${nominal} V phase to neutral) answers at ${endpoint}; Ctrl-C ends it.
Its output is ${output}. Try, in another terminal:${before}
  npx fieldbid emulator check '${endpoint}' --mapping ${mapping}${reach}
  npx fieldbid emulator set '${endpoint}' --mapping ${mapping}${reach} --volts ${(1.03 * nominal).toFixed(1)}`);
  await runUntilSignal(() => twin.close());
}

async function opcUa(
  physics: EmulatorPhysicsOptions,
  { folder }: SimEmulatorCommand,
): Promise<{ twin: EmulatorTwin; reach: string; before: string }> {
  const { OpcUaTwin } = await import('./twin/opcua-twin.ts');
  const { passwordFile, password } = keptPassword(folder);
  const twin = new OpcUaTwin({
    ...physics,
    pkiFolder: join(folder, 'server-pki'),
    user: { name: USER, password },
  });
  return {
    twin,
    reach: ` --user ${USER} --password-file ${passwordFile}`,
    before: `\n  npx fieldbid edge trust ${twin.certificateFile}`,
  };
}
