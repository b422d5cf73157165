import test from 'ava';
import { intervalOf, overlaps } from '../interval.ts';
import { parse } from '../schema.ts';
import { Calendar, dayAheadMoments, firstBid_ms, moments, priceRange } from './calendar.ts';
import { priceFromUsd, roundHalfAway } from './money.ts';

const day = (more: object = {}) => parse(Calendar, { start: '2026-06-21T00:00Z', ...more }, 'test');

test('a day has 96 intervals of 15 minutes that touch and do not overlap', (t) => {
  const all = moments(day());
  t.is(all.length, 96);
  t.is(all[0]?.interval.id, '2026-06-21T00:00Z');
  t.is(all[95]?.interval.id, '2026-06-21T23:45Z');
  for (let i = 1; i < all.length; i++) {
    t.is(all[i]?.interval.start_ms, all[i - 1]?.interval.end_ms);
    t.false(overlaps(all[i - 1]!.interval, all[i]!.interval));
  }
});

test('the moments come before the start, in the order of the flow', (t) => {
  const [first] = moments(day());
  const at = (ms: number) => new Date(ms).toISOString().slice(5, 16);
  t.is(at(first!.bid_ms), '06-20T23:50');
  t.is(at(first!.gateClosure_ms), '06-20T23:52');
  t.is(at(first!.clearing_ms), '06-20T23:55');
  t.is(at(first!.award_ms), '06-20T23:56');
});

test('a calendar out of order, or with overlapping rounds, is refused', (t) => {
  t.throws(() => moments(day({ bid_min: 5, gateClosure_min: 8 })), { message: /bid_min > gateClosure_min/ });
  t.throws(() => moments(day({ interval_min: 5, bid_min: 20, gateClosure_min: 15 })), {
    message: /less than one interval/,
  });
  t.throws(() => moments(day({ start: '2026-13-41T00:00Z' })), { message: /a minute in UTC/ });
  t.throws(() => intervalOf('2026-06-21T00:00:00Z', 15), { message: /a minute in UTC/ });
});

test('prices: the default range, and rounding half away from zero', (t) => {
  t.deepEqual(priceRange(day()), { floor: -150_000_000, cap: 2_000_000_000 });
  t.is(priceFromUsd(30.1234565), 30_123_457);
  t.is(priceFromUsd(-30.1234565), -30_123_457);
  t.true(Object.is(roundHalfAway(-0.2), 0));
});

test('a day ahead every hour that the calendar touches is sold at the same instants', (t) => {
  t.deepEqual(dayAheadMoments(day()), []);
  const calendar = day({ start: '2026-06-21T11:00Z', intervals: 6, dayAhead: {} });
  const hours = dayAheadMoments(calendar);
  t.deepEqual(
    hours.map(({ interval }) => interval.id),
    ['2026-06-21T11:00Z--PT60M', '2026-06-21T12:00Z--PT60M'],
  );
  const at = (ms: number) => new Date(ms).toISOString().slice(11, 16);
  for (const hour of hours) {
    const { bid_ms, gateClosure_ms, clearing_ms, award_ms } = hour;
    t.deepEqual([bid_ms, gateClosure_ms, clearing_ms, award_ms].map(at), [
      '10:00',
      '10:10',
      '10:20',
      '10:30',
    ]);
  }
  t.is(at(firstBid_ms(calendar)), '10:00');
  t.is(at(firstBid_ms(day({ start: '2026-06-21T11:00Z' }))), '10:50');
});

test('a day-ahead market needs whole hours, and comes before the real-time one', (t) => {
  const refused = (more: object, message: RegExp) =>
    t.throws(() => dayAheadMoments(day({ dayAhead: {}, ...more })), { message });
  refused({ start: '2026-06-21T11:45Z' }, /at \/start: .*whole hour/);
  refused({ interval_min: 25 }, /divide the hour/);
  refused({ dayAhead: { award_min: 9, clearing_min: 12 } }, /at \/dayAhead\/award_min/);
  refused({ dayAhead: { bid_min: 45 } }, /at \/dayAhead: .*bid_min > gateClosure_min/s);
});
