import { bidUid } from '@fieldbid/core/digest';
import { silentLogger } from '@fieldbid/core/logging';
import { Calendar, dayAheadMoments, moments } from '@fieldbid/core/market/calendar';
import { Bid } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import test from 'ava';
import type { DerReading } from '../device/der-device.ts';
import { clearSkyOf } from './clear-sky.ts';
import { DayAheadBidder } from './day-ahead-bidder.ts';
import type { CycleContext } from './device-setup.ts';

const calendar = parse(Calendar, { start: '2026-06-21T04:00Z', intervals: 12, dayAhead: {} }, 'test');
const dayAhead = dayAheadMoments(calendar);
const BID_MS = dayAhead[0]!.bid_ms;
/** Dark until 05:00, then rising to full sun at 07:00. */
const clearSky = clearSkyOf([
  { minute: 0, value: 0 },
  { minute: 300, value: 0 },
  { minute: 420, value: 1 },
]);
const reading = { readAt_ms: BID_MS, power_W: 0, rating_W: 10_000, limit: null } as unknown as DerReading;

function agent(more: { clearSky?: typeof clearSky } = { clearSky }, answers: unknown[] = []) {
  const sent: Bid[] = [];
  const bus = {
    request: async (topic: string, message: unknown) => {
      const bid = parse(Bid, message, topic);
      sent.push(bid);
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer ?? { uid: bid.uid, accepted: true };
    },
  };
  const work: Promise<void>[] = [];
  const bidder = new DayAheadBidder({
    ...{ calendar, dayAhead, dayAheadShare_pct: 90, deraId: 'dera-1', schedule: moments(calendar) },
    setup: { derId: 'pv-1', deviceIds: ['inv-1'], riskFactor_pct: 10, ...more },
    forecast: { at: () => 30_000_000 },
    time: { now: () => BID_MS, patienceUntil: () => 1000 },
    ...{ signer: undefined, evidence: false, log: silentLogger() },
    send: (task: (to: unknown) => Promise<void>) => void work.push(task(bus)),
  } as unknown as CycleContext);
  return {
    sent,
    at: async (now_ms: number, image: DerReading | undefined = reading) => {
      bidder.run(image, now_ms);
      await Promise.all(work);
    },
  };
}

test('one bid per hour with daylight: rating, clear sky, share; price by eq. 1', async (t) => {
  const { sent, at } = agent();
  await at(BID_MS);
  const ids = dayAhead.map(({ interval }) => interval.id);
  // 04-05 is dark, 05-06 is 0.25 of full sun on average, 06-07 is 0.75.
  t.deepEqual(
    sent.map(({ intervalId, quantity_W }) => [intervalId, quantity_W]),
    [
      [ids[1], 2250],
      [ids[2], 6750],
    ],
  );
  const [bid] = sent;
  t.like(bid, {
    ...{ uid: bidUid('pv-1', ids[1]!, 'day-ahead-energy'), product: 'day-ahead-energy' },
    ...{ price_uUSD_per_MWh: 33_000_000, state: { source: 'forecast', available_W: 2500, rating_W: 10_000 } },
  });
  t.true(sent[1]!.sequence > bid!.sequence);
  // Once.
  await at(BID_MS + 60_000);
  t.is(sent.length, 2);
});

test('what nobody answered is sent again, in order; a receipt that was lost is no refusal', async (t) => {
  const { sent, at } = agent({ clearSky }, [
    new Error('no answer'),
    { uid: '', accepted: false, code: 'DUPLICATE', reason: '' },
  ]);
  await at(BID_MS);
  t.is(sent.length, 1);
  await at(BID_MS + 60_000);
  t.is(sent.length, 3);
  t.true(sent[1]!.sequence > sent[0]!.sequence && sent[2]!.sequence > sent[1]!.sequence);
});

test('no table, no rating, no image, no open gate: no day-ahead bid', async (t) => {
  const blind = agent({});
  await blind.at(BID_MS);
  const unrated = agent();
  await unrated.at(BID_MS, { ...reading, rating_W: null });
  const late = agent();
  await late.at(BID_MS - 1);
  await late.at(dayAhead[0]!.gateClosure_ms);
  t.deepEqual(
    [blind, unrated, late].flatMap(({ sent }) => sent),
    [],
  );
});
