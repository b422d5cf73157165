/** Each scenario of the library at reduced length: it runs, all is well, what it is there for shows, and it is replayed. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '@fieldbid/core/errors';
import { silentLogger } from '@fieldbid/core/logging';
import test, { type ExecutionContext } from 'ava';
import { runMarketDay } from '../bench/market-day.ts';
import { writeResults } from '../bench/run-folder.ts';
import type { RunRecord } from '../recorder/run-record.ts';
import { replayFromSeed } from '../replay/replay-run.ts';
import { readRunFile } from '../replay/run-file.ts';
import { shortcomings } from '../report/summary.ts';
import { loadScenario, type Overrides } from '../scenario/load.ts';

const HERE = fileURLToPath(new URL('./two-deras/', import.meta.url));
const quiet = { update: () => {}, finish: () => {} };

function fileOf(name: string): string {
  return fileURLToPath(new URL(`./${name}/scenario.yaml`, import.meta.url));
}

/** Runs it, and once more from its own folder: that gives the same, byte for byte. */
async function run(t: ExecutionContext, name: string, overrides: Overrides) {
  t.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), `fieldbid-${name}-`));
  const loaded = loadScenario(fileOf(name), { dayAhead: false, ...overrides });
  const about = { dsoEnforced: true, log: silentLogger(), say: () => {}, progress: quiet };
  const record = await runMarketDay({ loaded, folder, ...about });
  const summary = writeResults(folder, record);
  const out = mkdtempSync(join(tmpdir(), `fieldbid-${name}-again-`));
  const again = { recorded: folder, run: readRunFile(folder), out, log: silentLogger(), say: () => {} };
  t.deepEqual(await replayFromSeed({ ...again, progress: () => quiet }), []);
  return { record, summary };
}

/** Energy at a DER's terminals over an interval, W on average. */
function delivered_W(
  { derIds, minutes }: RunRecord,
  derId: string,
  from_ms: number,
  until_ms: number,
): number {
  const i = derIds.indexOf(derId);
  const within = minutes.filter(({ at_ms }) => at_ms >= from_ms && at_ms < until_ms);
  return within.reduce((sum, { power_W }) => sum + (power_W[i] ?? 0), 0) / within.length;
}

test.serial(
  'two DERAs: one check of the feeder and one price for both, an offer and awards each',
  async (t) => {
    const { record, summary } = await run(t, 'two-deras', { start: '2026-06-21T11:45Z', intervals: 2 });
    t.deepEqual(shortcomings(summary), []);
    t.like(summary.commands, { verified: 24, refused: 0, unproven: 0 });
    for (const { bids, clearing, reports, decision } of record.intervals) {
      t.deepEqual(
        reports.map(({ deraId }) => deraId),
        ['dera-1', 'dera-south'],
      );
      t.deepEqual(
        ['dera-1', 'dera-south'].map((deraId) => bids.filter((bid) => bid.deraId === deraId).length),
        [6, 6],
      );
      t.not(clearing, null);
      t.not(decision, null);
      // A4: whoever's they are, no bid below the common factor and none above what it asked for.
      for (const bid of bids) t.true(bid.approved_W <= bid.bid_W && bid.allocation_W <= bid.approved_W);
    }
    t.true(summary.intervals.curtailed > 0);
    t.is(summary.settlement?.sum_uUSD, 0);
  },
);

test.serial(
  'storage: a battery delivers the watts that it was awarded, at noon as in the dark',
  async (t) => {
    const { record, summary } = await run(t, 'storage', { start: '2026-06-21T19:30Z', intervals: 3 });
    t.deepEqual(shortcomings(summary), []);
    const sold = record.intervals.flatMap(({ intervalId, bids }) =>
      bids
        .filter(({ derId, allocation_W }) => derId.startsWith('bat-') && allocation_W > 0)
        .map(({ derId, allocation_W }) => ({
          derId,
          allocation_W,
          from_ms: Date.parse(intervalId.replace('Z', ':00Z')),
        })),
    );
    t.true(sold.length > 0, 'no battery has sold anything');
    for (const { derId, allocation_W, from_ms } of sold) {
      // After the ramp: from the second minute on.
      const given_W = delivered_W(record, derId, from_ms + 60_000, from_ms + 15 * 60_000);
      t.true(
        Math.abs(given_W - allocation_W) <= 0.01 * allocation_W + 100,
        `${derId}: ${given_W} of ${allocation_W} W`,
      );
    }
  },
);

test.serial('night: inverters that read "not implemented" bid nothing, and sell with the sun', async (t) => {
  const { record, summary } = await run(t, 'night-sentinels', { start: '2026-06-21T04:00Z', intervals: 6 });
  t.deepEqual(shortcomings(summary), []);
  t.deepEqual(record.intervals[0]?.bids, []);
  t.is(record.intervals.at(-1)?.bids.length, 12);
});

test.serial(
  'clouds: what was awarded cannot always be delivered, and limits hold all the same',
  async (t) => {
    const { record, summary } = await run(t, 'clouds', { start: '2026-06-21T11:00Z', intervals: 3 });
    t.deepEqual(shortcomings(summary), []);
    t.true(summary.energy_kWh.delivered < 0.97 * summary.energy_kWh.allocated);
    for (const { available_W, power_W } of record.minutes) {
      power_W.forEach((power, i) => void t.true(power <= (available_W[i] ?? 0) + 1));
    }
  },
);

test.serial('evening ramp: every hour there is less to sell, at a higher price', async (t) => {
  const { record, summary } = await run(t, 'evening-ramp', { start: '2026-06-21T17:00Z', intervals: 8 });
  t.deepEqual(shortcomings(summary), []);
  const bid_W = record.intervals.map(({ bids }) => bids.reduce((sum, bid) => sum + bid.bid_W, 0));
  for (const [i, now_W] of bid_W.entries()) t.true(i === 0 || now_W < (bid_W[i - 1] ?? 0), `${bid_W}`);
  const price = record.intervals.map(({ clearing }) => clearing?.price_uUSD_per_MWh ?? 0);
  t.true((price.at(-1) ?? 0) > (price[0] ?? 0), `${price}`);
});

test.serial(
  'grid emulators: two inverters have the feeder by way of an AC source, and sell as they did',
  async (t) => {
    const { record, summary } = await run(t, 'grid-emulator', { start: '2026-06-21T11:45Z', intervals: 1 });
    t.deepEqual(shortcomings(summary), []);
    t.deepEqual(
      record.emulators.map(({ name, device, left }) => [name, device, left?.output]),
      [
        ['em-675', 'simulated modbus', 'on'],
        ['em-611', 'simulated opcua', 'off'],
      ],
    );
    t.like(summary.commands, { verified: 12, refused: 0, unproven: 0 });
  },
);

test.serial(
  'a thousand DERs, in process, several to an agent: every command of an interval is verified',
  async (t) => {
    t.timeout(300_000);
    const file = fileOf('thousand-ders');
    const loaded = loadScenario(file, { start: '2026-06-21T11:45Z', intervals: 1, dayAhead: false });
    const ders = loaded.scenario.ders.map((der) => ({ ...der, protocol: 'in-process' as const }));
    const agents = { ...loaded.scenario.agents, ders_per_agent: 100 };
    const folder = mkdtempSync(join(tmpdir(), 'fieldbid-thousand-'));
    const record = await runMarketDay({
      ...{ loaded: { ...loaded, scenario: { ...loaded.scenario, ders, agents } }, folder },
      ...{ dsoEnforced: true, log: silentLogger(), say: () => {}, progress: quiet },
    });
    const summary = writeResults(folder, record);
    t.deepEqual(shortcomings(summary), []);
    t.like(summary.bids, { submitted: 1000, accepted: 1000 });
    t.like(summary.commands, { verified: 1000, refused: 0, unproven: 0 });
    t.is(summary.voltage.violations, 0);
  },
);

test('a DERA that does not take part in the market, and quirks of a device that is not simulated, are refused', (t) => {
  const text = readFileSync(fileOf('two-deras'), 'utf8').replaceAll('../', `${HERE}../`);
  const changed = (from: string, to: string): string => {
    const file = join(mkdtempSync(join(tmpdir(), 'fieldbid-scenario-')), 'scenario.yaml');
    t.true(text.includes(from));
    writeFileSync(file, text.replace(from, to).replaceAll('../../../feeders', '../../feeders'));
    return file;
  };
  const cases: [string, string, RegExp][] = [
    ['[dera-1, dera-south]', '[dera-1]', /participants.*found dera-1.*expected a list with dera-south/s],
    [
      '{ derId: pv-675,',
      "{ derId: pv-675, device: 'tcp://127.0.0.1:502?unit=1', quirks: { nightSentinels: true },",
      /ders\/8\/quirks/,
    ],
    ['{ derId: pv-675,', '{ derId: pv-675, device: dump:missing.json,', /ders\/8\/device.*missing.json/],
  ];
  for (const [from, to, message] of cases) {
    t.throws(() => loadScenario(changed(from, to)), { instanceOf: InputError, message });
  }
});
