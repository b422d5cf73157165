/**
 * Market intervals: half-open `[start, end)` in UTC. An interval is named by the ISO instant of its start,
 * to the minute: `2026-06-21T12:15Z`. The name is its id everywhere (messages, ledger keys, files).
 *
 * What is sold a day ahead is sold by the hour, so that an hour and its first quarter start together: a day-ahead
 * interval names its length as well, as ISO 8601 writes it where a solidus will not do: `2026-06-21T12:00Z--PT60M`.
 */
import { describeFound, InputError } from './errors.ts';

export interface Interval {
  /** `YYYY-MM-DDTHH:MMZ` of the start. */
  readonly id: string;
  /** First instant inside, epoch milliseconds. */
  readonly start_ms: number;
  /** First instant outside, epoch milliseconds. */
  readonly end_ms: number;
}

export const MINUTE_MS = 60_000;
export const MINUTE_ID = '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}Z$';
export const INTERVAL_ID = '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}Z(--PT[1-9]\\d{0,3}M)?$';
const HOUR_MS = 60 * MINUTE_MS;
const DAY_AHEAD = /--PT(\d+)M$/;

/** ISO instant to the minute, UTC. */
export function minuteId(at_ms: number): string {
  return `${new Date(at_ms).toISOString().slice(0, 16)}Z`;
}

/** ISO instant to the second, UTC: `2026-06-21T12:15:30Z`. */
export function instant(at_ms: number): string {
  return `${new Date(at_ms).toISOString().slice(0, 19)}Z`;
}

/** The interval of `duration_min` minutes that starts at `start_ms`. */
export function intervalFrom(start_ms: number, duration_min: number): Interval {
  if (!Number.isInteger(start_ms / MINUTE_MS)) {
    throw new RangeError(`an interval starts on a whole minute, not at ${new Date(start_ms).toISOString()}`);
  }
  return { id: minuteId(start_ms), start_ms, end_ms: start_ms + duration_min * MINUTE_MS };
}

/** The day-ahead interval of `duration_min` minutes that starts at `start_ms`. */
export function dayAheadInterval(start_ms: number, duration_min: number): Interval {
  const interval = intervalFrom(start_ms, duration_min);
  return { ...interval, id: `${interval.id}--PT${duration_min}M` };
}

/** Id of the day-ahead interval, an hour, that an instant lies in. */
export function dayAheadHourOf(at_ms: number): string {
  return dayAheadInterval(Math.floor(at_ms / HOUR_MS) * HOUR_MS, HOUR_MS / MINUTE_MS).id;
}

/** Whether an id names an interval of the day-ahead market. */
export function isDayAhead(id: string): boolean {
  return DAY_AHEAD.test(id);
}

/**
 * The interval that an id names.
 * @param duration_min of an id that does not say it.
 * @throws InputError when the id is not a minute in UTC, with or without a length.
 */
export function intervalOf(id: string, duration_min: number): Interval {
  const length = DAY_AHEAD.exec(id)?.[1];
  const start = id.replace(DAY_AHEAD, '');
  const start_ms = Date.parse(start.replace(/Z$/, ':00Z'));
  if (!new RegExp(INTERVAL_ID).test(id) || !Number.isFinite(start_ms) || minuteId(start_ms) !== start) {
    throw new InputError({
      source: 'interval id',
      path: '',
      found: describeFound(id),
      expected: 'a minute in UTC such as 2026-06-21T12:15Z',
    });
  }
  return length === undefined
    ? intervalFrom(start_ms, duration_min)
    : dayAheadInterval(start_ms, Number(length));
}

/** True when the half-open intervals share an instant. */
export function overlaps(a: Interval, b: Interval): boolean {
  return a.start_ms < b.end_ms && b.start_ms < a.end_ms;
}
