/** An inverter that is none of ours in a day by the wall clock: what a physical one meets, and how it is replayed. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { replayFromRecords } from '../replay/replay-records.ts';
import { readRunFile } from '../replay/run-file.ts';
import { loadScenario } from '../scenario/load.ts';
import { startForeignInverter } from '../testing/foreign-inverter.ts';
import { runMarketDay } from './market-day.ts';
import { writeResults } from './run-folder.ts';

const SCENARIO = fileURLToPath(new URL('../scenarios/ieee13-day/scenario.yaml', import.meta.url));
const quiet = { update: () => {}, finish: () => {} };
const DER = 'pv-671';
const RATING_W = 600_000;
/** WMaxLimPct of model 123, by the models before it: 2 + 68 + 52 + 28 + 46 words, and 5 of its own. */
const LIMIT_REGISTER = 40_201;

test.serial('a physical inverter obeys its award, in real time, and its market is replayed', async (t) => {
  t.timeout(180_000);
  const inverter = await startForeignInverter({ rating_W: RATING_W, share: 0.8 });
  t.teardown(() => inverter.stop());
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-foreign-'));
  const noon = { start: '2026-06-21T12:00Z', intervals: 1, dayAhead: false };
  const loaded = loadScenario(SCENARIO, noon);
  const ders = loaded.scenario.ders.map((der) =>
    der.derId === DER ? { ...der, device: inverter.endpoint } : der,
  );
  const record = await runMarketDay({
    ...{ loaded: { ...loaded, scenario: { ...loaded.scenario, ders } }, folder, dsoEnforced: true },
    ...{ realtimeSpeed: 60, log: silentLogger(), say: () => {}, progress: quiet },
  });
  const summary = writeResults(folder, record);
  t.is(summary.intervals.completed, 1);

  const award = record.intervals[0]?.bids.find(({ derId }) => derId === DER);
  t.true(award !== undefined && award.allocation_W > 0);
  const commands = record.verdicts.filter(({ derId }) => derId === DER);
  t.deepEqual(
    commands.map(({ verdict, allocation_W }) => ({ verdict, allocation_W })),
    [{ verdict: 'verified', allocation_W: award?.allocation_W }],
  );
  // What it took: never more than its award, nothing but the limit, and a time after which it lets go.
  const limits = inverter.writes().filter(([address]) => address === LIMIT_REGISTER);
  t.true(limits.some(([, tenths]) => Math.abs((tenths ?? 0) - (award?.allocation_W ?? 0) / 600) <= 1));
  for (const [, tenths, , revert_s] of limits) {
    t.true((tenths ?? 0) <= 1000);
    t.true((revert_s ?? 0) > 0);
  }

  t.is(summary.pacing.steps, 15);
  t.is(summary.pacing.step_ms, 1000);
  t.is(readFileSync(join(folder, 'pacing.csv'), 'utf8').trim().split('\n').length, 16);
  t.regex(readFileSync(join(folder, 'report.html'), 'utf8'), /<h2>Real time<\/h2>/);

  const run = readRunFile(folder);
  t.true(run.notRepeatable.length > 0);
  const again = { recorded: folder, run, out: mkdtempSync(join(tmpdir(), 'fieldbid-foreign-again-')) };
  t.deepEqual(await replayFromRecords({ ...again, log: silentLogger(), say: () => {} }), []);
});
