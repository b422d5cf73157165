/** `fieldbid replay RUN`: is what was recorded what happens again? */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from '@fieldbid/core/cli/command';
import { createLogger } from '@fieldbid/core/logging';
import { progressLine } from '../bench/progress.ts';
import { makeRunFolder } from '../bench/run-folder.ts';
import { DETERMINED_FILES } from '../compare/compare-runs.ts';
import { explain } from './explain.ts';
import { replayFromSeed } from './replay-run.ts';
import { readRunFile } from './run-file.ts';

export function registerReplayRun(program: Command): void {
  program
    .command('replay')
    .description('Run a recorded day again, and compare: tables and ledger payloads, byte by byte.')
    .argument('<run>', 'folder of the recorded run')
    .option('--out <dir>', 'keep the replay there (default: it is removed when nothing differs)')
    .addHelpText(
      'after',
      `
Examples:
  $ npx fieldbid replay runs/ieee13-day-2026-06-21-120000
  $ npx fieldbid replay runs/ieee13-day-2026-06-21-120000 --out runs/again

Exit code: 0 when nothing differs, 1 otherwise, 2 for wrong usage.`,
    )
    .action(async (recorded: string, { out }: { out?: string }) => {
      const run = readRunFile(recorded);
      const folder =
        out === undefined ? mkdtempSync(join(tmpdir(), 'fieldbid-replay-')) : makeRunFolder('replay', out);
      const options = {
        ...{ recorded, run, out: folder, progress: progressLine },
        log: createLogger({ level: 'info', file: join(folder, 'log.ndjson') }),
        say: (line: string) => console.error(line),
      };
      const differences = await replayFromSeed(options);
      if (differences.length === 0) {
        console.log(`The replay is the same, byte for byte: ${DETERMINED_FILES.join(', ')}`);
        if (out === undefined) rmSync(folder, { recursive: true, force: true });
        return;
      }
      console.log(`The replay differs from the recorded run, and lies in ${folder}:`);
      for (const difference of differences) console.log(`  ${explain(difference, recorded)}`);
      process.exitCode = 1;
    });
}
