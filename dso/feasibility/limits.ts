/**
 * Step 7 · What a power flow is measured against: voltages, ratings of lines and transformers, and reverse power at
 * the substation (M11, M21). One number says how far outside a case is, and where.
 */
import type { FeederLimits } from '../feeder/feeder.ts';
import { type Extremes, isSolved, type NoSolution } from '../power-flow/power-flow.ts';

/** Limits that hold in one case. */
export interface CaseLimits {
  readonly low_pu: number;
  readonly high_pu: number;
  /** Highest loading of any rated link, share of its rating. */
  readonly loading_pu: number;
  /** Most that may flow from the feeder into the substation, W. */
  readonly export_W: number;
}

export interface Measured {
  /** How far outside the worst limit, in its own pu; infinite without a solution. `isInside` says what is feasible. */
  readonly violation_pu: number;
  /** `node.phase`, link or `substation` nearest to, or furthest beyond, its limit; null without a solution. */
  readonly node: string | null;
}

/** Name of the limit on reverse power. */
export const SUBSTATION = 'substation';
/** Engines repeat themselves, and agree with each other, to some 1e-9 pu: what is within this is on the limit. */
const ON_THE_LIMIT_PU = 1e-8;
/**
 * Where the feeder without DER is inside the margin already, DERs may take this share of the margin: every DER
 * moves even the regulator's own voltage by some µpu, and none of them would fit otherwise.
 */
const SHARE_OF_USED_UP_MARGIN = 0.1;

export function bareLimits({ low_pu, high_pu, export_W, ratings }: FeederLimits): CaseLimits {
  const loading_pu = ratings === 'watched' ? Number.POSITIVE_INFINITY : 1;
  return { low_pu, high_pu, loading_pu, export_W: export_W ?? Number.POSITIVE_INFINITY };
}

/**
 * A link that is overloaded without any DER carries a little more or less with every voltage that a DER moves
 * elsewhere: that is no loading by DERs yet. Share of the rating.
 */
const SHIFT_OF_OVERLOAD = 0.02;

/**
 * The limits less the margin. What is too high or overloaded without any DER may not become worse; what is inside, but
 * not by the margin, may hardly: a margin must not make a feeder infeasible that is feasible.
 */
export function limitsWithMargin(
  limits: CaseLimits,
  margin_pu: number,
  without: Extremes | NoSolution,
): CaseLimits {
  const low_pu = limits.low_pu + margin_pu;
  const high_pu = limits.high_pu - margin_pu;
  if (!isSolved(without)) return { ...limits, low_pu, high_pu };
  const little_pu = SHARE_OF_USED_UP_MARGIN * margin_pu;
  return {
    low_pu: lowWithMargin(without.min_pu, low_pu, limits.low_pu, little_pu),
    high_pu:
      without.max_pu <= high_pu
        ? high_pu
        : Math.max(without.max_pu, Math.min(without.max_pu + little_pu, limits.high_pu)),
    loading_pu:
      without.loading_pu > limits.loading_pu ? without.loading_pu + SHIFT_OF_OVERLOAD : limits.loading_pu,
    export_W: Math.max(limits.export_W, -without.swing_W),
  };
}

/** A6 · What is too low without any DER is no reason to scale generation down: it lifts. */
function lowWithMargin(without_pu: number, low_pu: number, bare_pu: number, little_pu: number): number {
  if (without_pu >= low_pu) return low_pu;
  return without_pu < bare_pu ? Number.NEGATIVE_INFINITY : Math.max(without_pu - little_pu, bare_pu);
}

/** Where a solved case stands to each kind of limit; positive is outside. */
export function measure(result: Extremes | NoSolution, limits: CaseLimits): Measured {
  if (!isSolved(result)) return { violation_pu: Number.POSITIVE_INFINITY, node: null };
  const kinds: [number, string][] = [
    [result.max_pu - limits.high_pu, result.maxAt],
    [limits.low_pu - result.min_pu, result.minAt],
  ];
  if (result.loadingAt !== null) kinds.push([result.loading_pu - limits.loading_pu, result.loadingAt]);
  if (limits.export_W < Number.POSITIVE_INFINITY) {
    kinds.push([(-result.swing_W - limits.export_W) / exportScale_W(limits), SUBSTATION]);
  }
  const [violation, node] = kinds.reduce((worst, one) => (one[0] > worst[0] ? one : worst));
  return { violation_pu: violation, node };
}

/** Whether a violation is none, as far as the engines can tell. */
export function isInside(violation_pu: number): boolean {
  return violation_pu <= ON_THE_LIMIT_PU;
}

/** What one pu of reverse power is: the limit itself, or 1 MW where nothing may flow back. */
export function exportScale_W({ export_W }: CaseLimits): number {
  return export_W > 0 ? export_W : 1e6;
}
