import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalExchange } from '@fieldbid/core/bus/local-bus';
import { topics } from '@fieldbid/core/bus/topics';
import { silentLogger } from '@fieldbid/core/logging';
import { Calendar, moments } from '@fieldbid/core/market/calendar';
import { ClearedOffer, Clearing, type Offer, OfferReceipt } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import { TimeCoordinator } from '@fieldbid/core/time/coordinator';
import test from 'ava';
import { loadMarketData } from './market-data.ts';
import { IsoService } from './service.ts';

const CAP = 2_000_000_000;
const calendar = parse(Calendar, { start: '2026-06-21T12:00Z', intervals: 2 }, 'test');
const schedule = moments(calendar);

function marketData(deviation_pct = 0) {
  const dir = mkdtempSync(join(tmpdir(), 'iso-'));
  const supplyFile = join(dir, 'supply.csv');
  const demandFile = join(dir, 'demand.csv');
  writeFileSync(supplyFile, 'party,price_USD_per_MWh,quantity_W\ncoal,20,1000000\ngas,50,1000000\n');
  writeFileSync(demandFile, 'start,party,price_USD_per_MWh,quantity_W\n2026-06-21T12:00Z,load,,1200000\n');
  return loadMarketData({
    supplyFile,
    demandFile,
    cap_uUSD_per_MWh: CAP,
    demandDeviation_pct: deviation_pct,
    seed: 1,
  });
}

async function market() {
  const exchange = new LocalExchange();
  const coordinator = new TimeCoordinator(schedule[0]!.bid_ms);
  const dera = coordinator.join('dera-1');
  const bus = exchange.connect();
  const cleared: ClearedOffer[] = [];
  const published: Clearing[] = [];
  await bus.respond(topics.clearedOffers('dera-1'), async ({ topic, message }) => {
    cleared.push(parse(ClearedOffer, message, topic));
    return null;
  });
  await bus.subscribe(
    topics.clearings,
    ({ topic, message }) => void published.push(parse(Clearing, message, topic)),
  );
  const iso = new IsoService({
    bus: exchange.connect(),
    time: coordinator.join('iso'),
    calendar,
    rules: { participants: ['dera-1'], maxSegments: 2, minimumOffer_W: 100_000, convention: 'midpoint' },
    marketData: marketData(),
    log: silentLogger(),
  });
  await iso.start();
  const offer = async (more: Partial<Offer>) => {
    const message = {
      offerId: 'o-1',
      deraId: 'dera-1',
      intervalId: '2026-06-21T12:00Z',
      segments: [{ price_uUSD_per_MWh: 30_000_000, quantity_W: 150_000 }],
      ...more,
    };
    return parse(OfferReceipt, await bus.request(topics.offers, message, 1000), 'receipt');
  };
  return { iso, dera, offer, cleared, published };
}

test('an offer is taken, cleared at the clearing time and answered; price and curves are published', async (t) => {
  const { iso, dera, offer, cleared, published } = await market();
  const segments = [
    { price_uUSD_per_MWh: 30_000_000, quantity_W: 150_000 },
    { price_uUSD_per_MWh: 40_000_000, quantity_W: 100_000 },
  ];
  t.true((await offer({ segments })).accepted);
  await dera.requestTime(schedule[0]!.award_ms);
  // 1.2 MW: coal's 1 MW, the aggregator's 150 kW at 30 and 50 kW of its 100 kW at 40, which set the price.
  t.deepEqual(cleared, [
    {
      offerId: 'o-1',
      deraId: 'dera-1',
      intervalId: '2026-06-21T12:00Z',
      price_uUSD_per_MWh: 40_000_000,
      cleared_W: 200_000,
      segments_W: [150_000, 50_000],
    },
  ]);
  t.like(published[0], { price_uUSD_per_MWh: 40_000_000, cleared_W: 1_200_000, outcome: 'CLEARED' });
  t.deepEqual(
    published[0]?.supply.map(({ party }) => party),
    ['coal', 'dera-1', 'dera-1', 'gas'],
  );
  t.regex((await offer({})).reason ?? '', /has been cleared/);
  dera.close();
  await iso.done();
});

test('an interval without offers is cleared all the same', async (t) => {
  const { iso, dera, published } = await market();
  dera.close();
  await iso.done();
  t.deepEqual(
    published.map(({ price_uUSD_per_MWh }) => price_uUSD_per_MWh),
    [50_000_000, 50_000_000],
  );
});

test('offers that break the rules are refused with the rule', async (t) => {
  const { iso, dera, offer } = await market();
  const segment = (usd: number, quantity_W: number) => ({ price_uUSD_per_MWh: usd * 1e6, quantity_W });
  const reasons: [Partial<Offer>, RegExp][] = [
    [{ deraId: 'dera-2' }, /dera-2 is no participant/],
    [{ intervalId: '2026-06-22T00:00Z' }, /no interval of this market/],
    [{ segments: [segment(30, 99_999)] }, /below the minimum offer of 100000 W/],
    [{ segments: [segment(30, 200_000), segment(20, 1)] }, /must not decrease/],
    [{ segments: [segment(1, 100_000), segment(2, 1), segment(3, 1)] }, /at most 2 are taken/],
    [{ segments: [segment(2001, 100_000)] }, /is outside/],
    [{ segments: [] }, /found \[\]/],
  ];
  for (const [more, reason] of reasons) {
    const receipt = await offer(more);
    t.false(receipt.accepted);
    t.regex(receipt.reason ?? '', reason);
  }
  dera.close();
  await iso.done();
});

test('demand holds until its next row, deviates by a bounded seeded factor, and must exist', (t) => {
  const [first, second] = schedule;
  t.deepEqual(marketData().demand(second!.interval), marketData().demand(first!.interval));
  const noisy = marketData(5);
  const watts = noisy.demand(first!.interval)[0]!.quantity_W;
  t.true(watts !== 1_200_000 && Math.abs(watts / 1_200_000 - 1) <= 0.125);
  t.deepEqual(marketData(5).demand(first!.interval), noisy.demand(first!.interval));
  t.throws(() => noisy.demand({ id: '2026-06-20T00:00Z', start_ms: Date.UTC(2026, 5, 20), end_ms: 0 }), {
    message: /no row for 2026-06-20T00:00Z/,
  });
});
