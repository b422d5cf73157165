/**
 * For tests and benches: generated intervals on a feeder in which the bids do not all fit, and what a clearing can make
 * of approved bids, written down here without anything of the policies'.
 */
import { seededRandom } from '@fieldbid/core/random';
import { IntervalCheck } from '../feasibility/interval-check.ts';
import type { Request } from '../feasibility/policy.ts';
import type { Feeder } from '../feeder/feeder.ts';
import { isSolved, type PowerFlow, type SearchFlow } from '../power-flow/power-flow.ts';

export interface GeneratedCase {
  readonly minuteOfDay: number;
  readonly requests: readonly Request[];
}

/** Earliest and latest start, minute of day. */
const MORNING = 8 * 60;
const EVENING = 17 * 60;
/** How often two neighbours in the merit order have one price. */
const ALIKE = 0.25;
/** Bids are drawn up to this, whatever stands at a bus, times a size of the case. */
const LARGEST_BID_W = 1_000_000;
const LEAST_SIZE = 0.5;
const MOST_SIZE = 2;

/** Bids in a random merit order, some at one price, of all sizes: from a little to far beyond what the feeder carries. */
export function generatedCase(feeder: Feeder, seed: number): GeneratedCase {
  const random = seededRandom(seed, 'generated case');
  const minuteOfDay = MORNING + Math.floor(random.uniform() * (EVENING - MORNING));
  const order = feeder.ders.map((der) => ({ der, key: random.uniform() })).sort((a, b) => a.key - b.key);
  const size = LEAST_SIZE + (MOST_SIZE - LEAST_SIZE) * random.uniform();
  let rank = 0;
  const requests = order.map(({ der: { derId } }, i) => {
    if (i > 0 && random.uniform() > ALIKE) rank++;
    return {
      uid: derId,
      derId,
      quantity_W: Math.floor(LARGEST_BID_W * size * random.uniform()),
      rank,
    };
  });
  return { minuteOfDay, requests };
}

export interface Engines {
  readonly feeder: Feeder;
  readonly powerFlow: PowerFlow;
  readonly search?: SearchFlow | undefined;
  readonly margin_pu: number;
}

/** The check of one minute. */
export function checkOfMinute(
  { feeder, powerFlow, search, margin_pu }: Engines,
  minute: number,
): IntervalCheck {
  return new IntervalCheck({
    feeder,
    powerFlow,
    search,
    startMinuteOfDay: minute,
    duration_min: 1,
    margin_pu,
    silentDerIds: [],
  });
}

/** The first so many cases of a feeder whose bids do not all fit. */
export async function bindingCases(engines: Engines, count: number, firstSeed = 1): Promise<GeneratedCase[]> {
  const found: GeneratedCase[] = [];
  for (let seed = firstSeed; found.length < count; seed++) {
    const one = generatedCase(engines.feeder, seed);
    const asked = Object.fromEntries(one.requests.map(({ derId, quantity_W }) => [derId, quantity_W]));
    const [outside = 0] = await outside_pu(engines, one.minuteOfDay, [asked]);
    if (outside > 0) found.push(one);
  }
  return found;
}

/** How far each set of powers takes a voltage outside its limits, pu, on the engine of record; infinite without a solution. */
export async function outside_pu(
  { feeder, powerFlow }: Engines,
  minute: number,
  powers: readonly Record<string, number>[],
): Promise<number[]> {
  const { low_pu, high_pu } = feeder.data.limits;
  const results = await powerFlow.solveMany(
    powers.map((derPower_W) => feeder.caseAt({ minuteOfDay: minute + 0.5, derPower_W })),
  );
  return results.map((result) =>
    isSolved(result) ? Math.max(result.max_pu - high_pu, low_pu - result.min_pu) : Number.POSITIVE_INFINITY,
  );
}

/**
 * What the market takes of approved quantities for `demand_W`: ranks from the lowest up, the last one taken pro rata in
 * whole watts.
 */
export function taken(
  requests: readonly Request[],
  approved: ReadonlyMap<string, number>,
  demand_W: number,
): Record<string, number> {
  const out: Record<string, number> = {};
  let left_W = demand_W;
  for (const rank of [...new Set(requests.map((request) => request.rank ?? 0))].sort((a, b) => a - b)) {
    const group = requests.filter((request) => (request.rank ?? 0) === rank);
    const group_W = group.reduce((sum, { uid }) => sum + (approved.get(uid) ?? 0), 0);
    const part = group_W === 0 ? 0 : Math.min(1, left_W / group_W);
    for (const { uid, derId } of group) out[derId] = Math.floor((approved.get(uid) ?? 0) * part);
    left_W = Math.max(0, left_W - group_W);
  }
  return out;
}

/** Demands at every step of the merit order, and random ones between. */
export function demands(
  requests: readonly Request[],
  approved: ReadonlyMap<string, number>,
  count: number,
  seed: number,
): number[] {
  const random = seededRandom(seed, 'demands');
  const steps: number[] = [];
  let sum_W = 0;
  for (const rank of [...new Set(requests.map((request) => request.rank ?? 0))].sort((a, b) => a - b)) {
    for (const request of requests) {
      if ((request.rank ?? 0) === rank) sum_W += approved.get(request.uid) ?? 0;
    }
    steps.push(sum_W);
  }
  const between = Array.from({ length: Math.max(0, count - steps.length) }, () =>
    Math.floor(random.uniform() * sum_W),
  );
  return [...steps, ...between].slice(0, count);
}

export function total_W(quantities: ReadonlyMap<string, number>): number {
  return [...quantities.values()].reduce((sum, quantity) => sum + quantity, 0);
}

/** Jain's index of fairness of shares: 1 when all are equal, 1/n when one has everything. */
export function jain(shares: readonly number[]): number {
  const sum = shares.reduce((a, b) => a + b, 0);
  const squares = shares.reduce((a, b) => a + b * b, 0);
  return squares === 0 ? 1 : sum ** 2 / (shares.length * squares);
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
