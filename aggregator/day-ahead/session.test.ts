import { LocalExchange } from '@fieldbid/core/bus/local-bus';
import { topics } from '@fieldbid/core/bus/topics';
import { FieldbidError } from '@fieldbid/core/errors';
import type { Awards, BidBatch, BidState, VerifiedBid } from '@fieldbid/core/gateway-api/schemas';
import { silentLogger } from '@fieldbid/core/logging';
import { Calendar, dayAheadMoments, type Moments } from '@fieldbid/core/market/calendar';
import { type Bid, type ClearedOffer, IntervalReport, Offer } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import { TimeCoordinator } from '@fieldbid/core/time/coordinator';
import test from 'ava';
import type { LedgerWatch } from '../ledger-watch.ts';
import type { DeraGateway, RoundContext } from '../round.ts';
import { Positions } from './positions.ts';
import { runDayAhead } from './session.ts';

const USD = 1_000_000;
const calendar = parse(Calendar, { start: '2026-06-21T11:00Z', intervals: 12, dayAhead: {} }, 'test');
const hours = dayAheadMoments(calendar);

const bidOf = (derId: string, intervalId: string, quantity_W: number, price: number) =>
  ({ uid: `${derId} ${intervalId}`, derId, intervalId, quantity_W, price_uUSD_per_MWh: price }) as Bid;

/** A ledger whose DSO approves everything, and an ISO that clears all of an offer's first segment. */
function market(failing: string) {
  const bids = new Map<string, Bid[]>();
  const awards = new Map<string, number>();
  const order: string[] = [];
  const gateway = {
    submitBids: async (intervalId: string, batch: BidBatch) => {
      if (intervalId === failing) throw new FieldbidError('LEDGER_DAMAGED', 'no');
      order.push(`record ${intervalId}`);
      bids.set(intervalId, batch.bids);
      return { txId: 'tx', bids: [] };
    },
    readRecords: async (intervalId: string): Promise<VerifiedBid[]> =>
      (bids.get(intervalId) ?? []).map((bid) => {
        const awarded_W = awards.get(bid.uid);
        const status = awarded_W === undefined ? 'approved' : awarded_W > 0 ? 'dispatched' : 'not-awarded';
        const quantity_W = awarded_W ?? bid.quantity_W;
        const state = { uid: bid.uid, derId: bid.derId, revision: 2, status, quantity_W };
        return { state, raw: { bid, price_uUSD_per_MWh: 40 * USD } } as unknown as VerifiedBid;
      }),
    readBidHistory: async (uid: string) =>
      [{ status: 'awarded', quantity_W: awards.get(uid) }] as unknown as BidState[],
    recordAwards: async (intervalId: string, given: Awards) => {
      order.push(`award ${intervalId}`);
      for (const { uid, quantity_W } of given.quantities) awards.set(uid, quantity_W);
      return { txId: 'tx', bids: [] };
    },
  };
  return { gateway, order };
}

test('hour after hour: recorded, offered, awarded; an hour that fails has no position', async (t) => {
  const failing = hours[1]!.interval.id;
  const { gateway, order } = market(failing);
  const bus = new LocalExchange().connect();
  const coordinator = new TimeCoordinator(hours[0]!.bid_ms);
  const time = coordinator.join('dera-1');
  const cleared = new Map<string, ClearedOffer>();
  await bus.respond(topics.offers, async ({ topic, message }) => {
    const { offerId, deraId, intervalId, segments } = parse(Offer, message, topic);
    const segments_W = segments.map(({ quantity_W }, i) => (i === 0 ? quantity_W : 0));
    const cleared_W = segments_W.reduce((sum, part) => sum + part, 0);
    const price_uUSD_per_MWh = 40 * USD;
    cleared.set(intervalId, { offerId, deraId, intervalId, price_uUSD_per_MWh, cleared_W, segments_W });
    return { offerId, accepted: true };
  });
  const reports: IntervalReport[] = [];
  await bus.subscribe(topics.intervalReports('+'), ({ topic, message }) => {
    reports.push(parse(IntervalReport, message, topic));
  });
  const ids = hours.map(({ interval }) => interval.id);
  const positions = new Positions(gateway, ids);
  const contextOf = (moment: Moments): RoundContext => ({
    ...{ deraId: 'dera-1', moment, bus, time, maxSegments: 10, confirmBy_ms: moment.interval.start_ms },
    gateway: gateway as unknown as DeraGateway,
    watch: { waitFor: async () => {} } as unknown as LedgerWatch,
    cleared: () => cleared.get(moment.interval.id),
    signal: new AbortController().signal,
    ...{ log: silentLogger(), timings_ms: {}, notes: [] },
  });
  await runDayAhead({
    ...{ hours, time, positions, contextOf },
    silent: () => [],
    closeGate: ({ moment: { interval } }) => ({
      bids: [bidOf('a', interval.id, 30_000, 20 * USD), bidOf('b', interval.id, 20_000, 35 * USD)],
      ...{ submitted: 2, refused: 0 },
    }),
    before: async () => {},
  });
  t.is(time.now(), hours[0]!.award_ms);
  const [first, , third] = ids;
  t.deepEqual(order, [`record ${first}`, `record ${third}`, `award ${first}`, `award ${third}`]);
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(
    reports.map(({ intervalId, completed }) => [intervalId, completed]),
    ids.map((id) => [id, id !== failing]),
  );
  t.deepEqual(reports[1]!.notes, ['no day-ahead position: no']);

  // As kept, and as another instance reads it from the ledger.
  for (const known of [positions, new Positions(gateway, ids)]) {
    for (const [i, { interval }] of hours.entries()) {
      const { price_uUSD_per_MWh, quantities_W } = await known.at(interval.start_ms + 14 * 60_000);
      t.deepEqual([...quantities_W], i === 1 ? [] : [['a', 30_000]]);
      t.is(price_uUSD_per_MWh, i === 1 ? null : 40 * USD);
    }
  }
  const { quantities_W } = await positions.at(hours[0]!.interval.start_ms - 1);
  t.is(quantities_W.size, 0);
});

test('an aggregator that starts after the gate leaves what was sold as it is', async (t) => {
  const coordinator = new TimeCoordinator(hours[0]!.gateClosure_ms + 1);
  const refuse = () => t.fail();
  const { gateway } = market('');
  await runDayAhead({
    ...{ hours, time: coordinator.join('dera-1'), positions: new Positions(gateway, []) },
    ...{ contextOf: refuse as never, silent: refuse as never, closeGate: refuse as never },
    before: async () => refuse(),
  });
  t.pass();
});
