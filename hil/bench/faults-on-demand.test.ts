/**
 * Every kind of fault on demand, in the day: the market names what it cost, nothing dies, later intervals are as if
 * nothing had been, no device delivers more than its award while it can be held to it, and a second run is the same.
 */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FaultControl } from '@fieldbid/core/lab/faults';
import { silentLogger } from '@fieldbid/core/logging';
import test, { type ExecutionContext } from 'ava';
import { compareRuns } from '../compare/compare-runs.ts';
import type { FaultEntry } from '../faults/timeline.ts';
import type { RunRecord } from '../recorder/run-record.ts';
import { faultEffects } from '../report/faults.ts';
import { shortcomings } from '../report/summary.ts';
import { loadScenario } from '../scenario/load.ts';
import { type MarketDayOptions, runMarketDay } from './market-day.ts';
import { writeResults } from './run-folder.ts';

const SCENARIO = fileURLToPath(new URL('../scenarios/ieee13-day/scenario.yaml', import.meta.url));
const at = (hhmm: string): string => `2026-06-21T${hhmm}Z`;
/** Solver and rounding. */
const TOLERANCE_W = 1;

async function run(faults: FaultEntry[], more: Partial<MarketDayOptions> = {}, intervals = 4) {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-demand-'));
  const loaded = loadScenario(SCENARIO, { start: at('11:00'), intervals, dayAhead: false });
  const record = await runMarketDay({
    loaded: { ...loaded, scenario: { ...loaded.scenario, faults } },
    folder,
    dsoEnforced: true,
    log: silentLogger(),
    say: () => {},
    progress: { update: () => {}, finish: () => {} },
    ...more,
  });
  return { folder, record, summary: writeResults(folder, record) };
}

/**
 * Minutes in which a DER delivered more than its award: `11:16 pv-1`.
 * @param unreached DERs that could not be told of their next award: within the revert time, two intervals, they hold the
 * one before.
 */
function above(record: RunRecord, unreached: readonly string[] = []): string[] {
  return record.minutes.flatMap(({ at_ms, power_W }) => {
    const now = record.intervals.findLastIndex(({ intervalId }) => Date.parse(idTime(intervalId)) <= at_ms);
    const award = (i: number, derId: string): number =>
      record.intervals[i]?.bids.find((bid) => bid.derId === derId)?.allocation_W ?? 0;
    return record.derIds.flatMap((derId, i) => {
      const before_W = unreached.includes(derId) ? award(now - 1, derId) : 0;
      const award_W = Math.max(award(now, derId), before_W);
      const time = new Date(at_ms).toISOString().slice(11, 16);
      return (power_W[i] ?? 0) > award_W + TOLERANCE_W ? [`${time} ${derId}`] : [];
    });
  });
}

const idTime = (intervalId: string): string => intervalId.replace('Z', ':00Z');

/** After all faults the last interval is whole: everybody bids, and every command is proved. */
function recovered(t: ExecutionContext, record: RunRecord): void {
  const last = record.intervals.at(-1)!;
  t.deepEqual(last.bids.map(({ derId }) => derId).sort(), [...record.derIds].sort());
  const verdicts = record.verdicts.filter(({ intervalId }) => intervalId === last.intervalId);
  t.deepEqual([...new Set(verdicts.map(({ verdict }) => verdict))], ['verified']);
  t.is(verdicts.length, record.derIds.length);
}

const OF_DERS: FaultEntry[] = [
  { at: at('11:16'), fault: 'device-offline', target: 'pv-611-c', duration_min: 4 },
  { at: at('11:16'), fault: 'device-frozen', target: 'pv-645-b', duration_min: 4 },
  { at: at('11:16'), fault: 'device-ignores-limit', target: 'pv-652-a', duration_min: 4 },
  { at: at('11:14'), fault: 'device-noise', target: 'pv-680', duration_min: 4 },
  { at: at('11:19'), fault: 'answers-late', target: 'pv-684-a', duration_min: 2 },
  { at: at('11:19'), fault: 'answers-corrupt', target: 'pv-684-c', duration_min: 2 },
  { at: at('11:19'), fault: 'answers-wrong-id', target: 'pv-632', duration_min: 2 },
  { at: at('11:13'), fault: 'agent-power-loss', target: 'pv-671', duration_min: 5 },
];

test.serial(
  'faults of devices, lines and gateways: held to their awards, named, and the same again',
  async (t) => {
    t.timeout(120_000);
    const first = await run(OF_DERS);
    t.deepEqual(
      first.record.faults.map(({ outcome, order }) => [order.fault, outcome]),
      first.record.faults.map(({ order }) => [order.fault, 'ended']),
    );
    t.is(first.record.faults.length, OF_DERS.length);
    t.like(first.summary, { intervals: { completed: 4 }, voltage: { violations: 0 }, powerFlows: 60 });
    // What ignores its limit does so; all others are within their awards in every minute.
    const unreached = ['pv-680', 'pv-671'];
    t.deepEqual([...new Set(above(first.record, unreached).map((one) => one.slice(6)))], ['pv-652-a']);
    const [frozen] = first.record.faults.filter(({ order }) => order.fault === 'device-frozen');
    t.like(frozen, {
      from_ms: Date.parse('2026-06-21T11:16:00Z'),
      until_ms: Date.parse('2026-06-21T11:20:00Z'),
    });
    const unproven = first.record.verdicts.filter(({ verdict }) => verdict === 'unproven');
    const named = new Set(faultEffects(first.record).flatMap((effect) => effect.unproven));
    for (const { intervalId, derId } of unproven) t.true(named.has(`${intervalId} ${derId}`));
    recovered(t, first.record);
    t.deepEqual(shortcomings(first.summary), []);
    const table = readFileSync(join(first.folder, 'faults.csv'), 'utf8');
    t.is(table.trim().split('\n').length, OF_DERS.length + 1);
    t.regex(
      readFileSync(join(first.folder, 'report.html'), 'utf8'),
      /Faults on demand[\s\S]*answers-wrong-id/,
    );
    const second = await run(OF_DERS);
    t.deepEqual(compareRuns(first.folder, second.folder), []);
  },
);

/** The BC-GW is away when the gate of 11:30 closes, the broker when its awards would go out. */
for (const [name, faults] of [
  [
    'BC-GW and DSO engine',
    [
      { at: at('11:16'), fault: 'gateway-killed', duration_min: 8 },
      { at: at('11:36'), fault: 'dso-engine-killed' },
    ],
  ],
  ['broker', [{ at: at('11:21'), fault: 'broker-killed', duration_min: 4 }]],
] as [string, FaultEntry[]][]) {
  test.serial(
    `${name} killed: the interval is named, the others are whole, and it is the same again`,
    async (t) => {
      t.timeout(120_000);
      const first = await run(faults);
      t.true(first.record.faults.every(({ outcome }) => outcome === 'ended'));
      t.is(first.record.faults.length, faults.length);
      t.deepEqual(first.summary.faults.explained.intervals, [at('11:30')]);
      t.is(first.summary.intervals.completed, 3);
      t.is(first.summary.voltage.violations, 0);
      t.deepEqual(above(first.record), []);
      t.deepEqual(shortcomings(first.summary), []);
      recovered(t, first.record);
      const second = await run(faults);
      t.deepEqual(compareRuns(first.folder, second.folder), []);
    },
  );
}

for (const [step_s, name] of [
  [600, 'ahead'],
  [-600, 'behind'],
] as const) {
  test.serial(
    `agent-clock-step, 10 min ${name}: the market goes on, and the device delivers no more than an award`,
    async (t) => {
      t.timeout(60_000);
      const derId = 'pv-680';
      const { record, summary } = await run(
        [{ at: at('11:16'), fault: 'agent-clock-step', target: derId, step_s, duration_min: 15 }],
        {},
        5,
      );
      t.is(summary.intervals.completed, 5);
      t.is(summary.voltage.violations, 0);
      // Its own award, or that of the interval that its clock says: never what the sun gives.
      const der = record.derIds.indexOf(derId);
      const awards_W = record.intervals.map(
        ({ bids }) => bids.find((bid) => bid.derId === derId)?.allocation_W ?? 0,
      );
      const most_W = Math.max(...awards_W);
      for (const { at_ms, power_W } of record.minutes)
        t.true(power_W[der]! <= most_W + TOLERANCE_W, `${new Date(at_ms).toISOString()}: ${power_W[der]} W`);
      t.deepEqual(
        [...new Set(above(record).map((one) => one.slice(6)))].filter((id) => id !== derId),
        [],
      );
      recovered(t, record);
    },
  );
}

test.serial(
  'what cannot be is refused, what is in force ends when somebody says so, and every mark is told',
  async (t) => {
    t.timeout(60_000);
    let control: FaultControl | undefined;
    const seen: string[] = [];
    const { record } = await run(
      [],
      {
        onFaultControl: (faults) => {
          control = faults;
        },
        onMinute: async ({ at_ms }) => {
          const time = new Date(at_ms).toISOString().slice(11, 16);
          if (time === '11:03') {
            const offline = { fault: 'device-offline', target: 'pv-680' } as const;
            t.like(await control!.inject(offline, 'page'), { id: 'f1', outcome: 'injected', until_ms: null });
            t.like(await control!.inject(offline, 'page'), {
              outcome: 'refused',
              note: 'in force already, as f1',
            });
            t.regex(
              (await control!.inject({ fault: 'device-offline', target: 'pv-0' }, 'page')).note,
              /found pv-0/,
            );
            t.regex(
              (await control!.inject({ fault: 'orderer-killed', target: 'orderer' }, 'command')).note,
              /not possible/,
            );
            await control!.inject({ fault: 'device-frozen', target: 'pv-671', duration_min: 2 }, 'command');
          }
          if (time === '11:04') t.like(await control!.end('f1'), { outcome: 'ended' });
          if (time === '11:05') t.is(await control!.end('f1'), undefined);
          seen.push(...control!.marks().map(({ id, outcome }) => `${id} ${outcome}`));
        },
      },
      1,
    );
    t.deepEqual(
      record.faults.map(({ id, outcome }) => `${id} ${outcome}`),
      ['f1 ended', 'f2 refused', 'f3 refused', 'f4 refused', 'f5 ended'],
    );
    const last = record.faults.at(-1)!;
    t.is(last.until_ms! - last.from_ms, 120_000);
    t.true(seen.includes('f1 injected'));
  },
);
