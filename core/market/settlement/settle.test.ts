import test from 'ava';
import { InputError } from '../../errors.ts';
import { parse } from '../../schema.ts';
import { hourOf, withDayAhead } from './day-ahead.ts';
import { DEFAULT_SETTLEMENT_RULES, SettlementRules } from './rules.ts';
import { type DerQuantities, type IntervalToSettle, settle, settleInterval } from './settle.ts';
import { statements } from './statements.ts';

const USD = 1_000_000;
const INTERVAL = '2026-06-21T12:15Z';

interface Example {
  readonly name: string;
  readonly arithmetic: string;
  readonly prices_USD_per_MWh: readonly [dayAhead: number, realTime: number];
  /** W, W, W, Wh over 15 minutes. */
  readonly quantities: readonly [
    dayAhead: number,
    realTime: number,
    dispatched: number,
    metered: number | null,
  ];
  readonly rules?: Partial<SettlementRules>;
  /** Of the DER, µ$. */
  readonly expected: readonly [
    dayAhead: number,
    realTime: number,
    trueUp: number,
    deviation: number,
    fee: number,
  ];
}

const EXAMPLES: readonly Example[] = [
  {
    name: 'sold ahead, sold more in real time, delivered a little less',
    arithmetic: `10 kW · ¼ h = 2,500 Wh · 40 $/MWh = 0.10 $; (12 - 10) kW · ¼ h = 500 Wh · 50 = 0.025 $; metered
      2,900 - 3,000 = -100 Wh · 50 = -0.005 $; 100 Wh is within max(10 % of 3,000, 500) = 500 Wh. In all 0.12 $.`,
    prices_USD_per_MWh: [40, 50],
    quantities: [10_000, 12_000, 12_000, 2900],
    expected: [100_000, 25_000, -5000, 0, 0],
  },
  {
    name: 'delivered far less: what lies beyond the band is charged',
    arithmetic: `True-up (2,000 - 3,000) Wh · 50 = -0.05 $; beyond the band 1,000 - 500 = 500 Wh · 10 % of 50 = 5 $/MWh
      = 0.0025 $.`,
    prices_USD_per_MWh: [40, 50],
    quantities: [10_000, 12_000, 12_000, 2000],
    expected: [100_000, 25_000, -50_000, -2500, 0],
  },
  {
    name: 'a fixed charge in place of the share',
    arithmetic: `500 Wh · 4 $/MWh = 0.002 $.`,
    prices_USD_per_MWh: [40, 50],
    quantities: [10_000, 12_000, 12_000, 2000],
    rules: { deviationCharge_USD_per_MWh: 4 },
    expected: [100_000, 25_000, -50_000, -2000, 0],
  },
  {
    name: 'exactly at the edge of the band, nothing is charged',
    arithmetic: `3,000 - 2,500 = 500 Wh = the band; true-up -500 Wh · 50 = -0.025 $.`,
    prices_USD_per_MWh: [40, 50],
    quantities: [10_000, 12_000, 12_000, 2500],
    expected: [100_000, 25_000, -25_000, 0, 0],
  },
  {
    name: 'delivered more than the wider band of a large DER',
    arithmetic: `40 kW · ¼ h = 10,000 Wh · 50 = 0.5 $ in real time; +2,000 Wh · 50 = 0.1 $; band 10 % of 10,000 = 1,000 Wh,
      beyond it 1,000 Wh · 5 = 0.005 $.`,
    prices_USD_per_MWh: [40, 50],
    quantities: [0, 40_000, 40_000, 12_000],
    expected: [0, 500_000, 100_000, -5000, 0],
  },
  {
    name: 'curtailed by the DSO after clearing: it is not paid for what it did not deliver, nor charged',
    arithmetic: `Cleared 12 kW, dispatched 8 kW = 2,000 Wh, metered 2,000: (2,000 - 3,000) Wh · 50 = -0.05 $; no deviation.`,
    prices_USD_per_MWh: [40, 50],
    quantities: [10_000, 12_000, 8000, 2000],
    expected: [100_000, 25_000, -50_000, 0, 0],
  },
  {
    name: 'a negative real-time price: who delivers more pays for it, and the charge is still a charge',
    arithmetic: `4 kW · ¼ h = 1,000 Wh · 30 = 0.03 $; nothing more in real time; +1,000 Wh · -20 = -0.02 $; beyond the band
      1,000 - 500 = 500 Wh · 10 % of |-20| = 2 $/MWh = 0.001 $.`,
    prices_USD_per_MWh: [30, -20],
    quantities: [4000, 4000, 4000, 2000],
    expected: [30_000, 0, -20_000, -1000, 0],
  },
  {
    name: 'a consumer pays',
    arithmetic: `-6 kW · ¼ h = -1,500 Wh · 80 = -0.12 $; -1,700 + 1,500 = -200 Wh · 80 = -0.016 $; within the band.`,
    prices_USD_per_MWh: [70, 80],
    quantities: [0, -6000, -6000, -1700],
    expected: [0, -120_000, -16_000, 0, 0],
  },
  {
    name: 'sold ahead and bought back in real time',
    arithmetic: `10 kW · ¼ h · 40 = 0.10 $; (0 - 10) kW · ¼ h = -2,500 Wh · 50 = -0.125 $.`,
    prices_USD_per_MWh: [40, 50],
    quantities: [10_000, 0, 0, 0],
    expected: [100_000, -125_000, 0, 0, 0],
  },
  {
    name: 'unmetered: nothing is proved, so nothing is paid, and nothing is charged beyond that',
    arithmetic: `0 - 2,500 Wh · 50 = -0.125 $.`,
    prices_USD_per_MWh: [40, 50],
    quantities: [10_000, 10_000, 10_000, null],
    expected: [100_000, 0, -125_000, 0, 0],
  },
  {
    name: 'unmetered, in a market that takes the dispatch for it',
    arithmetic: `settled at 2,500 Wh: no true-up.`,
    prices_USD_per_MWh: [40, 50],
    quantities: [10_000, 10_000, 10_000, null],
    rules: { unmetered: 'dispatched' },
    expected: [100_000, 0, 0, 0, 0],
  },
  {
    name: 'unmetered at a negative price: silence does not save what was dispatched',
    arithmetic: `4 kW · ¼ h = 1,000 Wh · -20 = -0.02 $; at nothing delivered it would be 0: settled as dispatched.`,
    prices_USD_per_MWh: [0, -20],
    quantities: [0, 4000, 4000, null],
    expected: [0, -20_000, 0, 0, 0],
  },
  {
    name: 'unmetered consumption is paid for as dispatched',
    arithmetic: `-6 kW · ¼ h · 80 = -0.12 $.`,
    prices_USD_per_MWh: [0, 80],
    quantities: [0, -6000, -6000, null],
    expected: [0, -120_000, 0, 0, 0],
  },
  {
    name: 'the fee is a part of the earnings',
    arithmetic: `100,000 + 25,000 - 5,000 = 120,000 µ$ · 50,000 ppm = 6,000 µ$.`,
    prices_USD_per_MWh: [40, 50],
    quantities: [10_000, 12_000, 12_000, 2900],
    rules: { fee_ppm: 50_000 },
    expected: [100_000, 25_000, -5000, 0, -6000],
  },
  {
    name: 'no fee on a loss',
    arithmetic: `-136,000 µ$ are no earnings.`,
    prices_USD_per_MWh: [70, 80],
    quantities: [0, -6000, -6000, -1700],
    rules: { fee_ppm: 50_000 },
    expected: [0, -120_000, -16_000, 0, 0],
  },
];

function intervalOf(
  [dayAhead, realTime]: readonly [number, number],
  ders: readonly DerQuantities[],
): IntervalToSettle {
  return {
    intervalId: INTERVAL,
    interval_min: 15,
    dayAhead_uUSD_per_MWh: dayAhead * USD,
    realTime_uUSD_per_MWh: realTime * USD,
    ders,
  };
}

for (const { name, prices_USD_per_MWh, quantities, rules, expected } of EXAMPLES) {
  test(name, (t) => {
    const [dayAhead_W, realTime_W, dispatched_W, metered_Wh] = quantities;
    const der = { derId: 'pv-1', deraId: 'north', dayAhead_W, realTime_W, dispatched_W, metered_Wh };
    const settlement = settleInterval(intervalOf(prices_USD_per_MWh, [der]), {
      ...DEFAULT_SETTLEMENT_RULES,
      ...rules,
    });
    const [iso, dera, pv] = statements(settlement);
    const [dayAhead, realTime, trueUp, deviation, fee] = expected;
    const kinds = { 'day-ahead': dayAhead, 'real-time': realTime, 'true-up': trueUp, deviation, fee };
    t.deepEqual(pv!.byKind_uUSD, kinds);
    t.is(pv!.total_uUSD, dayAhead + realTime + trueUp + deviation + fee);
    t.is(dera!.total_uUSD, 0 - fee);
    t.is(dera!.received_uUSD - dera!.paid_uUSD, 0 - fee);
    t.is(iso!.total_uUSD + dera!.total_uUSD + pv!.total_uUSD, 0);
    t.is(pv!.unmetered, metered_Wh === null ? 1 : 0);
  });
}

const idle = { dayAhead_W: 0, realTime_W: 0, dispatched_W: 0, metered_Wh: 0 };

test('rounding loses no µ$: what the DERA receives is what it passes on', (t) => {
  // 1 W · 15 min · 30 $/MWh = 7.5 µ$ each. Three are 22.5, rounded 23: 8 + 8 + 7, where each alone would round to 8.
  const ders = ['a', 'b', 'c'].map((derId) => ({
    ...{ ...idle, derId, deraId: 'north', realTime_W: 1 },
    ...{ dispatched_W: 1, metered_Wh: null },
  }));
  const rules: SettlementRules = { ...DEFAULT_SETTLEMENT_RULES, unmetered: 'dispatched' };
  const { postings } = settleInterval(intervalOf([0, 30], ders), rules);
  const about = { kind: 'real-time', intervalId: INTERVAL } as const;
  t.deepEqual(postings, [
    { from: 'iso', to: 'north', amount_uUSD: 23, ...about },
    { from: 'north', to: 'a', amount_uUSD: 8, ...about, derId: 'a' },
    { from: 'north', to: 'b', amount_uUSD: 8, ...about, derId: 'b' },
    { from: 'north', to: 'c', amount_uUSD: 7, ...about, derId: 'c' },
  ]);
  t.deepEqual(settleInterval(intervalOf([0, 30], [...ders].reverse()), rules).postings, postings);
});

test('a name that stands for two parties is refused, and so is what is no integer', (t) => {
  const rules = DEFAULT_SETTLEMENT_RULES;
  const settled = (...ders: DerQuantities[]) => settleInterval(intervalOf([1, 1], ders), rules);
  const pv = { ...idle, derId: 'pv', deraId: 'north' };
  t.throws(() => settled(pv, pv), { message: /pv stands for two parties/ });
  t.throws(() => settled(pv, { ...pv, derId: 'north' }), { message: /north stands for two/ });
  t.throws(() => settled({ ...pv, derId: 'iso' }), { message: /iso stands for two/ });
  t.throws(() => settled({ ...pv, deraId: 'iso' }), { message: /iso stands for two/ });
  t.throws(() => settled({ ...pv, realTime_W: 0.5 }), { instanceOf: RangeError });
});

test('the quantity and price of an hour hold in each of its quarter hours', (t) => {
  t.is(hourOf('2026-06-21T12:45Z', 15), '2026-06-21T12:00Z');
  const hours = [{ hourId: '2026-06-21T12:00Z', price_uUSD_per_MWh: 40 * USD, quantities_W: { pv: 10_000 } }];
  const quarter = (minute: string) => ({
    intervalId: `2026-06-21T12:${minute}Z`,
    price_uUSD_per_MWh: 50 * USD,
    ders: [{ derId: 'pv', deraId: 'north', realTime_W: 10_000, dispatched_W: 10_000, metered_Wh: 2500 }],
  });
  const intervals = ['00', '15', '30', '45'].map(quarter);
  const settlement = settle(withDayAhead(intervals, hours, 15), DEFAULT_SETTLEMENT_RULES);
  // 10 kW over the hour at 40 $/MWh: 0.4 $, a quarter of it in each interval.
  const pv = statements(settlement).find(({ party }) => party === 'pv')!;
  t.is(pv.total_uUSD, 400_000);
  t.is(pv.settled_Wmin / 60, 10_000);
  t.deepEqual(
    pv.lines.map((line) => line.total_uUSD),
    [100_000, 100_000, 100_000, 100_000],
  );
  const fault = (work: () => unknown) => t.throws(work, { instanceOf: InputError })!.message;
  t.regex(
    fault(() => withDayAhead([{ ...quarter('00'), ders: [] }], hours, 15)),
    /at \/intervals\/0\/ders: .* pv, which sold/,
  );
  t.regex(
    fault(() => withDayAhead(intervals, [], 15)),
    /the day-ahead hour 2026-06-21T12:00Z/,
  );
  t.regex(
    fault(() => withDayAhead(intervals, hours, 7)),
    /divide the hour/,
  );
});

test('the defaults of the config section', (t) => {
  t.deepEqual(parse(SettlementRules, {}, 'test'), DEFAULT_SETTLEMENT_RULES);
  t.throws(() => parse(SettlementRules, { fee_ppm: 0.5 }, 'test'), { message: /fee_ppm/ });
});
