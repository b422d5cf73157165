/** Runs a recorded day again from its scenario and seed, on the fast clock, and says where it differs. */
import { join } from 'node:path';
import type { Logger } from '@fieldbid/core/logging';
import { runMarketDay } from '../bench/market-day.ts';
import type { Progress } from '../bench/progress.ts';
import { writeResults } from '../bench/run-folder.ts';
import { compareRuns, type Difference } from '../compare/compare-runs.ts';
import { needsNetwork } from '../faults/timeline.ts';
import { loadScenario } from '../scenario/load.ts';
import type { RunFile } from './run-file.ts';

export interface ReplayOptions {
  /** Folder of the recorded run, and what its run.json says. */
  readonly recorded: string;
  readonly run: RunFile;
  /** A new folder for the results. */
  readonly out: string;
  readonly log: Logger;
  readonly say: (line: string) => void;
  readonly progress: (minutes: number) => Progress;
}

/** @returns the first difference of each table and of the ledger's payloads. @throws as `runMarketDay`. */
export async function replayFromSeed(options: ReplayOptions): Promise<Difference[]> {
  const { recorded, run, out, log, say } = options;
  const loaded = loadScenario(join(recorded, run.scenarioFile));
  const { calendar } = loaded.scenario;
  const progress = options.progress(calendar.intervals * calendar.interval_min);
  // Both ledgers write the same payloads; only their own processes can be killed on Fabric alone.
  const ledger = needsNetwork(loaded.scenario.faults ?? [])
    ? ({ kind: 'fabric', profile: undefined } as const)
    : ({ kind: 'embedded' } as const);
  const record = await runMarketDay({
    ...{ loaded, folder: out, ledger, dsoEnforced: run.dsoEnforced, log, say, progress },
  }).finally(() => progress.finish());
  if (run.engine !== null && run.engine !== record.header.engine) {
    say(`note: recorded with ${run.engine}, replayed with ${record.header.engine}`);
  }
  writeResults(out, record);
  return compareRuns(recorded, out);
}
