/** The market on a real Fabric network comes to the same as on the embedded ledger, byte for byte. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WITHOUT_FABRIC } from '@fieldbid/chaincode/testing/fabric';
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { compareRuns } from '../compare/compare-runs.ts';
import { loadScenario } from '../scenario/load.ts';
import type { LedgerChoice } from './ledger.ts';
import { runMarketDay } from './market-day.ts';
import { writeResults } from './run-folder.ts';

const SCENARIO = fileURLToPath(new URL('../scenarios/ieee13-day/scenario.yaml', import.meta.url));
const title =
  'three intervals on Fabric: the same awards, voltages and ledger payloads as on the embedded ledger';

async function run(ledger: LedgerChoice) {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-day-'));
  const loaded = loadScenario(SCENARIO, { start: '2026-06-21T11:00Z', intervals: 3 });
  const progress = { update: () => {}, finish: () => {} };
  const log = silentLogger();
  const record = await runMarketDay({
    ...{ loaded, folder, ledger, log, progress },
    ...{ dsoEnforced: true, say: () => {} },
  });
  return { folder, summary: writeResults(folder, record) };
}

if (WITHOUT_FABRIC !== undefined) {
  test.skip(`${title}: ${WITHOUT_FABRIC}`, () => {});
} else {
  test.serial(title, async (t) => {
    t.timeout(120_000);
    const embedded = await run({ kind: 'embedded' });
    const fabric = await run({ kind: 'fabric', profile: undefined });
    t.like(fabric.summary, { ledger: 'Hyperledger Fabric', intervals: { completed: 3 } });
    t.deepEqual(compareRuns(fabric.folder, embedded.folder), []);
  });
}
