import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { compareRuns } from '../compare/compare-runs.ts';
import { shortcomings } from '../report/summary.ts';
import { loadScenario } from '../scenario/load.ts';
import { runMarketDay } from './market-day.ts';
import { writeResults } from './run-folder.ts';

const SCENARIO = fileURLToPath(new URL('../scenarios/ieee13-day/scenario.yaml', import.meta.url));
const INTERVALS = 10;

/** Two hours around noon, and half of a third, which is sold whole and delivered in part. */
async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-two-'));
  const loaded = loadScenario(SCENARIO, { start: '2026-06-21T11:00Z', intervals: INTERVALS });
  const record = await runMarketDay({
    ...{ loaded, folder, dsoEnforced: true, log: silentLogger(), say: () => {} },
    progress: { update: () => {}, finish: () => {} },
  });
  return { folder, record, summary: writeResults(folder, record) };
}

/** Rows of a table by column. */
function rowsOf(folder: string, name: string): Record<string, string>[] {
  const [header = [], ...rows] = readFileSync(join(folder, name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));
  return rows.map((row) => Object.fromEntries(header.map((column, i) => [column, row[i] ?? ''])));
}

test.serial('day ahead and real time, settled with metered energy; it repeats exactly', async (t) => {
  t.timeout(120_000);
  const first = await run();
  const { folder, record, summary } = first;
  t.deepEqual(shortcomings(summary), []);
  t.like(summary.dayAhead, { hours: 3, completed: 3 });
  t.true(summary.dayAhead!.cleared_kWh > 1000);
  t.like(summary.settlement, {
    ...{ intervals: INTERVALS, recorded: INTERVALS, isoAgreed: INTERVALS, isoDisagreed: 0 },
    ...{ unmetered: 0, sum_uUSD: 0 },
  });
  // The day ahead is in none of the real-time figures.
  t.like(summary.bids, { submitted: 12 * INTERVALS, refused: 0 });
  t.like(summary.intervals, { planned: INTERVALS, completed: INTERVALS });
  for (const column of Object.keys(rowsOf(folder, 'statements.csv')[0]!)) {
    if (!column.endsWith('_uUSD') || /received|paid/.test(column)) continue;
    const sum = rowsOf(folder, 'statements.csv').reduce((all, row) => all + Number(row[column]), 0);
    t.is(sum, 0, column);
  }
  for (const { bids, intervalId } of record.intervals) {
    for (const { derId, metered_Wh, status } of bids) {
      t.is(status, 'settled', `${derId} in ${intervalId}`);
      t.not(metered_Wh, null);
    }
  }
  t.true(record.dayAhead.every(({ bids }) => bids.every(({ status }) => status !== 'settled')));
  metersFollowThePlant(t, folder);
  payByHand(t, folder);
  const second = await run();
  t.deepEqual(compareRuns(folder, second.folder), []);
});

/** What the counters say is what the plant's minutes say, within a minute's worth of one. */
function metersFollowThePlant(t: { true(value: boolean, message: string): void }, folder: string): void {
  const minutes = rowsOf(folder, 'devices.csv');
  for (const { interval = '', der = '', metered_Wh } of rowsOf(folder, 'settlement.csv')) {
    const start_ms = Date.parse(interval.replace('Z', ':00Z'));
    const powerAt = (row: (typeof minutes)[number]): number => Number(row[`${der}_power_W`]);
    const within = minutes.filter(
      ({ time = '' }) => Date.parse(time) >= start_ms && Date.parse(time) < start_ms + 900_000,
    );
    const expected_Wh = within.reduce((sum, row) => sum + powerAt(row) / 60, 0);
    // A ramp at the interval's start shows in no minute of it.
    const most_Wh = Math.max(...minutes.map(powerAt)) / 60 + 10;
    t.true(Math.abs(Number(metered_Wh) - expected_Wh) < most_Wh, `${der} in ${interval}: ${metered_Wh} Wh`);
  }
}

/** One DER's pay from bids, prices and meters alone, as floating-point dollars: none of the code that settled it. */
function payByHand(t: { true(value: boolean, message: string): void }, folder: string): void {
  const der = 'pv-680';
  const of = (name: string) => rowsOf(folder, name).filter((row) => row.der === der);
  const hours = new Map(of('day-ahead.csv').map((row) => [row.hour?.slice(0, 13), row]));
  const prices = new Map(
    rowsOf(folder, 'intervals.csv').map((row) => [row.interval, Number(row.price_USD_per_MWh)]),
  );
  let pay_USD = 0;
  for (const award of of('awards.csv')) {
    const hour = hours.get(award.interval?.slice(0, 13));
    const sold_MWh = Number(hour?.cleared_W) / 4e6;
    const metered_MWh = Number(award.metered_Wh) / 1e6;
    const dispatched_MWh = Number(award.allocation_W) / 4e6;
    const price = prices.get(award.interval) ?? Number.NaN;
    const band_MWh = Math.max(0.1 * dispatched_MWh, 0.0005);
    const excess_MWh = Math.max(0, Math.abs(metered_MWh - dispatched_MWh) - band_MWh);
    pay_USD += sold_MWh * Number(hour?.price_USD_per_MWh) + (metered_MWh - sold_MWh) * price;
    pay_USD -= 0.1 * Math.abs(price) * excess_MWh;
  }
  const statement = rowsOf(folder, 'statements.csv').find(({ party }) => party === der);
  const paid_USD = Number(statement?.total_uUSD) / 1e6;
  t.true(pay_USD > 1, 'something was paid');
  // A µ$ per interval and kind is rounding.
  t.true(
    Math.abs(pay_USD - paid_USD) < 4e-6 * INTERVALS,
    `${pay_USD} $ by hand, ${paid_USD} $ in the statement`,
  );
}
