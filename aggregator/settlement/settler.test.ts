import { LocalExchange } from '@fieldbid/core/bus/local-bus';
import { topics } from '@fieldbid/core/bus/topics';
import { FieldbidError } from '@fieldbid/core/errors';
import type {
  BidState,
  IntervalState,
  ReadingPage,
  ReadingQuery,
  RegistryEntry,
  Settlement,
  VerifiedBid,
} from '@fieldbid/core/gateway-api/schemas';
import { silentLogger } from '@fieldbid/core/logging';
import { Calendar, dayAheadMoments, moments } from '@fieldbid/core/market/calendar';
import type { Measurement } from '@fieldbid/core/market/messages';
import { DEFAULT_BASELINE_RULES } from '@fieldbid/core/market/settlement/baseline';
import { opensCommitment } from '@fieldbid/core/market/settlement/commitment';
import { SettlementReport, settlementOf } from '@fieldbid/core/market/settlement/report';
import { DEFAULT_SETTLEMENT_RULES } from '@fieldbid/core/market/settlement/rules';
import { statements } from '@fieldbid/core/market/settlement/statements';
import { parse } from '@fieldbid/core/schema';
import { TimeCoordinator } from '@fieldbid/core/time/coordinator';
import test from 'ava';
import { Positions } from '../day-ahead/positions.ts';
import { Baselines } from './baselines.ts';
import { MeterHistory } from './meter-history.ts';
import { Meters } from './meters.ts';
import { Openings } from './openings.ts';
import { Settler } from './settler.ts';

const USD = 1_000_000;
const calendar = parse(Calendar, { start: '2026-06-21T12:00Z', intervals: 2, dayAhead: {} }, 'test');
const schedule = moments(calendar);
const [hour] = dayAheadMoments(calendar);
const hourId = hour!.interval.id;
const [first, second] = schedule.map(({ interval }) => interval);

/** A bid at its latest revision, with the revisions before it. */
interface LedgerBid {
  derId: string;
  awarded_W: number;
  dispatched_W: number;
}

const recordOf = (intervalId: string, { derId, awarded_W, dispatched_W }: LedgerBid, price: number) => {
  const status = awarded_W === 0 ? 'not-awarded' : 'dispatched';
  const state = { uid: `${derId} ${intervalId}`, derId, revision: 4, status, quantity_W: dispatched_W };
  return { state, raw: { price_uUSD_per_MWh: price } } as unknown as VerifiedBid;
};

function market(
  bids: Record<string, { price: number; bids: LedgerBid[] }>,
  {
    start_ms = hour!.bid_ms,
    stored = [] as string[],
    baselines = undefined as Baselines | undefined,
    committed = (_: string): { baselineCommitment?: string } => ({}),
  } = {},
) {
  const posted: { intervalId: string; settlement: Settlement }[] = [];
  const state = { failures: 0 };
  const gateway = {
    readInterval: async (intervalId: string) =>
      ({ submissions: [{ deraId: 'north', ...committed(intervalId) }] }) as unknown as IntervalState,
    readRecords: async (intervalId: string) => {
      const there = bids[intervalId];
      return (there?.bids ?? []).map((bid) => recordOf(intervalId, bid, there!.price));
    },
    readBidHistory: async (uid: string) => {
      const [derId, intervalId] = uid.split(' ') as [string, string];
      const awarded = bids[intervalId]?.bids.find((bid) => bid.derId === derId)?.awarded_W ?? 0;
      return [
        { status: 'submitted', quantity_W: 99_999 },
        { status: 'awarded', quantity_W: awarded },
        { status: 'dispatched', quantity_W: 0 },
      ] as BidState[];
    },
    readings: async ({ derId, from_ms, after }: ReadingQuery): Promise<ReadingPage> => {
      // In two pages.
      const minutes = after === undefined ? 5 : 20;
      const at_ms = Number(from_ms) + minutes * 60_000;
      const readings = stored.includes(derId) ? [reading(derId, at_ms, 100 * minutes)] : [];
      return { readings, next: after === undefined ? 'second' : null };
    },
    recordSettlement: async (intervalId: string, settlement: Settlement) => {
      if (state.failures-- > 0) throw new FieldbidError('LEDGER_UNAVAILABLE', 'away');
      posted.push({ intervalId, settlement });
      return { txId: 'tx', bids: [] };
    },
  };
  const exchange = new LocalExchange();
  const bus = exchange.connect();
  const coordinator = new TimeCoordinator(start_ms);
  const meters = new Meters();
  const settler = new Settler({
    ...{ deraId: 'north', bus, gateway, schedule, meters, log: silentLogger() },
    time: coordinator.join('settlement'),
    rules: DEFAULT_SETTLEMENT_RULES,
    ...(baselines === undefined ? {} : { baselines }),
    positions: new Positions(gateway, [hourId]),
    registry: () =>
      new Map(['a', 'b', 'c'].map((derId) => [derId, { nameplate_W: 100_000 } as RegistryEntry])),
    signal: new AbortController().signal,
  });
  const reports: SettlementReport[] = [];
  const run = async (agreed = true): Promise<SettlementReport[]> => {
    await settler.start();
    await bus.subscribe(topics.settlements('north'), ({ topic, message }) => {
      reports.push(parse(SettlementReport, message, topic));
    });
    await bus.respond(topics.settlementChecks, async () => ({ agreed, differences: [] }));
    await settler.run();
    await new Promise((resolve) => setImmediate(resolve));
    return reports;
  };
  return { meters, posted, run, settler, state };
}

const reading = (derId: string, readAt_ms: number, energy_Wh: number): Measurement => ({
  ...{ derId, readAt_ms, power_W: 0, available_W: null, limit_pct: null, voltages_V: [], energy_Wh },
});

test('pay by hand: position, award, reduction by the DSO and meter; all statements add up to zero', async (t) => {
  // Sold for the hour: a 40 kW, c 10 kW at 40 $/MWh. First quarter at 60 $/MWh: a cleared 50 kW, of which the DSO took
  // back 10 kW later; b cleared 20 kW; c did not bid.
  const { meters, posted, run } = market({
    [hourId]: {
      price: 40 * USD,
      bids: [
        { derId: 'a', awarded_W: 40_000, dispatched_W: 40_000 },
        { derId: 'c', awarded_W: 10_000, dispatched_W: 10_000 },
      ],
    },
    [first!.id]: {
      price: 60 * USD,
      bids: [
        { derId: 'a', awarded_W: 50_000, dispatched_W: 40_000 },
        { derId: 'b', awarded_W: 20_000, dispatched_W: 20_000 },
      ],
    },
  });
  for (const [derId, ...counts] of [
    ['a', 0, 10_000, 10_000],
    ['b', 0, 3000, 3000],
    ['c', 0, 0, 0],
  ] as const) {
    for (const [i, energy_Wh] of counts.entries()) {
      meters.take(reading(derId, first!.start_ms + i * 15 * 60_000, energy_Wh));
    }
  }
  const [report] = await run();
  t.like(report, { recorded: true, iso: { agreed: true }, notes: [] });
  const rows = Object.fromEntries(report!.rows.map((row) => [row.derId, row]));
  // a: 10 kWh · 40 $/MWh, then 2.5 kWh more · 60, then back what it was not to deliver: 2.5 kWh · 60.
  t.deepEqual(rows.a!.byKind_uUSD, {
    ...{ 'day-ahead': 400_000, 'real-time': 150_000, 'true-up': -150_000, deviation: 0, fee: 0 },
  });
  // b: sold 5 kWh, delivered 3: beyond 10 % of 5 kWh (500 Wh) are 1.5 kWh, a tenth of 60 $/MWh each.
  t.deepEqual(rows.b!.byKind_uUSD, {
    ...{ 'day-ahead': 0, 'real-time': 300_000, 'true-up': -120_000, deviation: -9000, fee: 0 },
  });
  // c: sold 2.5 kWh at 40, delivers nothing: buys it back at 60.
  t.like(rows.c, { bid: false, dispatched_W: 0, total_uUSD: 100_000 - 150_000 });
  const all = statements(settlementOf([report!]));
  t.is(
    all.reduce((sum, { total_uUSD }) => sum + total_uUSD, 0),
    0,
  );
  t.is(all[0]!.total_uUSD, -(400_000 + 171_000 - 50_000));
  // Only what has a bid can stand on the ledger.
  t.deepEqual(posted[0], {
    intervalId: first!.id,
    settlement: {
      deraId: 'north',
      settlements: [
        { uid: `a ${first!.id}`, expectedRevision: 4, metered_Wh: 10_000, amount_uUSD: 400_000 },
        { uid: `b ${first!.id}`, expectedRevision: 4, metered_Wh: 3000, amount_uUSD: 171_000 },
      ],
    },
  });
});

test('a gateway that is away delays a settlement and loses none; a meter that says nothing is waited for', async (t) => {
  const bids = (W: number) => [{ derId: 'a', awarded_W: W, dispatched_W: W }];
  const { meters, posted, run, state } = market({
    [first!.id]: { price: 60 * USD, bids: bids(40_000) },
    [second!.id]: { price: 60 * USD, bids: bids(20_000) },
  });
  for (const i of [0, 1, 2]) meters.take(reading('a', first!.start_ms + i * 15 * 60_000, 10_000 * i));
  state.failures = 1;
  const reports = await run();
  t.deepEqual(
    reports.map(({ intervalId }) => intervalId),
    [first!.id, second!.id],
  );
  t.is(posted.length, 2);

  const silent = market({ [first!.id]: { price: 60 * USD, bids: bids(40_000) } });
  const [unmetered] = await silent.run(false);
  // At the end of the calendar nothing more is waited for: unproven, so nothing was delivered and nothing is charged.
  t.like(unmetered, { iso: { agreed: false }, notes: ['a was not metered'] });
  t.like(unmetered!.rows[0], { metered_Wh: null, settled_Wmin: 0, total_uUSD: 0 });
  t.like(silent.posted[0]!.settlement.settlements[0], { metered_Wh: 0, amount_uUSD: 0 });
});

test('of a round that failed everybody was told zero, whatever the ledger came to say later', async (t) => {
  const { meters, run, settler } = market({
    [first!.id]: { price: 60 * USD, bids: [{ derId: 'a', awarded_W: 40_000, dispatched_W: 40_000 }] },
  });
  settler.keepRound(first!.id, 'failed');
  for (const i of [0, 1, 2]) meters.take(reading('a', first!.start_ms + i * 15 * 60_000, 0));
  const [report] = await run();
  t.like(report!.rows[0], { realTime_W: 40_000, dispatched_W: 0, excess_Wh: 0, total_uUSD: 0 });
});

test('started again, it settles what ended before from readings that are kept, and nothing that is not metered', async (t) => {
  const bids = (...derIds: string[]) => ({
    price: 60 * USD,
    bids: derIds.map((derId) => ({ derId, awarded_W: 6000, dispatched_W: 6000 })),
  });
  const ledger = { [first!.id]: bids('a'), [second!.id]: bids('a', 'b') };
  const start_ms = second!.end_ms + 10 * 60_000;
  const { posted, run } = market(ledger, { start_ms, stored: ['a'] });
  const reports = await run();
  t.deepEqual(
    posted.map(({ intervalId }) => intervalId),
    [first!.id],
  );
  // 1500 Wh at 60 $/MWh.
  t.like(reports[0]!.rows[0], { metered_Wh: 1500, total_uUSD: 90_000 });
});

/** 2026-06-21 is a Sunday; three weekend days before it, and a Friday that is not like it. */
function history(derIds: Record<string, 1 | -1>): MeterHistory {
  const kept = new MeterHistory(15);
  for (const [derId, sign] of Object.entries(derIds)) {
    for (const [date, energy_Wh] of Object.entries({
      ...{ '2026-06-20': 700, '2026-06-14': 800, '2026-06-13': 900, '2026-06-19': 5000 },
    })) {
      for (let i = 0; i < 96; i++) {
        const start_ms = Date.parse(`${date}T00:00:00Z`) + i * 15 * 60_000;
        kept.keep(derId, start_ms, { energy_Wh: sign * energy_Wh, hadEvent: false });
      }
    }
  }
  return kept;
}

const baselinesOf = (derIds: Record<string, 1 | -1>) =>
  new Baselines({
    ...{ rules: DEFAULT_BASELINE_RULES, history: history(derIds), openings: new Openings('north') },
    drawBlind: () => '00112233445566778899aabbccddeeff',
  });

test('with a baseline, delivered is what is metered less it; the report opens what was committed', async (t) => {
  // The mean of 700, 800 and 900 is 800.
  const baselines = baselinesOf({ a: 1, b: -1 });
  const baselineCommitment = baselines.commit(first!)!;
  const bids = (...derIds: string[]) => derIds.map((derId) => ({ derId, awarded_W: 800, dispatched_W: 800 }));
  const { meters, posted, run } = market(
    { [first!.id]: { price: 60 * USD, bids: bids('a', 'b', 'c') } },
    { baselines, committed: (id) => (id === first!.id ? { baselineCommitment } : {}) },
  );
  for (const i of [0, 1, 2]) {
    meters.take(reading('a', first!.start_ms + i * 15 * 60_000, 1000 * i));
    meters.take(reading('c', first!.start_ms + i * 15 * 60_000, 300 * i));
  }
  // b consumes 2.4 kW: 600 Wh, where it would have consumed 800.
  for (let i = 0; i <= 30; i++) {
    meters.take({ ...reading('b', first!.start_ms + i * 60_000, 0), power_W: -2400 });
  }
  const [report, next] = await run();
  const rows = Object.fromEntries(report!.rows.map((row) => [row.derId, row]));
  // 1000 - 800 and -600 + 800: 200 Wh each, as dispatched; at 60 $/MWh 12,000 µ$.
  t.like(rows.a, { metered_Wh: 1000, baseline_Wh: 800, settled_Wmin: 200 * 60, total_uUSD: 12_000 });
  t.like(rows.b, { metered_Wh: -600, baseline_Wh: -800, settled_Wmin: 200 * 60, total_uUSD: 12_000 });
  // c is in no file: by its meter, 100 Wh more than dispatched.
  t.like(rows.c, { metered_Wh: 300, settled_Wmin: 300 * 60, total_uUSD: 18_000 });
  t.false('baseline_Wh' in rows.c!);
  t.deepEqual(report!.opening?.baselines[0], {
    ...{ derId: 'a', baseline_Wh: 800, adjustment_ppm: 1_000_000 },
    likeDays: ['2026-06-20', '2026-06-14', '2026-06-13'],
  });
  t.deepEqual(report!.notes, []);
  t.true(opensCommitment(report!, baselineCommitment));
  // The ledger keeps what was metered.
  t.like(posted[0]!.settlement.settlements[0], { metered_Wh: 1000, amount_uUSD: 12_000 });
  t.is(next, undefined);
});

test('nothing committed before the interval, or lost since: by the meter, and it says so', async (t) => {
  const bids = {
    [first!.id]: { price: 60 * USD, bids: [{ derId: 'a', awarded_W: 800, dispatched_W: 800 }] },
  };
  for (const [baselineCommitment, note] of [
    [undefined, 'a is settled by its meter: no baseline was committed'],
    ['f'.repeat(64), 'a is settled by its meter: the baseline that was committed is lost'],
  ] as const) {
    const baselines = baselinesOf({ a: 1 });
    const committed = () => (baselineCommitment === undefined ? {} : { baselineCommitment });
    const { meters, run } = market(bids, { baselines, committed });
    for (const i of [0, 1, 2]) meters.take(reading('a', first!.start_ms + i * 15 * 60_000, 1000 * i));
    const [report] = await run();
    t.like(report!.rows[0], { metered_Wh: 1000, settled_Wmin: 60_000 });
    t.false('opening' in report!);
    t.deepEqual(report!.notes, [note]);
    t.is(opensCommitment(report!, baselineCommitment), baselineCommitment === undefined);
  }
});
