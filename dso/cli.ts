/** `fieldbid setup` and `fieldbid dso …` */
import type { Command } from '@fieldbid/core/cli/command';
import { registerDso } from './commands.ts';
import { type EnvironmentKind, ensurePythonEnvironment } from './python-environment.ts';

export function register(program: Command): void {
  registerDso(program);
  program
    .command('setup')
    .description('Make the Python environment of the power-flow engine (other commands do it when needed).')
    .option('--test', 'also the environment of the peers that the tests compare with')
    .option('--quiet', 'say only what was newly made')
    .action(async (options: { test?: boolean; quiet?: boolean }) => {
      const kinds: EnvironmentKind[] = options.test === true ? ['engine', 'test'] : ['engine'];
      const quiet = options.quiet === true;
      for (const kind of kinds) {
        const { folder, created } = await ensurePythonEnvironment(kind, { quiet });
        if (created || !quiet) console.log(`${kind} environment: ${folder} ${created ? 'made' : 'is ready'}`);
      }
    });
}
