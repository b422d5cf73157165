/** The `fieldbid` program: collects the commands of the rooms that are installed and runs one. */
import { readFileSync } from 'node:fs';
import { FieldbidError, messageOf } from '../errors.ts';
import { Command, type CommandRoom } from './command.ts';

/** Rooms that may offer commands, in the order in which help lists them. */
const ROOMS = ['hil', 'edge-agent', 'aggregator', 'bc-gateway', 'chaincode', 'dso', 'iso-sim', 'dashboard'];

/** Shown where the room that offers the command is installed. */
const EXAMPLES: readonly (readonly [command: string, what: string])[] = [
  ['run', 'one market day on the modified IEEE 13-bus feeder'],
  ['sim inverter --listen 127.0.0.1:15020', 'one simulated SunSpec inverter'],
  ['sim opcua --listen 127.0.0.1:4840', 'one simulated OPC UA inverter'],
  ["edge read 'tcp://192.0.2.10:502?unit=1'", 'what a device is and does'],
  ['edge run --config edge.yaml', 'the agent beside real inverters'],
  ['bench init tcp://192.0.2.10', 'a scenario with inverters of your own'],
  ['bench split --out lab', 'config files for the day as separate processes'],
];

/**
 * @param rooms whose commands there are; all that are installed by default.
 * @returns the process's exit code: 0 done, 1 failed (the reason is on standard error), 2 wrong usage.
 */
export async function main(args: string[], rooms?: readonly CommandRoom[]): Promise<number> {
  const version = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
    .version as string;
  const program = new Command('fieldbid')
    .description(
      'From inverter registers to a cleared, ledger-recorded market award, and back to a proved setpoint.',
    )
    .version(version)
    .showHelpAfterError('(run with --help to see what is accepted)');
  for (const room of rooms ?? (await installedRooms())) room.register(program);
  const known = new Set(program.commands.map((command) => command.name()));
  const examples = EXAMPLES.filter(([command]) => known.has(command.split(' ')[0] ?? ''));
  const width = Math.max(...examples.map(([command]) => command.length));
  const lines = examples.map(([command, what]) => `  $ npx fieldbid ${command.padEnd(width)}  ${what}`);
  program.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
  program.exitOverride();
  for (const command of allCommands(program)) command.exitOverride();
  try {
    await program.parseAsync(args, { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (error) {
    return reportFailure(error);
  }
}

async function installedRooms(): Promise<CommandRoom[]> {
  const found = await Promise.all(ROOMS.map(installedRoom));
  return found.filter((room) => room !== undefined);
}

async function installedRoom(room: string): Promise<CommandRoom | undefined> {
  const name = `@fieldbid/${room}/cli`;
  try {
    import.meta.resolve(`@fieldbid/${room}/package.json`);
  } catch {
    return undefined;
  }
  return (await import(name)) as CommandRoom;
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

function reportFailure(error: unknown): number {
  if (error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number') {
    // Commander has printed its own message already; its help and version end with 0.
    return error.exitCode === 0 ? 0 : 2;
  }
  if (error instanceof FieldbidError) {
    console.error(`fieldbid: ${error.message}`);
  } else {
    console.error(`fieldbid: unexpected error, please report it: ${messageOf(error)}`);
    if (error instanceof Error && error.stack !== undefined) console.error(error.stack);
  }
  return 1;
}
