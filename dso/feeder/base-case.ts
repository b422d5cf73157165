/** One moment of a feeder without DER: its extremes, what is outside its limits, and what its links carry. */
import { isSolved, type PowerFlow } from '../power-flow/power-flow.ts';
import type { Feeder } from './feeder.ts';

export interface BaseCase {
  /** Minute of day, UTC, whose loads hold. */
  readonly minuteOfDay: number;
  readonly max_pu: number;
  readonly maxAt: string;
  readonly min_pu: number;
  readonly minAt: string;
  /** Active power from the substation into the feeder, W. */
  readonly swing_W: number;
  /** By `node.phase`, pu. */
  readonly voltages_pu: Readonly<Record<string, number>>;
  /** Voltages outside the limits, the furthest first. */
  readonly violations: readonly { readonly at: string; readonly voltage_pu: number }[];
  /** Rated links, the most loaded first. */
  readonly loadings: readonly LinkLoading[];
  readonly feasible: boolean;
}

export interface LinkLoading {
  readonly link: string;
  readonly loading_pu: number;
  readonly rating: string;
}

/** @returns the engine's reason where there is no solution. @throws as the power flow. */
export async function baseCase(
  feeder: Feeder,
  powerFlow: PowerFlow,
  minuteOfDay: number,
): Promise<BaseCase | { readonly failure: string }> {
  const { low_pu, high_pu } = feeder.data.limits;
  const { nodePhases, ratedLinks } = powerFlow.description;
  const solution = await powerFlow.solve(feeder.caseAt({ minuteOfDay, derPower_W: {} }));
  if (!isSolved(solution)) return { failure: `${solution.failure}: ${solution.reason}` };
  const { magnitude_pu, loading_pu, swing_W } = solution;
  const voltages = nodePhases.map((at, i) => ({ at, voltage_pu: magnitude_pu[i] ?? Number.NaN }));
  const rising = [...voltages].sort((a, b) => a.voltage_pu - b.voltage_pu);
  const [lowest, highest] = [rising[0], rising.at(-1)];
  const beyond = (pu: number) => Math.max(pu - high_pu, low_pu - pu);
  const violations = rising
    .filter(({ voltage_pu }) => beyond(voltage_pu) > 0)
    .sort((a, b) => beyond(b.voltage_pu) - beyond(a.voltage_pu));
  const loadings = ratedLinks
    .map((link, i) => ({ link, loading_pu: loading_pu[i] ?? Number.NaN, rating: ratingText(feeder, link) }))
    .sort((a, b) => b.loading_pu - a.loading_pu);
  return {
    minuteOfDay,
    max_pu: highest?.voltage_pu ?? Number.NaN,
    maxAt: highest?.at ?? '',
    min_pu: lowest?.voltage_pu ?? Number.NaN,
    minAt: lowest?.at ?? '',
    swing_W,
    voltages_pu: Object.fromEntries(voltages.map(({ at, voltage_pu }) => [at, voltage_pu])),
    violations,
    loadings,
    feasible: violations.length === 0 && !loadings.some((link) => link.loading_pu > 1),
  };
}

function ratingText(feeder: Feeder, link: string): string {
  const found = feeder.data.ratings.get(link);
  if (found === undefined) return '';
  return found.kind === 'power' ? `${found.rating / 1000} kVA` : `${found.rating} A`;
}
