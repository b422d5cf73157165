/**
 * Market intervals: half-open `[start, end)` in UTC. An interval is named by the ISO instant of its start,
 * to the minute: `2026-06-21T12:15Z`. The name is its id everywhere (messages, ledger keys, files).
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
export const INTERVAL_ID = '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}Z$';

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

/**
 * The interval that an id names.
 * @throws InputError when the id is not a minute in UTC.
 */
export function intervalOf(id: string, duration_min: number): Interval {
  const start_ms = Date.parse(id.replace(/Z$/, ':00Z'));
  if (!new RegExp(INTERVAL_ID).test(id) || !Number.isFinite(start_ms) || minuteId(start_ms) !== id) {
    throw new InputError({
      source: 'interval id',
      path: '',
      found: describeFound(id),
      expected: 'a minute in UTC such as 2026-06-21T12:15Z',
    });
  }
  return intervalFrom(start_ms, duration_min);
}

/** True when the half-open intervals share an instant. */
export function overlaps(a: Interval, b: Interval): boolean {
  return a.start_ms < b.end_ms && b.start_ms < a.end_ms;
}
