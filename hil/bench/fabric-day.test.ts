/**
 * Market days on a real Fabric network of the run's own. Both in this file, one after the other: such a network has ports of
 * its own, the same in each run. Needs FABRIC_BIN (docs/how-to/fabric.md).
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WITHOUT_FABRIC } from '@fieldbid/chaincode/testing/fabric';
import { silentLogger } from '@fieldbid/core/logging';
import test, { type ExecutionContext } from 'ava';
import { compareRuns } from '../compare/compare-runs.ts';
import type { FaultEntry } from '../faults/timeline.ts';
import { shortcomings } from '../report/summary.ts';
import { type LoadedScenario, loadScenario } from '../scenario/load.ts';
import type { LedgerChoice } from './ledger.ts';
import { runMarketDay } from './market-day.ts';
import { writeResults } from './run-folder.ts';

const SCENARIO = fileURLToPath(new URL('../scenarios/ieee13-day/scenario.yaml', import.meta.url));
const FABRIC: LedgerChoice = { kind: 'fabric', profile: undefined };
/** Both are away when a gate closes: 11:22 for the interval of 11:30, 11:37 for that of 11:45. */
const FAULTS: FaultEntry[] = [
  { at: '2026-06-21T11:21Z', fault: 'ledger-peer-killed', target: 'peer-dso', duration_min: 3 },
  { at: '2026-06-21T11:36Z', fault: 'orderer-killed', target: 'orderer', duration_min: 3 },
];

async function run(loaded: LoadedScenario, ledger: LedgerChoice) {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-day-'));
  const progress = { update: () => {}, finish: () => {} };
  const log = silentLogger();
  const record = await runMarketDay({
    ...{ loaded, folder, ledger, log, progress },
    ...{ dsoEnforced: true, say: () => {} },
  });
  return { folder, record, summary: writeResults(folder, record) };
}

const TESTS: Readonly<Record<string, (t: ExecutionContext) => Promise<void>>> = {
  'three intervals on Fabric: the same awards, voltages and ledger payloads as on the embedded ledger':
    async (t) => {
      t.timeout(120_000);
      const loaded = loadScenario(SCENARIO, { start: '2026-06-21T11:00Z', intervals: 3 });
      const embedded = await run(loaded, { kind: 'embedded' });
      const fabric = await run(loaded, FABRIC);
      t.like(fabric.summary, { ledger: 'Hyperledger Fabric', intervals: { completed: 3 } });
      t.deepEqual(compareRuns(fabric.folder, embedded.folder), []);
    },
  'a peer and the orderer killed: what they cost is named, the last interval is whole': async (t) => {
    t.timeout(600_000);
    const loaded = loadScenario(SCENARIO, { start: '2026-06-21T11:00Z', intervals: 5, dayAhead: false });
    const faulty = { ...loaded, scenario: { ...loaded.scenario, faults: FAULTS } };
    const { record, summary } = await run(faulty, FABRIC);
    t.deepEqual(summary.faults.explained.intervals, ['2026-06-21T11:30Z', '2026-06-21T11:45Z']);
    t.deepEqual(
      record.faults.map(({ outcome }) => outcome),
      ['ended', 'ended'],
    );
    t.is(summary.voltage.violations, 0);
    t.deepEqual(shortcomings(summary), []);
    const last = record.intervals.at(-1)!;
    t.is(last.bids.length, record.derIds.length);
    t.true(last.reports.every(({ completed }) => completed));
  },
};

for (const [title, check] of Object.entries(TESTS)) {
  if (WITHOUT_FABRIC === undefined) test.serial(title, check);
  else test.skip(`${title}: ${WITHOUT_FABRIC}`, () => {});
}
