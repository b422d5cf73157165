/** A peer and the orderer of a run's own Fabric network killed in the day. Needs FABRIC_BIN (docs/how-to/fabric.md). */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WITHOUT_FABRIC } from '@fieldbid/chaincode/testing/fabric';
import { silentLogger } from '@fieldbid/core/logging';
import test, { type ExecutionContext } from 'ava';
import type { FaultEntry } from '../faults/timeline.ts';
import { shortcomings } from '../report/summary.ts';
import { loadScenario } from '../scenario/load.ts';
import { runMarketDay } from './market-day.ts';
import { writeResults } from './run-folder.ts';

const SCENARIO = fileURLToPath(new URL('../scenarios/ieee13-day/scenario.yaml', import.meta.url));
/** Both are away when a gate closes: 11:22 for the interval of 11:30, 11:37 for that of 11:45. */
const FAULTS: FaultEntry[] = [
  { at: '2026-06-21T11:21Z', fault: 'ledger-peer-killed', target: 'peer-dso', duration_min: 3 },
  { at: '2026-06-21T11:36Z', fault: 'orderer-killed', target: 'orderer', duration_min: 3 },
];

const title = 'a peer and the orderer killed: what they cost is named, the last interval is whole';

async function check(t: ExecutionContext): Promise<void> {
  t.timeout(600_000);
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-fabric-faults-'));
  const loaded = loadScenario(SCENARIO, { start: '2026-06-21T11:00Z', intervals: 5, dayAhead: false });
  const record = await runMarketDay({
    loaded: { ...loaded, scenario: { ...loaded.scenario, faults: FAULTS } },
    ...{ folder, dsoEnforced: true, ledger: { kind: 'fabric', profile: undefined } },
    ...{ log: silentLogger(), say: () => {}, progress: { update: () => {}, finish: () => {} } },
  });
  const summary = writeResults(folder, record);
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
}

if (WITHOUT_FABRIC === undefined) test.serial(title, check);
else test.skip(`${title}: ${WITHOUT_FABRIC}`, () => {});
