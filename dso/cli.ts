/** `fieldbid setup` and `fieldbid dso …` */
import type { Command } from '@fieldbid/core/cli/command';
import { ensurePythonEnvironment, type PythonEnvironment } from './python-environment.ts';

export function register(program: Command): void {
  program
    .command('setup')
    .description(
      'Make the Python environment of the power-flow engine (other commands do it when they need it).',
    )
    .option('--test', 'also the environment of the peers that the tests compare with')
    .option('--quiet', 'say nothing when there is nothing to do')
    .action(async (options: { test?: boolean; quiet?: boolean }) => {
      const kinds: PythonEnvironment[] = options.test === true ? ['engine', 'test'] : ['engine'];
      for (const kind of kinds) {
        const { python, created } = await ensurePythonEnvironment(kind, (line) => console.error(line));
        if (created || options.quiet !== true)
          console.log(`${kind}: ${python}${created ? ' (made now)' : ' (ready)'}`);
      }
    });
}
