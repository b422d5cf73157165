import { bidUid } from '@fieldbid/core/digest';
import { intervalOf } from '@fieldbid/core/interval';
import { Bid } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import test from 'ava';
import fc from 'fast-check';
import { bidPrice, bidSequence, buildBid } from './bid.ts';

const RANGE = { floor: -150_000_000, cap: 2_000_000_000 };
const none = (price: number) => ({ price_uUSD_per_MWh: price, clampedTo: 'none' as const });

// Eq. 1 by hand: P_forecast · (1 + RF/100).
test('30 $/MWh and RF 10 % are 33 $/MWh', (t) => {
  t.deepEqual(bidPrice(30_000_000, 10, RANGE), none(33_000_000));
  t.deepEqual(bidPrice(30_000_000, 0, RANGE), none(30_000_000));
  t.deepEqual(bidPrice(30_000_000, -25, RANGE), none(22_500_000));
  t.deepEqual(bidPrice(30_000_000, -100, RANGE), none(0));
});

test('a negative forecast: the rule stays, so a higher RF bids lower (decision A2)', (t) => {
  t.deepEqual(bidPrice(-20_000_000, 10, RANGE), none(-22_000_000));
  t.deepEqual(bidPrice(-20_000_000, -50, RANGE), none(-10_000_000));
  t.deepEqual(bidPrice(-20_000_000, -200, RANGE), none(20_000_000));
});

test('outside of the market it is held at its end, and that is recorded', (t) => {
  t.deepEqual(bidPrice(-100_000_000, 60, RANGE), { price_uUSD_per_MWh: -150_000_000, clampedTo: 'floor' });
  t.deepEqual(bidPrice(1_500_000_000, 50, RANGE), { price_uUSD_per_MWh: 2_000_000_000, clampedTo: 'cap' });
  t.deepEqual(bidPrice(2_000_000_000, 0, RANGE), none(2_000_000_000));
});

test('micro-dollars are whole, halves away from zero', (t) => {
  t.deepEqual(bidPrice(1, 50, RANGE), none(2));
  t.deepEqual(bidPrice(-1, 50, RANGE), none(-2));
});

test('any forecast and RF: an integer inside the market', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: -1e12, max: 1e12 }),
      fc.double({ min: -1000, max: 1000, noNaN: true }),
      (p, rf) => {
        const { price_uUSD_per_MWh: price, clampedTo } = bidPrice(p, rf, RANGE);
        t.true(Number.isInteger(price) && price >= RANGE.floor && price <= RANGE.cap);
        if (clampedTo === 'none') t.true(Math.abs(price - p * (1 + rf / 100)) <= 0.5 + 1e-3);
      },
    ),
  );
});

test('a bid is complete, and its UID is that of DER, interval and product', (t) => {
  const interval = intervalOf('2026-06-21T12:15Z', 15);
  const bid = buildBid({
    derId: 'pv-1',
    deraId: 'dera-1',
    deviceIds: ['inv-1'],
    interval,
    quantity_W: 4000,
    forecast_uUSD_per_MWh: 30_000_000,
    riskFactor_pct: 5,
    range: RANGE,
    state: {
      readAt_ms: interval.start_ms - 600_000,
      measured_W: 4000,
      available_W: 4000,
      source: 'measured',
      rating_W: 5000,
      limit_pct: null,
    },
    now_ms: interval.start_ms - 600_000,
    expiresAt_ms: interval.start_ms - 480_000,
    bid_ms: interval.start_ms - 600_000,
  });
  t.notThrows(() => parse(Bid, bid, 'test'));
  t.is(bid.uid, bidUid('pv-1', '2026-06-21T12:15Z', 'energy'));
  t.is(bid.price_uUSD_per_MWh, 31_500_000);
  t.is(bid.cap_uUSD_per_MWh, RANGE.cap);
});

test('sequences grow with repetitions and intervals, whatever was forgotten in between', (t) => {
  const first = intervalOf('2026-06-21T12:15Z', 15);
  const second = intervalOf('2026-06-21T12:16Z', 1);
  const bid_ms = first.start_ms - 600_000;
  const numbers = [
    bidSequence(first, bid_ms, bid_ms),
    bidSequence(first, bid_ms, bid_ms + 1000),
    bidSequence(first, bid_ms, bid_ms + 86_400_000),
    bidSequence(second, bid_ms + 60_000, bid_ms + 60_000),
  ];
  t.deepEqual(
    numbers,
    [...numbers].sort((a, b) => a - b),
  );
  t.is(new Set(numbers).size, 4);
});
