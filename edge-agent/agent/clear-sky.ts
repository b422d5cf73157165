/** Step 2 · The shape of a clear day: per unit of the DER's rating by minute of day (UTC), as data. */
import { readCsv } from '@fieldbid/core/csv';
import { InputError } from '@fieldbid/core/errors';
import { type Interval, MINUTE_MS } from '@fieldbid/core/interval';

export interface ClearSky {
  /** Per unit of rating at an instant. */
  at(t_ms: number): number;
  /** Mean over an interval. */
  mean(interval: Interval): number;
}

const DAY_MIN = 1440;

/**
 * A table `minute,clear_sky`, linear between its rows.
 * @throws InputError naming file and line: minutes out of order, values outside [0, 1].
 */
export function loadClearSky(file: string): ClearSky {
  const rows = readCsv(file, ['minute', 'clear_sky']).rows.map((row) => ({
    line: row.line,
    minute: row.number('minute'),
    value: row.number('clear_sky'),
  }));
  rows.forEach(({ line, minute, value }, i) => {
    const before = rows[i - 1]?.minute ?? -1;
    const fault = (path: string, found: number, expected: string) =>
      new InputError({ source: `${file}:${line}`, path, found: String(found), expected });
    if (minute <= before || minute > DAY_MIN)
      throw fault('/minute', minute, `more than ${before}, at most ${DAY_MIN}`);
    if (value < 0 || value > 1) throw fault('/clear_sky', value, '0 to 1');
  });
  return clearSkyOf(rows);
}

/** @param rows minute of day and value, ascending. */
export function clearSkyOf(rows: readonly { minute: number; value: number }[]): ClearSky {
  const at = (t_ms: number): number => {
    const minute = (t_ms / MINUTE_MS) % DAY_MIN;
    const after = rows.findIndex((row) => row.minute >= minute);
    const next = rows[after];
    const previous = rows[after - 1];
    if (next === undefined) return rows.at(-1)?.value ?? 0;
    if (previous === undefined) return next.value;
    const share = (minute - previous.minute) / (next.minute - previous.minute);
    return previous.value + share * (next.value - previous.value);
  };
  return {
    at,
    mean: ({ start_ms, end_ms }) => {
      const minutes = Math.max(1, Math.round((end_ms - start_ms) / MINUTE_MS));
      let sum = 0;
      for (let i = 0; i < minutes; i++) sum += at(start_ms + (i + 0.5) * MINUTE_MS);
      return sum / minutes;
    },
  };
}
