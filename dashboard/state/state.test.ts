import { MINUTE_MS } from '@fieldbid/core/interval';
import type { SettlementReport } from '@fieldbid/core/market/settlement/report';
import test from 'ava';
import {
  agentOf,
  clearingOf,
  gridAt,
  measurementOf,
  START_MS,
  smallLab,
  verdictOf,
} from '../testing/small-lab.ts';
import { Changing } from './changing.ts';
import { type DayPoint, DaySeries } from './day-series.ts';
import { MarketState } from './market-state.ts';
import { MarketCalendar } from './schedule.ts';
import { Settlements } from './settlements.ts';

const at = (clock: string): number => Date.parse(`2026-06-21T${clock}:00Z`);

test('the schedule says what is traded, what is in force and what comes next, to the end', (t) => {
  const calendar = new MarketCalendar(smallLab(1).calendar);
  const said = (clock: string) => {
    const { phase, inForce, traded, next } = calendar.at(at(clock));
    const time = (text: string | null): string => text?.slice(11, 16) ?? '–';
    const until = next === null ? '–' : new Date(next.at_ms).toISOString().slice(11, 16);
    return [phase, time(inForce), time(traded), until].join(' ');
  };
  t.is(said('11:40'), 'waiting – – 11:50');
  t.is(said('11:50'), 'bidding – 12:00 11:52');
  t.is(said('11:52'), 'checking – 12:00 11:55');
  t.is(said('11:55'), 'clearing – 12:00 11:56');
  t.is(said('11:56'), 'awarding – 12:00 12:00');
  t.is(said('12:00'), 'delivery 12:00 – 12:05');
  t.is(said('12:14'), 'awarding 12:00 12:15 12:15');
  t.is(said('12:45'), 'delivery 12:45 – 13:00');
  t.is(said('13:00'), 'over – – –');
});

test('a day ahead is traded before the first interval, for all hours at once', (t) => {
  const dayAhead = { bid_min: 60, gateClosure_min: 50, clearing_min: 40, award_min: 30 };
  const calendar = new MarketCalendar({ ...smallLab(1).calendar, dayAhead });
  t.like(calendar.at(at('10:30')), {
    phase: 'waiting',
    next: { what: 'day-ahead bids', at_ms: at('11:00') },
  });
  t.like(calendar.at(at('11:05')), {
    phase: 'bidding',
    market: 'day-ahead',
    traded: '2026-06-21T12:00Z--PT60M',
  });
  t.like(calendar.at(at('11:45')), { phase: 'awarding', market: 'day-ahead', next: { at_ms: at('11:50') } });
  t.like(calendar.at(at('11:51')), { phase: 'bidding', market: 'real-time', traded: '2026-06-21T12:00Z' });
});

test('a long run stays within its points, and no excursion is lost', (t) => {
  const day = new DaySeries(100);
  for (let i = 0; i < 980; i++) {
    const spike = i === 333 ? 1_090_000 : 1_000_000;
    day.add(
      { at_ms: i * MINUTE_MS, lowest_upu: 990_000, highest_upu: spike, delivered_W: 10, available_W: null },
      i + 1,
    );
  }
  const all = day.since(-1);
  t.true(all?.whole);
  t.true((all?.at_s.length ?? 0) <= 100);
  t.is(Math.max(...((all?.highest_upu ?? []) as number[])), 1_090_000);
  t.is(all?.delivered_W[0], 10);
  t.is(all?.available_W[0], null);
  const point: DayPoint = { at_ms: 0, lowest_upu: 1, highest_upu: 1, delivered_W: 1, available_W: 1 };
  day.add(point, 2000);
  t.is(day.since(1000), undefined, 'what is not behind the last in time is left out');
  day.add({ ...point, at_ms: 2000 * MINUTE_MS }, 2001);
  t.like(day.since(2000), { whole: false, at_s: [120_000] });
});

test('values by key are bounded, and changes told once', (t) => {
  const some = new Changing<number>(2);
  some.set('a', 1, 1);
  some.set('b', 2, 2);
  some.set('c', 3, 3);
  t.deepEqual(some.values(), [2, 3]);
  t.deepEqual(some.since(2), [3]);
  t.is(some.since(3), undefined);
});

test('rows follow measurements and verdicts, history does not count as the present, and trouble is said', (t) => {
  let now_ms = START_MS + MINUTE_MS;
  const state = new MarketState({ now: () => now_ms, speed: 1 });
  const lab = smallLab(3);
  state.takeLab(lab);
  state.takeMeasurement(measurementOf('pv-0001', 1, 4200));
  state.takeMeasurement({ ...measurementOf('pv-0001', 5, 1), historical: true });
  state.takeVerdict(verdictOf('pv-0001', 'verified', 3));
  state.takeVerdict(verdictOf('pv-0001', 'refused', 2));
  state.takeClearing(clearingOf('2026-06-21T12:00Z', 40));
  const first = state.changesSince(-1);
  t.true(Object.isFrozen(first));
  t.like(first.ders?.[1], {
    derId: 'pv-0001',
    measured: { power_W: 4200 },
    verdict: { verdict: 'verified' },
  });
  t.like(first.intervals?.[0], { price_uUSD_per_MWh: 40_000_000, verified: 1, refused: 0 });
  t.is(state.changesSince(first.revision).ders, undefined);
  t.deepEqual(first.trouble, []);

  state.takeGrid(gridAt(lab, 2, 1, 0.94));
  state.takeAgent(agentOf('pv-0002', false));
  state.takeVerdict(verdictOf('pv-0001', 'unproven', 4));
  now_ms += MINUTE_MS;
  const second = state.changesSince(first.revision);
  t.deepEqual(
    second.trouble?.map(({ text }) => text),
    [
      'Voltage outside its limits at bus-0.A.',
      'An agent is away: agent-pv-0002.',
      'Command not proved: pv-0001 (unproven).',
    ],
  );
  t.deepEqual(
    second.ders?.map(({ derId }) => derId),
    ['pv-0001'],
  );
  t.like(second.day, { whole: false, lowest_upu: [940_000], delivered_W: [15_009] });
});

test('a settlement that comes again replaces what it said before, and all parties come to nothing', (t) => {
  const report = (amount_uUSD: number, agreed: boolean): SettlementReport => ({
    ...{ deraId: 'dera-1', intervalId: '2026-06-21T12:00Z', interval_min: 15, dayAhead_uUSD_per_MWh: null },
    ...{
      realTime_uUSD_per_MWh: 1,
      rows: [],
      recorded: true,
      took_ms: 1,
      notes: [],
      iso: { agreed, differences: [] },
    },
    postings: [
      { from: 'iso', to: 'dera-1', amount_uUSD, kind: 'real-time', intervalId: '2026-06-21T12:00Z' },
      { from: 'dera-1', to: 'pv-1', amount_uUSD, kind: 'real-time', intervalId: '2026-06-21T12:00Z' },
    ],
  });
  const settlements = new Settlements();
  settlements.take(report(500, false));
  t.is(settlements.view().disagreed.length, 1);
  settlements.take(report(700, true));
  const { parties, sum_uUSD, intervals, disagreed } = settlements.view();
  t.deepEqual(
    parties.map(({ party, total_uUSD }) => [party, total_uUSD]),
    [
      ['iso', -700],
      ['dera-1', 0],
      ['pv-1', 700],
    ],
  );
  t.deepEqual([sum_uUSD, intervals, disagreed], [0, 1, []]);
});
