/** `fieldbid compare RUN_A RUN_B` */
import type { Command } from '@fieldbid/core/cli/command';
import { compareRuns, DETERMINED_FILES } from './compare-runs.ts';

const SHOWN_CHARS = 160;

export function registerCompare(program: Command): void {
  program
    .command('compare')
    .description(
      'Compare two runs: awards, curtailments, voltages, devices and ledger payloads, byte by byte.',
    )
    .argument('<runA>', 'folder of a run')
    .argument('<runB>', 'folder of another')
    .action((runA: string, runB: string) => {
      const differences = compareRuns(runA, runB);
      if (differences.length === 0) {
        console.log(`equal: ${DETERMINED_FILES.join(', ')}`);
        return;
      }
      for (const { file, line, a, b } of differences) {
        console.log(
          `${file}:${line} differs\n  A ${a.slice(0, SHOWN_CHARS)}\n  B ${b.slice(0, SHOWN_CHARS)}`,
        );
      }
      process.exitCode = 1;
    });
}
