/**
 * Step 13 · What a DER would have delivered without the event: the mean of the most recent like days, adjusted by how
 * the day itself began. It is committed by hash before the interval and opened after it (commitment.ts), so that nobody can
 * choose it once the meter is read.
 */
import Type, { type Static } from 'typebox';
import { roundHalfAway } from '../money.ts';
import { exactNumber, roundedQuotient } from './arithmetic.ts';

/** A day of a meter. */
export interface MeteredDay {
  /** `2026-06-21`, UTC. */
  readonly date: string;
  /** Energy of each interval, Wh, injection positive; equally many in every day. */
  readonly energies_Wh: readonly number[];
  /** The DER was dispatched or curtailed: what it did says nothing of what it does by itself. */
  readonly hadEvent: boolean;
}

/** A config section. */
export const BaselineRules = Type.Object(
  {
    /** At most so many like days, the most recent ones. */
    likeDays: Type.Integer({ minimum: 1, maximum: 366, default: 10 }),
    /** Bounds of the same-day adjustment, millionths: 800,000 is 0.8. */
    adjustmentMin_ppm: Type.Integer({ minimum: 0, maximum: 1_000_000, default: 800_000 }),
    adjustmentMax_ppm: Type.Integer({ minimum: 1_000_000, maximum: 10_000_000, default: 1_200_000 }),
    /** Dates that are like a weekend day: `2026-12-25`. */
    holidays: Type.Array(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }), { default: [] }),
  },
  { additionalProperties: false },
);
export type BaselineRules = Static<typeof BaselineRules>;

export const DEFAULT_BASELINE_RULES: BaselineRules = {
  likeDays: 10,
  adjustmentMin_ppm: 800_000,
  adjustmentMax_ppm: 1_200_000,
  holidays: [],
};

export interface BaselineRequest {
  readonly derId: string;
  readonly date: string;
  readonly history: readonly MeteredDay[];
  /** First intervals of the day, as metered before the event, Wh; none for no adjustment. */
  readonly sameDay_Wh: readonly number[];
  /** Place of `sameDay_Wh[0]` in the day. */
  readonly sameDayFrom: number;
}

export interface Baseline {
  readonly derId: string;
  readonly date: string;
  /** Of each interval of the day, Wh, half away from zero. */
  readonly energies_Wh: readonly number[];
  /** The days that it is the mean of, most recent first. */
  readonly likeDays: readonly string[];
  /** Applied, after the bounds; millionths, rounded for reading. */
  readonly adjustment_ppm: number;
}

/** @returns undefined when there is no like day. @throws RangeError for days of unequal length, or windows outside. */
export function baseline(request: BaselineRequest, rules: BaselineRules): Baseline | undefined {
  const { derId, date, history, sameDay_Wh, sameDayFrom } = request;
  const days = history
    .filter((day) => day.date < date && !day.hadEvent && isDayOff(day.date, rules) === isDayOff(date, rules))
    .sort((a, b) => (a.date > b.date ? -1 : 1))
    .slice(0, rules.likeDays);
  const intervals = days[0]?.energies_Wh.length;
  if (intervals === undefined) return undefined;
  if (days.some((day) => day.energies_Wh.length !== intervals))
    throw new RangeError('days of unequal length');
  if (sameDayFrom < 0 || sameDayFrom + sameDay_Wh.length > intervals) {
    throw new RangeError(`the same-day intervals are not within the day's ${intervals}`);
  }
  const sums = Array.from({ length: intervals }, (_, i) =>
    days.reduce((sum, day) => sum + BigInt(day.energies_Wh[i]!), 0n),
  );
  const [up, down] = adjustment(
    sameDay_Wh.reduce((sum, energy_Wh) => sum + BigInt(energy_Wh), 0n) * BigInt(days.length),
    sums.slice(sameDayFrom, sameDayFrom + sameDay_Wh.length).reduce((sum, part) => sum + part, 0n),
    rules,
  );
  return {
    derId,
    date,
    // Rounded once, at the end: sum / days · up / down.
    energies_Wh: sums.map((sum) => exactNumber(roundedQuotient(sum * up, BigInt(days.length) * down))),
    likeDays: days.map((day) => day.date),
    adjustment_ppm: roundHalfAway((Number(up) / Number(down)) * 1_000_000),
  };
}

/** Metered over expected as a fraction within its bounds; 1 where nothing was expected. Denominator above 0. */
function adjustment(metered: bigint, expected: bigint, rules: BaselineRules): [up: bigint, down: bigint] {
  if (expected === 0n) return [1n, 1n];
  const [up, down] = expected < 0n ? [-metered, -expected] : [metered, expected];
  const [min, max] = [BigInt(rules.adjustmentMin_ppm), BigInt(rules.adjustmentMax_ppm)];
  if (up * 1_000_000n < min * down) return [min, 1_000_000n];
  if (up * 1_000_000n > max * down) return [max, 1_000_000n];
  return [up, down];
}

/** Saturdays, Sundays and holidays are like each other, and so are all other days. */
function isDayOff(date: string, rules: BaselineRules): boolean {
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay();
  if (Number.isNaN(weekday)) throw new RangeError(`${date} is no date such as 2026-06-21`);
  return weekday === 0 || weekday === 6 || rules.holidays.includes(date);
}
