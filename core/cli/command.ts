/**
 * How a room offers commands: it exports `register(program)` from `<room>/cli.ts`, which adds its commands
 * to the one `fieldbid` program. Which commands exist depends on which rooms are installed: an edge device
 * has `fieldbid edge …` and nothing else.
 */
import { Command, Option } from 'commander';

export { Argument, Command, InvalidArgumentError, Option } from 'commander';

export interface CommandRoom {
  register(program: Command): void;
}

/** The shared `--log-level` option. */
export function logLevelOption(): Option {
  return new Option('--log-level <level>', 'how much to log')
    .choices(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info');
}

/** A group command such as `fieldbid edge`, made once however many rooms add to it. */
export function group(program: Command, name: string, description: string): Command {
  const existing = program.commands.find((command) => command.name() === name);
  if (existing !== undefined) return existing;
  const created = new Command(name).description(description);
  program.addCommand(created);
  return created;
}

/** Runs until SIGINT or SIGTERM, then stops the service; a second signal ends the process at once. */
export async function runUntilSignal(stop: () => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => {
    const onSignal = (): void => {
      process.once('SIGINT', () => process.exit(130));
      resolve();
    };
    process.once('SIGINT', onSignal);
    process.once('SIGTERM', onSignal);
  });
  await stop();
}
