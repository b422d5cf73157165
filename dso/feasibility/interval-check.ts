/**
 * Step 7 · What the feeder's voltages are in one interval for given quantities: one case per forecast minute,
 * two where DERs run uncontrolled (each counted at its clear-sky power and at nothing).
 */
import type { Feeder } from '../feeder/feeder.ts';
import {
  type Extremes,
  isSolved,
  type NoSolution,
  type PowerFlow,
  type PowerFlowCase,
  widest,
} from '../power-flow/power-flow.ts';

/** DER → active power, W. */
export type Injection = Readonly<Record<string, number>>;

export interface Case {
  /** Minute of the interval, 0-based. */
  readonly minute: number;
  /** What DERs without an answering agent are taken to deliver. */
  readonly silent: 'none' | 'zero' | 'clear-sky';
}

export interface CaseResult {
  readonly case: Case;
  readonly result: Extremes | NoSolution;
  /** How far outside its limits the case is, pu; <= 0 is feasible, infinite without a solution. */
  readonly violation_pu: number;
  /** `node.phase` nearest to, or furthest beyond, its limit; null without a solution. */
  readonly node: string | null;
}

/** Limits that hold in one case, pu. */
interface CaseLimits {
  readonly low_pu: number;
  readonly high_pu: number;
}

/** Engines repeat themselves to about 1e-9 pu: what is within this is on the limit. */
const ON_THE_LIMIT_PU = 1e-7;
/**
 * Where the feeder without DER is inside the margin already, DERs may take this share of the margin: every DER
 * moves even the regulator's own voltage by some µpu, and none of them would fit otherwise.
 */
const SHARE_OF_USED_UP_MARGIN = 0.1;

export interface IntervalCheckOptions {
  readonly feeder: Feeder;
  readonly powerFlow: PowerFlow;
  /** Minute of day (UTC) at which the interval starts. */
  readonly startMinuteOfDay: number;
  readonly duration_min: number;
  readonly margin_pu: number;
  /** DERs whose agent does not answer. */
  readonly silentDerIds: readonly string[];
}

export class IntervalCheck {
  readonly margin_pu: number;
  readonly limits: { readonly low_pu: number; readonly high_pu: number };
  readonly cases: readonly Case[];
  readonly #options: IntervalCheckOptions;
  #withoutDer: CaseResult[] | undefined;
  /** Power flows solved so far. */
  solves = 0;

  constructor(options: IntervalCheckOptions) {
    this.#options = options;
    this.margin_pu = options.margin_pu;
    this.limits = options.feeder.data.limits;
    const silent = options.silentDerIds.length > 0;
    this.cases = Array.from({ length: options.duration_min }, (_, minute): Case[] => {
      const shining = options.silentDerIds.some((derId) => this.#clearSky_W(derId, minute) > 0);
      if (!silent || !shining) return [{ minute, silent: 'none' }];
      return [
        { minute, silent: 'zero' },
        { minute, silent: 'clear-sky' },
      ];
    }).flat();
  }

  /**
   * Every case with nothing injected but by silent DERs, measured against the bare limits. Solved once.
   * What is inside the limits here, but not by the margin, may be so later too: a margin must not make a
   * feeder infeasible that is feasible, and generation must hardly make it worse either.
   */
  async withoutDer(): Promise<readonly CaseResult[]> {
    this.#withoutDer ??= await this.#evaluate({}, this.cases, () => this.limits);
    return this.#withoutDer;
  }

  /** The cases under these quantities, measured against the limits less the margin. */
  async evaluate(injection_W: Injection, cases: readonly Case[] = this.cases): Promise<CaseResult[]> {
    const without = await this.withoutDer();
    const bounds = new Map(without.map(({ case: c, result }) => [c, this.#boundsOf(result)]));
    return this.#evaluate(injection_W, cases, (one) => bounds.get(one) ?? this.limits);
  }

  /** A case without DER against the limits that `evaluate` measures it by; <= 0 by their construction. */
  async violationWithoutDer(one: Case): Promise<number> {
    const found = (await this.withoutDer()).find((result) => result.case === one);
    if (found === undefined) throw new RangeError(`minute ${one.minute} is no case of this interval`);
    return measured(one, found.result, this.#boundsOf(found.result)).violation_pu;
  }

  #boundsOf(without: Extremes | NoSolution): CaseLimits {
    const low_pu = this.limits.low_pu + this.margin_pu;
    const high_pu = this.limits.high_pu - this.margin_pu;
    if (!isSolved(without)) return { low_pu, high_pu };
    const little_pu = SHARE_OF_USED_UP_MARGIN * this.margin_pu;
    return {
      low_pu:
        without.min_pu >= low_pu
          ? low_pu
          : Math.min(without.min_pu, Math.max(without.min_pu - little_pu, this.limits.low_pu)),
      high_pu:
        without.max_pu <= high_pu
          ? high_pu
          : Math.max(without.max_pu, Math.min(without.max_pu + little_pu, this.limits.high_pu)),
    };
  }

  async #evaluate(
    injection_W: Injection,
    cases: readonly Case[],
    limitsOf: (one: Case) => CaseLimits,
  ): Promise<CaseResult[]> {
    const results = await this.#options.powerFlow.solveMany(cases.map((one) => this.#flow(injection_W, one)));
    this.solves += cases.length;
    return cases.map((one, i) => measured(one, results[i]!, limitsOf(one)));
  }

  #flow(injection_W: Injection, one: Case): PowerFlowCase {
    const { feeder, startMinuteOfDay, silentDerIds } = this.#options;
    const derPower_W: Record<string, number> = { ...injection_W };
    for (const derId of silentDerIds) {
      derPower_W[derId] = one.silent === 'clear-sky' ? this.#clearSky_W(derId, one.minute) : 0;
    }
    return feeder.caseAt({ minuteOfDay: middle(startMinuteOfDay, one.minute), derPower_W });
  }

  #clearSky_W(derId: string, minute: number): number {
    return this.#options.feeder.clearSky_W(derId, middle(this.#options.startMinuteOfDay, minute));
  }
}

/** A minute stands for its middle. */
function middle(startMinuteOfDay: number, minute: number): number {
  return (startMinuteOfDay + minute + 0.5) % 1440;
}

function measured(one: Case, result: Extremes | NoSolution, { low_pu, high_pu }: CaseLimits): CaseResult {
  if (!isSolved(result)) {
    return { case: one, result, violation_pu: Number.POSITIVE_INFINITY, node: null };
  }
  const over = result.max_pu - high_pu;
  const under = low_pu - result.min_pu;
  const violation = Math.max(over, under);
  return {
    case: one,
    result,
    violation_pu: Math.abs(violation) <= ON_THE_LIMIT_PU ? 0 : violation,
    node: over >= under ? result.maxAt : result.minAt,
  };
}

export function isFeasible(results: readonly CaseResult[]): boolean {
  return results.every(({ violation_pu }) => violation_pu <= 0);
}

/** The case that is furthest outside, or nearest to it; the earliest of equals. */
export function worstOf(results: readonly CaseResult[]): CaseResult {
  const [first, ...rest] = results;
  if (first === undefined) throw new RangeError('an interval has at least one case');
  return rest.reduce((worst, one) => (one.violation_pu > worst.violation_pu ? one : worst), first);
}

/** Extremes over all cases; null when one of them has no solution. */
export function extremesOf(results: readonly CaseResult[]): Extremes | null {
  let extremes: Extremes | null = null;
  for (const { result } of results) {
    if (!isSolved(result)) return null;
    if (extremes === null) {
      extremes = result;
      continue;
    }
    extremes = widest(extremes, result);
  }
  return extremes;
}
