import test from 'ava';
import fc from 'fast-check';
import { allocate } from '../allocation/allocate.ts';
import { buildSegments, type FeasibleBid, offerOf } from './build-offer.ts';

const bid = (uid: string, usd: number, quantity_W: number): FeasibleBid => ({
  uid,
  derId: `der-${uid}`,
  price_uUSD_per_MWh: usd * 1_000_000,
  quantity_W,
});
const view = (segments: ReturnType<typeof buildSegments>) =>
  segments.map(({ price_uUSD_per_MWh, quantity_W }) => [price_uUSD_per_MWh / 1_000_000, quantity_W]);

test('bids become a curve in merit order; equal prices are one segment; zero is left out', (t) => {
  const segments = buildSegments(
    [bid('a', 30, 100), bid('b', 20, 50), bid('c', 30, 200), bid('d', 10, 0)],
    10,
  );
  t.deepEqual(view(segments), [
    [20, 50],
    [30, 300],
  ]);
  t.deepEqual(
    segments[1]?.bids.map(({ uid }) => uid),
    ['a', 'c'],
  );
});

test('too many segments: the closest prices are joined at the higher one', (t) => {
  const segments = buildSegments([bid('a', 10, 1), bid('b', 11, 2), bid('c', 20, 4), bid('d', 40, 8)], 3);
  t.deepEqual(view(segments), [
    [11, 3],
    [20, 4],
    [40, 8],
  ]);
});

test('nothing feasible is no offer', (t) => {
  t.is(offerOf('dera-1', '2026-06-21T12:00Z', buildSegments([bid('a', 10, 0)], 10)), undefined);
});

test('worked by hand: 250 W of a segment of 100 W at 10 and two of 200 W at 12', (t) => {
  // The cheap one is full; the 150 W left are shared by the tie, 75 W each.
  const segments = buildSegments([bid('x', 12, 200), bid('y', 12, 200), bid('z', 10, 100)], 1);
  t.deepEqual([...allocate(segments, [250], 'i')].sort(), [
    ['x', 75],
    ['y', 75],
    ['z', 100],
  ]);
});

test("an ISO's answer that does not fit the offer is refused", (t) => {
  const segments = buildSegments([bid('a', 10, 100)], 10);
  t.throws(() => allocate(segments, [101], 'i'), { code: 'CLEARING_MISMATCH' });
  t.throws(() => allocate(segments, [], 'i'), { code: 'CLEARING_MISMATCH' });
});

test('no quantity is raised, nobody is sold below its bid, all that cleared is allocated', (t) => {
  const bids = fc.array(fc.tuple(fc.integer({ min: -20, max: 20 }), fc.nat(1000)), { maxLength: 40 });
  fc.assert(
    fc.property(
      bids,
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
      (list, most, cut) => {
        const all = list.map(([usd, watts], i) => bid(`u${i}`, usd, watts));
        const segments = buildSegments(all, most);
        t.true(segments.length <= most);
        t.deepEqual(
          segments.flatMap((s) => s.bids.map(({ uid }) => uid)).sort(),
          all
            .filter((b) => b.quantity_W > 0)
            .map(({ uid }) => uid)
            .sort(),
        );
        segments.forEach((segment, i) => {
          t.true(i === 0 || segment.price_uUSD_per_MWh > segments[i - 1]!.price_uUSD_per_MWh);
          t.true(segment.bids.every((b) => b.price_uUSD_per_MWh <= segment.price_uUSD_per_MWh));
        });
        const cleared = segments.map(({ quantity_W }, i) => Math.floor(quantity_W * (cut[i] ?? 1)));
        const allocation = allocate(segments, cleared, 'i');
        for (const { uid, quantity_W } of all) t.true((allocation.get(uid) ?? 0) <= quantity_W);
        const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
        t.is(sum(allocation.values()), sum(cleared));
      },
    ),
  );
});
