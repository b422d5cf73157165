/**
 * Step 7 · What the feeder does in one interval for given quantities: one case per forecast minute, two where
 * DERs run uncontrolled (each counted at its clear-sky power and at nothing).
 *
 * Two engines: the one of record, whose word counts, and a fast one to search with. Where there is only one, it
 * does both.
 */
import { codeOf } from '@fieldbid/core/errors';
import type { Feeder } from '../feeder/feeder.ts';
import {
  type Extremes,
  isSolved,
  type NoSolution,
  type PowerFlow,
  type PowerFlowCase,
  type SearchFlow,
  type Solution,
  widest,
} from '../power-flow/power-flow.ts';
import { bareLimits, type CaseLimits, isInside, limitsWithMargin, type Measured, measure } from './limits.ts';

/** DER → active power of all that are connected where it is, W; of one DER of each place (`injector`). */
export type Injection = Readonly<Record<string, number>>;

export interface Case {
  /** Minute of the interval, 0-based. */
  readonly minute: number;
  /** What DERs without an answering agent are taken to deliver. */
  readonly silent: 'none' | 'zero' | 'clear-sky';
}

export interface CaseResult extends Measured {
  readonly case: Case;
  readonly result: Extremes | NoSolution;
}

/** One power flow to solve. */
export interface Point {
  readonly injection_W: Injection;
  readonly case: Case;
}

export interface IntervalCheckOptions {
  readonly feeder: Feeder;
  /** The engine of record. */
  readonly powerFlow: PowerFlow;
  /** The engine to search with; the one of record by default. */
  readonly search?: SearchFlow | undefined;
  /** Told when that engine is lost: the one of record goes on alone. */
  readonly onSearchLost?: (error: unknown) => void;
  /** Minute of day (UTC) at which the interval starts. */
  readonly startMinuteOfDay: number;
  readonly duration_min: number;
  /** One minute in so many is checked, from the first on; every one by default. */
  readonly step_min?: number;
  readonly margin_pu: number;
  /** DERs whose agent does not answer. */
  readonly silentDerIds: readonly string[];
}

/** Answers of the engine of record that are kept. */
const MOST_KEPT = 5000;

export class IntervalCheck {
  readonly margin_pu: number;
  readonly limits: CaseLimits;
  readonly cases: readonly Case[];
  /** `gridlabd 6.0.0` or both engines, as a certificate names them. */
  readonly engine: string;
  readonly #options: IntervalCheckOptions;
  readonly #silent: ReadonlySet<string>;
  #withoutDer: CaseResult[] | undefined;
  /** How much more the engine of record found than the searching one, by case. */
  readonly #offset_pu = new Map<Case, number>();
  readonly #limitsOf = new Map<Case, CaseLimits>();
  #searchLost = false;
  readonly #known = new Map<string, Extremes>();
  /** Power flows solved so far, on the engine of record. */
  solves = 0;
  /** And on the one that searches. */
  searchSolves = 0;
  /** Largest difference between the two engines so far, pu, and where. */
  gap: { pu: number; node: string } | null = null;

  constructor(options: IntervalCheckOptions) {
    this.#options = options;
    this.#silent = new Set(options.silentDerIds);
    this.margin_pu = options.margin_pu;
    this.limits = bareLimits(options.feeder.data.limits);
    const { powerFlow, search } = options;
    const engines = [powerFlow.description.engine, search?.description.engine];
    this.engine = engines.filter((engine) => engine !== undefined).join(' and ');
    const silent = options.silentDerIds.length > 0;
    const step_min = options.step_min ?? 1;
    this.cases = Array.from({ length: Math.ceil(options.duration_min / step_min) }, (_, i): Case[] => {
      const minute = i * step_min;
      const shining = options.silentDerIds.some((derId) => this.#clearSky_W(derId, minute) > 0);
      if (!silent || !shining) return [{ minute, silent: 'none' }];
      return [
        { minute, silent: 'zero' },
        { minute, silent: 'clear-sky' },
      ];
    }).flat();
  }

  /**
   * What quantities of these DERs inject, by place: DERs that are connected alike are one, and a silent one is not
   * asked. Made once for many quantities.
   */
  injector(derIds: readonly string[]): (quantity_W: (i: number) => number) => Injection {
    const places = [
      ...new Set(derIds.filter((derId) => !this.#silent.has(derId)).map((derId) => this.placeOf(derId))),
    ];
    const index = new Map(places.map((place, k) => [place, k]));
    const placeAt = derIds.map((derId) =>
      this.#silent.has(derId) ? -1 : (index.get(this.placeOf(derId)) ?? -1),
    );
    return (quantity_W) => {
      const sums_W = new Float64Array(places.length);
      placeAt.forEach((k, i) => {
        if (k >= 0) sums_W[k] = (sums_W[k] ?? 0) + quantity_W(i);
      });
      return Object.fromEntries(places.map((place, k) => [place, sums_W[k] ?? 0]));
    };
  }

  /** The DER that stands for all that are connected where this one is. */
  placeOf(derId: string): string {
    return this.#options.feeder.atSamePlace(derId);
  }

  /** Every case with nothing injected but by silent DERs, measured against the bare limits. Solved once. */
  async withoutDer(): Promise<readonly CaseResult[]> {
    if (this.#withoutDer === undefined) {
      const points = this.cases.map((one) => ({ injection_W: {}, case: one }));
      const results = await this.#record(points);
      this.#withoutDer = points.map((point, i) => measured(point, results[i]!, this.limits));
    }
    return this.#withoutDer;
  }

  /** The cases under these quantities on the engine of record, against the limits less the margin. */
  evaluate(injection_W: Injection): Promise<CaseResult[]> {
    return this.evaluatePoints(this.cases.map((one) => ({ injection_W, case: one })));
  }

  /** The same for any points. */
  async evaluatePoints(points: readonly Point[]): Promise<CaseResult[]> {
    await this.withoutDer();
    const results = await this.#record(points);
    return points.map((point, i) => measured(point, results[i]!, this.limitsOf(point.case)));
  }

  /**
   * The same on the engine that searches, each violation moved by what the engine of record was found to add.
   * @param tighten_pu how much further inside to stay.
   */
  async searchPoints(points: readonly Point[], tighten_pu = 0): Promise<CaseResult[]> {
    await this.withoutDer();
    const flows = points.map((point) => this.#flow(point));
    const results = await this.#bySearch(points.length, (search) => search.solveMany(flows));
    if (results === undefined) {
      const found = await this.evaluatePoints(points);
      return found.map((one) => ({ ...one, violation_pu: one.violation_pu + tighten_pu }));
    }
    return points.map((point, i) => {
      const one = measured(point, results[i]!, this.limitsOf(point.case));
      const moved_pu = one.violation_pu + (this.#offset_pu.get(point.case) ?? 0) + tighten_pu;
      return { ...one, violation_pu: moved_pu };
    });
  }

  /** Whole solutions on the engine that searches. */
  async solutions(points: readonly Point[]): Promise<(Solution | NoSolution)[]> {
    const { powerFlow } = this.#options;
    const flows = points.map((point) => this.#flow(point));
    const found = await this.#bySearch(points.length, (search) => search.solveAll(flows));
    if (found !== undefined) return found;
    this.solves += points.length;
    return Promise.all(flows.map((flow) => powerFlow.solve(flow)));
  }

  /**
   * Learns from points that both engines have solved: what one finds is expected of the other.
   * @returns how much that differs from what was expected, pu.
   */
  compare(recorded: readonly CaseResult[], searched: readonly CaseResult[]): number {
    let learned_pu = 0;
    recorded.forEach((record, i) => {
      const other = searched[i];
      if (other === undefined || !isSolved(record.result) || !isSolved(other.result)) return;
      const offset_pu = this.#offset_pu.get(record.case) ?? 0;
      const shift_pu = record.violation_pu - other.violation_pu;
      this.#offset_pu.set(record.case, offset_pu + shift_pu);
      learned_pu = Math.max(learned_pu, Math.abs(shift_pu));
      for (const [a, b, node] of [
        [record.result.max_pu, other.result.max_pu, record.result.maxAt],
        [record.result.min_pu, other.result.min_pu, record.result.minAt],
      ] as const) {
        if (Math.abs(a - b) > (this.gap?.pu ?? 0)) this.gap = { pu: Math.abs(a - b), node };
      }
    });
    return learned_pu;
  }

  /** Whether a link's rating is the DSO's, not only the nameplate that the model gives it. */
  isFirm(link: string | null): boolean {
    return link !== null && this.#options.feeder.data.ratings.get(link)?.nameplate !== true;
  }

  get hasSearchEngine(): boolean {
    return this.#options.search !== undefined && !this.#searchLost;
  }

  /** The limits of a case less the margin; once the cases without DER are solved. */
  limitsOf(one: Case): CaseLimits {
    let limits = this.#limitsOf.get(one);
    if (limits === undefined) {
      const without = this.#withoutDer?.find((result) => result.case === one);
      if (without === undefined) throw new RangeError(`minute ${one.minute} is not solved without DER yet`);
      limits = limitsWithMargin(this.limits, this.margin_pu, without.result);
      this.#limitsOf.set(one, limits);
    }
    return limits;
  }

  /** Undefined where there is no engine to search with, or it cannot be had any more. */
  async #bySearch<T>(count: number, work: (search: SearchFlow) => Promise<T>): Promise<T | undefined> {
    const { search, onSearchLost } = this.#options;
    if (search === undefined || this.#searchLost) return undefined;
    try {
      const found = await work(search);
      this.searchSolves += count;
      return found;
    } catch (error) {
      if (codeOf(error) !== 'ENGINE_UNAVAILABLE') throw error;
      this.#searchLost = true;
      onSearchLost?.(error);
      return undefined;
    }
  }

  /** An answer depends on nothing but the case: what was solved before is not solved again. */
  async #record(points: readonly Point[]): Promise<(Extremes | NoSolution)[]> {
    const keys = points.map(({ injection_W, case: one }) => JSON.stringify([one, injection_W]));
    const missing = [...new Map(keys.map((key, i) => [key, i]))].filter(([key]) => !this.#known.has(key));
    this.solves += missing.length;
    const solved = await this.#options.powerFlow.solveMany(missing.map(([, i]) => this.#flow(points[i]!)));
    const fresh = new Map(missing.map(([key], i) => [key, solved[i]!]));
    const results = keys.map((key) => (fresh.get(key) ?? this.#known.get(key))!);
    if (this.#known.size > MOST_KEPT) this.#known.clear();
    for (const [key, result] of fresh) if (isSolved(result)) this.#known.set(key, result);
    return results;
  }

  #flow({ injection_W, case: one }: Point): PowerFlowCase {
    const { feeder, startMinuteOfDay, silentDerIds } = this.#options;
    const derPower_W: Record<string, number> = { ...injection_W };
    for (const derId of silentDerIds) {
      const place = this.placeOf(derId);
      const uncontrolled_W = one.silent === 'clear-sky' ? this.#clearSky_W(derId, one.minute) : 0;
      derPower_W[place] = (derPower_W[place] ?? 0) + uncontrolled_W;
    }
    return feeder.caseAt({ minuteOfDay: middle(startMinuteOfDay, one.minute), derPower_W });
  }

  #clearSky_W(derId: string, minute: number): number {
    const { feeder, startMinuteOfDay } = this.#options;
    return feeder.clearSky_W(derId, middle(startMinuteOfDay, minute));
  }
}

/** A minute stands for its middle. */
function middle(startMinuteOfDay: number, minute: number): number {
  return (startMinuteOfDay + minute + 0.5) % 1440;
}

/** Whatever an engine says of itself: what is no number is no solution. */
function sane(result: Extremes | NoSolution): Extremes | NoSolution {
  if (!isSolved(result)) return result;
  const { max_pu, min_pu, loading_pu, swing_W } = result;
  if ([max_pu, min_pu, loading_pu, swing_W].every(Number.isFinite)) return result;
  return { failure: 'BAD_VOLTAGE', reason: 'the engine answers with something that is no number' };
}

function measured(point: Point, answer: Extremes | NoSolution, limits: CaseLimits): CaseResult {
  const result = sane(answer);
  return { case: point.case, result, ...measure(result, limits) };
}

export function isFeasible(results: readonly CaseResult[]): boolean {
  return results.every(({ violation_pu }) => isInside(violation_pu));
}

/** The case that is furthest outside, or nearest to it; the earliest of equals. */
export function worstOf<T extends Measured>(results: readonly T[]): T {
  const [first, ...rest] = results;
  if (first === undefined) throw new RangeError('an interval has at least one case');
  return rest.reduce((worst, one) => (one.violation_pu > worst.violation_pu ? one : worst), first);
}

/** Extremes over all cases; null when one of them has no solution. */
export function extremesOf(results: readonly CaseResult[]): Extremes | null {
  let extremes: Extremes | null = null;
  for (const { result } of results) {
    if (!isSolved(result)) return null;
    extremes = extremes === null ? result : widest(extremes, result);
  }
  return extremes;
}
