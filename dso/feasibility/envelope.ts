/**
 * Step 7 · The operating envelope: quantities of which everything that the clearing can make is feasible. Searched on
 * the fast engine over all outcomes and all forecast minutes; the answer, and the outcomes that come nearest to a
 * limit, are verified on the engine of record.
 */
import { type ClearingSafety, clearingOutcomes, closerLook, type Outcome } from './clearing-outcomes.ts';
import {
  type Case,
  type CaseResult,
  type Injection,
  type IntervalCheck,
  isFeasible,
  type Point,
  worstOf,
} from './interval-check.ts';
import { isInside } from './limits.ts';
import type { Request } from './policy.ts';
import { largestFeasible } from './search.ts';

/** Quantities in the order of the requests, W. */
export type Quantities = readonly number[];

/** What an outcome comes to in one case. */
export interface OutcomeResult extends CaseResult {
  readonly outcome: Outcome;
}

/** A straight way from quantities that are feasible to some that may not be. */
export interface Way {
  readonly from: Quantities;
  readonly to: Quantities;
}

export interface Farthest {
  /** How far along the way everything is feasible, parts per million. */
  readonly share_ppm: number;
  /** What stopped it; null when the whole way is feasible. */
  readonly binding: OutcomeResult | null;
}

export interface Verified {
  /** All of it, in every case, on the engine of record. */
  readonly results: readonly CaseResult[];
  /** The worst of all that the engine of record solved. */
  readonly worst: OutcomeResult;
  readonly feasible: boolean;
}

export const ALL_PPM = 1_000_000;
/** Ways between two outcomes that come this near to a limit are looked at more closely, pu. */
const NEAR_PU = 3e-4;
/** Outcomes as near as this to the limit are solved on the engine of record too, pu; at most so many. */
const VERIFIED_NEAR_PU = 5e-4;
const MOST_VERIFIED = 40;
const MOST_ROUNDS = 60;
/** What a way may bend by between the eighths that are solved, pu. */
const BEND_PU = 1e-7;

export class Envelope {
  readonly check: IntervalCheck;
  readonly requests: readonly Request[];
  readonly outcomes: readonly Outcome[];
  readonly safety: ClearingSafety;
  readonly #injector: ReturnType<IntervalCheck['injector']>;
  /** How much further inside the searching engine has to stay, pu. */
  tighten_pu = 0;

  constructor(check: IntervalCheck, requests: readonly Request[], safety: ClearingSafety) {
    this.check = check;
    this.requests = requests;
    this.safety = safety;
    this.#injector = check.injector(requests.map(({ derId }) => derId));
    this.outcomes = clearingOutcomes(requests, safety);
  }

  /** What is injected when an outcome is taken of these quantities. */
  injection(quantities: Quantities, { shares }: Outcome): Injection {
    return this.#injector((i) => (quantities[i] ?? 0) * (shares[i] ?? 0));
  }

  /** The outcome and case that is furthest outside, on the searching engine. */
  async worst(quantities: Quantities): Promise<OutcomeResult> {
    const { cases } = this.check;
    const results = await this.#search(quantities, this.outcomes, cases);
    const near = new Set(
      results
        .filter(({ outcome, violation_pu }) => outcome.between && violation_pu > -NEAR_PU)
        .map(({ outcome }) => outcome),
    );
    const closer = [...near].flatMap(closerLook);
    if (closer.length > 0) results.push(...(await this.#search(quantities, closer, cases)));
    return worstOf(results);
  }

  /**
   * The largest part of a way on which every outcome is feasible in every case, on the searching engine. Its start has
   * to be feasible; how far along the way each single outcome gets is found one after the other, the worst first.
   */
  async farthest(way: Way): Promise<Farthest> {
    let share_ppm = ALL_PPM;
    let binding: OutcomeResult | null = null;
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const worst = await this.worst(wholeWatts(along(way, share_ppm)));
      if (isInside(worst.violation_pu)) return { share_ppm, binding };
      binding = worst;
      const at = async (ppm: number): Promise<number> => {
        const [found] = await this.#search(wholeWatts(along(way, ppm)), [worst.outcome], [worst.case]);
        return found!.violation_pu;
      };
      // A start that is a touch outside, by the distance between the engines, is no way at all.
      const ends = { atZero_pu: Math.min(0, await at(0)), above_pu: worst.violation_pu };
      share_ppm = await largestFeasible(share_ppm, ends, at);
      if (share_ppm === 0) break;
    }
    return { share_ppm: 0, binding };
  }

  /** What the engine of record says; the searching engine learns from it. */
  async verify(quantities: Quantities): Promise<Verified> {
    const { check } = this;
    const [all] = this.outcomes;
    const whole = check.cases.map((one) => ({ outcome: all!, case: one }));
    const others = this.outcomes.slice(1);
    const near = (await this.#search(quantities, others, check.cases))
      .filter(({ violation_pu }) => violation_pu + VERIFIED_NEAR_PU > 0)
      .sort((a, b) => b.violation_pu - a.violation_pu)
      .slice(0, MOST_VERIFIED);
    const wanted = [...whole, ...near];
    const points = wanted.map((one) => this.#point(quantities, one.outcome, one.case));
    const recorded = await check.evaluatePoints(points);
    if (check.hasSearchEngine) check.compare(recorded, await check.searchPoints(points));
    const results = recorded.map((result, i) => ({ ...result, outcome: wanted[i]!.outcome }));
    return {
      results: recorded.slice(0, whole.length),
      worst: worstOf(results),
      feasible: isFeasible(recorded),
    };
  }

  async #search(
    quantities: Quantities,
    outcomes: readonly Outcome[],
    cases: readonly Case[],
  ): Promise<OutcomeResult[]> {
    const pairs = cases.flatMap((one) => outcomes.map((outcome) => ({ outcome, case: one })));
    const injections = new Map(outcomes.map((outcome) => [outcome, this.injection(quantities, outcome)]));
    const points = pairs.map(({ outcome, case: one }) => ({
      injection_W: injections.get(outcome)!,
      case: one,
    }));
    const found = points.length === 0 ? [] : await this.check.searchPoints(points, this.tighten_pu);
    return found.map((result, i) => {
      const { outcome } = pairs[i]!;
      const bend_pu = outcome.between ? BEND_PU : 0;
      return { ...result, violation_pu: result.violation_pu + bend_pu, outcome };
    });
  }

  #point(quantities: Quantities, outcome: Outcome, one: Case): Point {
    return { injection_W: this.injection(quantities, outcome), case: one };
  }
}

/** Quantities at a part of a way. */
export function along({ from, to }: Way, share_ppm: number): number[] {
  return from.map((start, i) => start + (((to[i] ?? 0) - start) * share_ppm) / ALL_PPM);
}

export function total(quantities: Quantities): number {
  return quantities.reduce((sum, quantity) => sum + quantity, 0);
}

/** Whole watts, rounded down. */
export function wholeWatts(quantities: Quantities): number[] {
  return quantities.map((quantity) => Math.max(0, Math.floor(quantity + 1e-6)));
}
