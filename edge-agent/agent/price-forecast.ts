/** Step 2 · The price forecast known a day ahead (day-1): a table `start,price_USD_per_MWh`. */
import { readCsv } from '@fieldbid/core/csv';
import { InputError } from '@fieldbid/core/errors';
import { type Interval, minuteId } from '@fieldbid/core/interval';
import { priceFromUsd } from '@fieldbid/core/market/money';

export interface PriceForecast {
  /** Price for an interval, µ$/MWh; undefined where the forecast does not reach (then there is no bid). */
  at(interval: Interval): number | undefined;
}

/** A row holds until the next; the last one for as long as the one before it, or this long when alone. */
const LONE_ROW_MS = 3_600_000;

/** @throws InputError naming file and line: rows out of order, no number, no instant. */
export function loadPriceForecast(file: string): PriceForecast {
  const rows = readCsv(file, ['start', 'price_USD_per_MWh']).rows.map((row) => ({
    line: row.line,
    start_ms: row.instant_ms('start'),
    price: priceFromUsd(row.number('price_USD_per_MWh')),
  }));
  rows.forEach((row, i) => {
    const before = rows[i - 1];
    if (before !== undefined && row.start_ms <= before.start_ms) {
      throw new InputError({
        source: `${file}:${row.line}`,
        path: '/start',
        found: minuteId(row.start_ms),
        expected: `an instant after ${minuteId(before.start_ms)}`,
      });
    }
  });
  const last = rows.at(-1);
  const lastButOne = rows.at(-2);
  const step_ms =
    last === undefined || lastButOne === undefined ? LONE_ROW_MS : last.start_ms - lastButOne.start_ms;
  return {
    at: ({ start_ms }) => {
      const row = rows.findLast((candidate) => candidate.start_ms <= start_ms);
      if (row === undefined || last === undefined || start_ms >= last.start_ms + step_ms) return undefined;
      return row.price;
    },
  };
}
