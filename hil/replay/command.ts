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
import { marketSize } from './recorded-market.ts';
import { replayFromRecords } from './replay-records.ts';
import { replayFromSeed } from './replay-run.ts';
import { readRunFile } from './run-file.ts';

export function registerReplayRun(program: Command): void {
  program
    .command('replay')
    .description('Run a recorded day again, and compare: tables and ledger payloads, byte by byte.')
    .argument('<run>', 'folder of the recorded run')
    .option('--out <dir>', 'keep the replay there (default: it is removed when nothing differs)')
    .option(
      '--records',
      'replay the market from the recorded bids, also where the seed gives the whole day again',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ npx fieldbid replay runs/ieee13-day-2026-06-21-120000
  $ npx fieldbid replay runs/ieee13-day-2026-06-21-120000 --out runs/again

A run by the wall clock, with physical devices, or with faults by hand does not follow from its seed: its market is
replayed from the bids that were recorded, and what was submitted, decided, awarded and confirmed is compared.

Exit code: 0 when nothing differs, 1 otherwise, 2 for wrong usage.`,
    )
    .action(async (recorded: string, { out, records: fromRecords }: { out?: string; records?: boolean }) => {
      const run = readRunFile(recorded);
      const folder =
        out === undefined ? mkdtempSync(join(tmpdir(), 'fieldbid-replay-')) : makeRunFolder('replay', out);
      const options = {
        ...{ recorded, run, out: folder, progress: progressLine },
        log: createLogger({ level: 'info', file: join(folder, 'log.ndjson') }),
        say: (line: string) => console.error(line),
      };
      const { notRepeatable } = run;
      const byRecords = notRepeatable.length > 0 || fromRecords === true;
      if (notRepeatable.length > 0)
        console.error(
          `From its records, because the seed does not give it again: ${notRepeatable.join('; ')}`,
        );
      const differences = byRecords ? await replayFromRecords(options) : await replayFromSeed(options);
      if (differences.length === 0) {
        const what = byRecords
          ? `the ${marketSize(recorded)} transactions with bids, decisions, awards and confirmations`
          : DETERMINED_FILES.join(', ');
        console.log(`The replay is the same, byte for byte: ${what}`);
        if (out === undefined) rmSync(folder, { recursive: true, force: true });
        return;
      }
      console.log(`The replay differs from the recorded run, and lies in ${folder}:`);
      for (const difference of differences) console.log(`  ${explain(difference, recorded)}`);
      process.exitCode = 1;
    });
}
