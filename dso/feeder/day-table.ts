/** Tables over a day: a column `minute` from 0 to 1440, values in between interpolated linearly. */
import { readCsv } from '@fieldbid/core/csv';
import { InputError } from '@fieldbid/core/errors';

const DAY_MIN = 1440;

/**
 * Every column of the table but `minute`, as one value per whole minute 0 … 1440.
 * @param largest bound on the values, which are per unit; the smallest is 0.
 * @throws InputError naming line and column.
 */
export function readDayTable(file: string, largest: number): Map<string, number[]> {
  const table = readCsv(file, ['minute']);
  const fault = (line: number, path: string, found: string, expected: string) =>
    new InputError({ source: `${file}:${line}`, path, found, expected });
  const minutes = table.rows.map((row) => row.number('minute'));
  table.rows.forEach(({ line }, i) => {
    const minute = minutes[i] ?? Number.NaN;
    const before = minutes[i - 1];
    if (i === 0 && minute !== 0) throw fault(line, '/minute', String(minute), '0 in the first row');
    if (before !== undefined && minute <= before) {
      throw fault(line, '/minute', String(minute), `more than ${before}, the minute of the row before`);
    }
  });
  const end = table.rows.at(-1);
  if (end === undefined || minutes.at(-1) !== DAY_MIN) {
    throw fault(end?.line ?? 1, '/minute', String(minutes.at(-1)), `${DAY_MIN} in the last row`);
  }
  const columns = new Map<string, number[]>();
  for (const column of table.columns.filter((name) => name !== 'minute')) {
    const values = table.rows.map((row) => {
      const value = row.number(column);
      if (value < 0 || value > largest) {
        throw fault(row.line, `/${column}`, String(value), `a number 0 … ${largest}, per unit`);
      }
      return value;
    });
    columns.set(column, everyMinute(minutes, values));
  }
  return columns;
}

function everyMinute(minutes: readonly number[], values: readonly number[]): number[] {
  const out: number[] = [];
  let i = 0;
  for (let minute = 0; minute <= DAY_MIN; minute++) {
    while ((minutes[i + 1] ?? Number.POSITIVE_INFINITY) <= minute) i++;
    const from = minutes[i] ?? 0;
    const to = minutes[i + 1] ?? from + 1;
    const left = values[i] ?? 0;
    out.push(left + ((minute - from) / (to - from)) * ((values[i + 1] ?? left) - left));
  }
  return out;
}
