/** A feeder's day at a glance: what it looks like without DER and at clear-sky power (`dso check-feeder`). */
import { InputError } from '@fieldbid/core/errors';
import {
  type Extremes,
  isSolved,
  type NoSolution,
  type PowerFlow,
  widest,
} from '../power-flow/power-flow.ts';
import type { Feeder } from './feeder.ts';
import { brokenLimit } from './limits.ts';

const DAY_MIN = 1440;

export interface DayCheck {
  readonly withoutDer: DayExtremes;
  readonly clearSky: DayExtremes;
  readonly feasibleWithoutDer: boolean;
  /** Start, minute of day, of every interval that clear-sky power takes outside the limits. */
  readonly bindingIntervals: readonly number[];
  readonly interval_min: number;
}

export interface DayExtremes {
  /** Over all solved minutes; null when none is. */
  readonly extremes: Extremes | null;
  readonly minutesOutside: number;
  readonly minutesWithoutSolution: number;
}

/** Solves every minute of the day twice. @throws as the power flow; InputError for a length that is no divisor. */
export async function dayCheck(
  feeder: Feeder,
  powerFlow: PowerFlow,
  interval_min: number,
): Promise<DayCheck> {
  if (!Number.isInteger(DAY_MIN / interval_min) || interval_min < 1) {
    const expected = 'a number of minutes that divides a day';
    throw new InputError({ source: '--interval-min', path: '', found: String(interval_min), expected });
  }
  const minutes = Array.from({ length: DAY_MIN }, (_, minute) => minute + 0.5);
  const solve = (power: (derId: string, minute: number) => number) =>
    powerFlow.solveMany(
      minutes.map((minuteOfDay) =>
        feeder.caseAt({
          minuteOfDay,
          derPower_W: Object.fromEntries(feeder.ders.map(({ derId }) => [derId, power(derId, minuteOfDay)])),
        }),
      ),
    );
  const without = await solve(() => 0);
  const full = await solve((derId, minute) => feeder.clearSky_W(derId, minute));
  const outside = (result: Extremes | NoSolution): boolean => isOutside(feeder, result);
  const starts = Array.from({ length: DAY_MIN / interval_min }, (_, i) => i * interval_min);
  return {
    withoutDer: summary(feeder, without),
    clearSky: summary(feeder, full),
    feasibleWithoutDer: !without.some(outside),
    bindingIntervals: starts.filter((start) => full.slice(start, start + interval_min).some(outside)),
    interval_min,
  };
}

function isOutside(feeder: Feeder, result: Extremes | NoSolution): boolean {
  return brokenLimit(feeder.data.limits, result) !== undefined;
}

function summary(feeder: Feeder, results: readonly (Extremes | NoSolution)[]): DayExtremes {
  const solved = results.filter(isSolved);
  const [first, ...rest] = solved;
  return {
    extremes: first === undefined ? null : rest.reduce(widest, first),
    minutesOutside: results.filter((result) => isOutside(feeder, result)).length,
    minutesWithoutSolution: results.length - solved.length,
  };
}

/** The same for people. */
export function dayCheckText(found: DayCheck): string {
  const binding = found.bindingIntervals;
  return [
    'over the day, every minute',
    `  without DER:         ${extremesText(found.withoutDer)}`,
    `  at clear-sky power:  ${extremesText(found.clearSky)}`,
    binding.length === 0
      ? '  clear-sky power breaks no limit in any interval'
      : `  clear-sky power breaks a limit in ${binding.length} of ${DAY_MIN / found.interval_min} intervals: ${spans(binding, found.interval_min)}`,
    found.feasibleWithoutDer
      ? '  feasible without DER in every minute'
      : '  NOT feasible without DER in every minute',
  ].join('\n');
}

function extremesText({ extremes, minutesOutside, minutesWithoutSolution }: DayExtremes): string {
  if (extremes === null) return 'no minute has a solution';
  const { min_pu, minAt, max_pu, maxAt, loading_pu, loadingAt, swing_W } = extremes;
  const loaded = loadingAt === null ? '' : `${(loading_pu * 100).toFixed(0)} % in ${loadingAt}, `;
  const exported = swing_W < 0 ? `export ${(-swing_W / 1000).toFixed(0)} kW, ` : '';
  const unsolved = minutesWithoutSolution === 0 ? '' : `, ${minutesWithoutSolution} without a solution`;
  return `${min_pu.toFixed(4)} pu (${minAt}) … ${max_pu.toFixed(4)} pu (${maxAt}), ${loaded}${exported}${minutesOutside} minutes outside${unsolved}`;
}

/** 08:30–15:15 and the like. */
function spans(starts: readonly number[], length_min: number): string {
  const out: string[] = [];
  let from = starts[0] ?? 0;
  starts.forEach((start, i) => {
    if (starts[i + 1] === start + length_min) return;
    out.push(`${clock(from)}–${clock(start + length_min)}`);
    from = starts[i + 1] ?? 0;
  });
  return out.join(', ');
}

function clock(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
}
