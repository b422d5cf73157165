import type { SettlementReport } from '@fieldbid/core/market/settlement/report';
import test from 'ava';
import { type ClearedBook, checkSettlement } from './settlement-check.ts';

const USD = 1_000_000;
const book = (price: number, north_W: number): ClearedBook => ({
  price_uUSD_per_MWh: price * USD,
  cleared_W: new Map([['north', north_W]]),
});

/** 40 kW at 40 $/MWh a day ahead, 30 kW at 60 $/MWh in real time: 0.4 $, and 2.5 kWh back at 60: 0.15 $. */
const report = {
  ...{ deraId: 'north', intervalId: '2026-06-21T12:00Z', interval_min: 15 },
  rows: [{ derId: 'a' }],
  postings: [
    { from: 'iso', to: 'north', amount_uUSD: 400_000, kind: 'day-ahead' },
    { from: 'north', to: 'a', amount_uUSD: 400_000, kind: 'day-ahead' },
    { from: 'north', to: 'iso', amount_uUSD: 150_001, kind: 'real-time' },
    { from: 'a', to: 'north', amount_uUSD: 150_001, kind: 'real-time' },
    { from: 'iso', to: 'north', amount_uUSD: 77, kind: 'true-up' },
  ],
} as unknown as SettlementReport;

test('the ISO reckons both legs again; a µ$ per DER is rounding, a true-up is not its own', (t) => {
  t.deepEqual(checkSettlement(report, book(60, 30_000), book(40, 40_000)), {
    agreed: true,
    differences: [],
  });
});

test('another quantity, another price, or an interval that was not cleared is said', (t) => {
  const { agreed, differences } = checkSettlement(report, book(60, 30_000), book(40, 40_001));
  t.false(agreed);
  t.deepEqual(differences, [
    'day-ahead: 400000 µ$ were reckoned, what cleared comes to 400010 µ$',
    'real-time: -150001 µ$ were reckoned, what cleared comes to -150015 µ$',
  ]);
  t.false(checkSettlement(report, book(61, 30_000), book(40, 40_000)).agreed);
  t.false(checkSettlement(report, book(60, 30_000), undefined).agreed);
  t.regex(checkSettlement(report, undefined, undefined).differences.join(), /not cleared here/);
});
