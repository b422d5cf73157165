/** What must hold of any settlement: nothing is lost, and every line is what a second reckoning gives. */
import test from 'ava';
import fc from 'fast-check';
import { type Random, seededRandom } from '../../random.ts';
import { POSTING_KINDS, type PostingKind } from './postings.ts';
import type { SettlementRules } from './rules.ts';
import { type DerQuantities, type IntervalToSettle, settle } from './settle.ts';
import { type Statement, statements } from './statements.ts';

const DAYS = 10_000;
const DAY_MIN = 1440;

const among = (random: Random, low: number, high: number): number =>
  low + Math.floor(random.uniform() * (high - low + 1));

function randomRules(random: Random): SettlementRules {
  return {
    deviationBand_pct: among(random, 0, 400_000) / 10_000,
    deviationBandMin_Wh: among(random, 0, 1000),
    deviationCharge_pct: among(random, 0, 300_000) / 10_000,
    ...(random.uniform() < 0.3 && { deviationCharge_USD_per_MWh: among(random, 0, 50) }),
    fee_ppm: random.uniform() < 0.5 ? 0 : among(random, 0, 200_000),
    unmetered: random.uniform() < 0.8 ? 'unproven' : 'dispatched',
  };
}

function randomDay(random: Random): IntervalToSettle[] {
  const interval_min = [15, 30, 60][among(random, 0, 2)]!;
  const ders = among(random, 1, 4);
  return Array.from({ length: DAY_MIN / interval_min }, (_, i) => ({
    intervalId: new Date(i * interval_min * 60_000).toISOString().replace(':00.000', ''),
    interval_min,
    dayAhead_uUSD_per_MWh: among(random, -150_000_000, 300_000_000),
    realTime_uUSD_per_MWh: among(random, -150_000_000, 2_000_000_000),
    ders: Array.from({ length: ders }, (_, n) => randomDer(random, n, interval_min)),
  }));
}

function randomDer(random: Random, n: number, interval_min: number): DerQuantities {
  const realTime_W = among(random, -8000, 20_000);
  const dispatched_W = random.uniform() < 0.2 ? Math.trunc(realTime_W / 2) : realTime_W;
  const metered_Wh = Math.round((dispatched_W * interval_min) / 60) + among(random, -800, 800);
  return {
    ...{ derId: `der-${n}`, deraId: n % 2 === 0 ? 'north' : 'south', realTime_W, dispatched_W },
    dayAhead_W: among(random, -8000, 20_000),
    metered_Wh: random.uniform() < 0.1 ? null : metered_Wh,
  };
}

/** µ$ as fractions: numerators of this denominator. */
const UNIT = 10n ** 20n * 6n;
type Amounts = Record<Exclude<PostingKind, 'fee'>, bigint>;

/** The rules once more, from their wording: energies in Wh as sixtieths, percent as ten-thousandths. */
function reckoned(der: DerQuantities, interval: IntervalToSettle, rules: SettlementRules): Amounts {
  const sixtieths = (power_W: number): bigint => BigInt(power_W * interval.interval_min);
  const daPrice = BigInt(interval.dayAhead_uUSD_per_MWh);
  const rtPrice = BigInt(interval.realTime_uUSD_per_MWh);
  const [da, rt, told] = [sixtieths(der.dayAhead_W), sixtieths(der.realTime_W), sixtieths(der.dispatched_W)];
  const abs = (x: bigint): bigint => (x < 0n ? -x : x);
  let delivered: bigint;
  if (der.metered_Wh !== null) delivered = BigInt(der.metered_Wh * 60);
  else if (rules.unmetered === 'dispatched') delivered = told;
  else delivered = told * rtPrice < 0n ? told : 0n;
  // 1 Wh at 1 µ$/MWh is 10^-6 µ$: a sixtieth of it is UNIT / 6e7.
  const per = UNIT / 60_000_000n;
  const percent = (p: number): bigint => BigInt(Math.round(p * 10_000)); // of 1,000,000
  let charge = 0n;
  if (der.metered_Wh !== null) {
    const bandShare = abs(told) * percent(rules.deviationBand_pct);
    const bandLeast = BigInt(rules.deviationBandMin_Wh) * 60_000_000n;
    const band = bandShare > bandLeast ? bandShare : bandLeast;
    const over = abs(delivered - told) * 1_000_000n - band; // of 1,000,000
    const price =
      rules.deviationCharge_USD_per_MWh === undefined
        ? abs(rtPrice) * percent(rules.deviationCharge_pct)
        : BigInt(rules.deviationCharge_USD_per_MWh) * 10n ** 12n; // of 1,000,000
    if (over > 0n) charge = (over * price * per) / 10n ** 12n;
  }
  return {
    'day-ahead': da * daPrice * per,
    'real-time': (rt - da) * rtPrice * per,
    'true-up': (delivered - rt) * rtPrice * per,
    deviation: -charge,
  };
}

const off = (line_uUSD: number, exact: bigint): bigint => {
  const difference = BigInt(line_uUSD) * UNIT - exact;
  return difference < 0n ? -difference : difference;
};

function checkDay(days: readonly IntervalToSettle[], rules: SettlementRules, parties: readonly Statement[]) {
  const sum = (of: (statement: Statement) => number) => parties.reduce((all, party) => all + of(party), 0);
  if (sum((party) => party.total_uUSD) !== 0) return 'the sum over all parties is not zero';
  for (const kind of POSTING_KINDS) {
    if (sum((party) => party.byKind_uUSD[kind]) !== 0) return `the sum of ${kind} is not zero`;
  }
  const lines = new Map(
    parties.flatMap(({ party, lines }) =>
      lines.map((line) => [`${party} ${line.intervalId}`, line] as const),
    ),
  );
  for (const interval of days) {
    const kinds = ['day-ahead', 'real-time', 'true-up', 'deviation'] as const;
    const ofDera = new Map<string, Amounts>();
    for (const der of interval.ders) {
      const exact = reckoned(der, interval, rules);
      const line = lines.get(`${der.derId} ${interval.intervalId}`)!;
      for (const kind of kinds) {
        if (off(line.byKind_uUSD[kind], exact[kind]) >= UNIT) return `${kind} of ${der.derId} is off by 1 µ$`;
      }
      const earned =
        line.byKind_uUSD['day-ahead'] + line.byKind_uUSD['real-time'] + line.byKind_uUSD['true-up'];
      const fee = -line.byKind_uUSD.fee * 1_000_000 - Math.max(0, earned) * rules.fee_ppm;
      if (Math.abs(fee) > 500_000) return `the fee of ${der.derId} is off`;
      const all = ofDera.get(der.deraId) ?? {
        'day-ahead': 0n,
        'real-time': 0n,
        'true-up': 0n,
        deviation: 0n,
      };
      for (const kind of kinds) all[kind] += exact[kind];
      ofDera.set(der.deraId, all);
    }
    for (const deraId of ofDera.keys()) {
      const line = lines.get(`${deraId} ${interval.intervalId}`)!;
      // What it receives, it passes on: of a DERA only the fees are left.
      for (const kind of kinds) if (line.byKind_uUSD[kind] !== 0) return `${deraId} keeps some ${kind}`;
    }
    const market = lines.get(`iso ${interval.intervalId}`)!;
    for (const kind of kinds) {
      const exact = [...ofDera.values()].reduce((total, all) => total - all[kind], 0n);
      // Half a µ$ for each DERA.
      if (off(market.byKind_uUSD[kind], exact) * 2n > UNIT * BigInt(ofDera.size))
        return `${kind} of the ISO is off`;
    }
  }
  return undefined;
}

test('10,000 random days: zero over all parties, and every line within a µ$ of a second reckoning', (t) => {
  t.timeout(120_000);
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = seededRandom(seed, 'settlement');
      const rules = randomRules(random);
      const day = randomDay(random);
      const fault = checkDay(day, rules, statements(settle(day, rules)));
      if (fault !== undefined) throw new Error(fault);
    }),
    { numRuns: DAYS },
  );
  t.pass();
});

test('without a meter nobody is better off than with one that shows what was dispatched', (t) => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = seededRandom(seed, 'silence');
      const rules: SettlementRules = { ...randomRules(random), unmetered: 'unproven', fee_ppm: 0 };
      const interval = randomDay(random)[0]!;
      const [der] = interval.ders;
      const paid = (metered_Wh: number | null): number => {
        const power_W = der!.dispatched_W * 60; // whole Wh in every interval
        const one = { ...der!, dispatched_W: power_W, metered_Wh };
        const settlement = settle([{ ...interval, ders: [one] }], rules);
        return statements(settlement).find(({ role }) => role === 'der')!.total_uUSD;
      };
      return paid(null) <= paid(der!.dispatched_W * interval.interval_min);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});
