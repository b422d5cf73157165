/** Whether a solved case keeps the limits of its feeder, and which one it breaks first. */
import type { Extremes, NoSolution } from '../power-flow/power-flow.ts';
import { isSolved } from '../power-flow/power-flow.ts';
import type { FeederLimits } from './feeder.ts';

export interface BrokenLimit {
  readonly limit: 'high_pu' | 'low_pu' | 'rating' | 'export_W' | 'no solution';
  /** Where: `node.phase`, a link, the substation; empty without a solution. */
  readonly at: string;
  /** pu, share of the rating, or W of export; NaN without a solution. */
  readonly value: number;
}

/** The limit that a case breaks, in the order voltage, rating, export; undefined when it keeps all of them. */
export function brokenLimit(limits: FeederLimits, result: Extremes | NoSolution): BrokenLimit | undefined {
  if (!isSolved(result)) return { limit: 'no solution', at: '', value: Number.NaN };
  if (result.max_pu > limits.high_pu) return { limit: 'high_pu', at: result.maxAt, value: result.max_pu };
  if (result.min_pu < limits.low_pu) return { limit: 'low_pu', at: result.minAt, value: result.min_pu };
  if (result.loading_pu > 1) {
    return { limit: 'rating', at: result.loadingAt ?? '', value: result.loading_pu };
  }
  if (limits.export_W !== undefined && -result.swing_W > limits.export_W) {
    return { limit: 'export_W', at: 'substation', value: -result.swing_W };
  }
  return undefined;
}

/** `1.0512 pu at l611.C` and the like. */
export function brokenLimitText({ limit, at, value }: BrokenLimit): string {
  if (limit === 'no solution') return 'no solution';
  if (limit === 'rating') return `${(value * 100).toFixed(0)} % of its rating in ${at}`;
  if (limit === 'export_W') return `${(value / 1000).toFixed(0)} kW into the substation`;
  return `${value.toFixed(4)} pu at ${at}`;
}
