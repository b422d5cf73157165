/**
 * Step 13 · Metered days of the DERs that have a baseline: from a file, and those that this DERA meters itself. A year of
 * intervals at most, which a calendar has, so nothing is forgotten.
 */
import { type CsvRow, readCsv } from '@fieldbid/core/csv';
import { InputError } from '@fieldbid/core/errors';
import { MINUTE_MS } from '@fieldbid/core/interval';
import type { BaselineRequest, MeteredDay } from '@fieldbid/core/market/settlement/baseline';

const DAY_MS = 1440 * MINUTE_MS;

export interface MeteredInterval {
  /** Injection positive, whole Wh. */
  readonly energy_Wh: number;
  /** The DER was commanded: what it did says nothing of what it does by itself. */
  readonly hadEvent: boolean;
}

/** UTC, `2026-06-21`. */
export function dateOf(at_ms: number): string {
  return new Date(at_ms).toISOString().slice(0, 10);
}

export class MeterHistory {
  readonly #interval_ms: number;
  /** DER → date → the day's intervals by their place. */
  readonly #days = new Map<string, Map<string, (MeteredInterval | undefined)[]>>();

  /** @param interval_min of the market; it divides the day. */
  constructor(interval_min: number) {
    this.#interval_ms = interval_min * MINUTE_MS;
  }

  /** In the order of ids. */
  get derIds(): string[] {
    return [...this.#days.keys()].sort();
  }

  get intervalsPerDay(): number {
    return DAY_MS / this.#interval_ms;
  }

  /** Place in its UTC day; a fraction for an instant that starts no interval. */
  placeOf(start_ms: number): number {
    return (start_ms % DAY_MS) / this.#interval_ms;
  }

  /** @returns false when the interval is known already. */
  keep(derId: string, start_ms: number, metered: MeteredInterval): boolean {
    const days = this.#days.get(derId) ?? new Map<string, (MeteredInterval | undefined)[]>();
    this.#days.set(derId, days);
    const date = dateOf(start_ms);
    const day =
      days.get(date) ?? new Array<MeteredInterval | undefined>(this.intervalsPerDay).fill(undefined);
    days.set(date, day);
    const place = this.placeOf(start_ms);
    if (day[place] !== undefined) return false;
    day[place] = metered;
    return true;
  }

  /** Days with every interval, in any order. */
  days(derId: string): MeteredDay[] {
    return [...(this.#days.get(derId) ?? [])].flatMap(([date, day]) => {
      const known = day.filter((one) => one !== undefined);
      if (known.length < day.length) return [];
      const energies_Wh = known.map(({ energy_Wh }) => energy_Wh);
      return [{ date, energies_Wh, hadEvent: known.some(({ hadEvent }) => hadEvent) }];
    });
  }

  /** First days that lack an interval: DER, date and how many there are. */
  incomplete(): { derId: string; date: string; intervals: number } | undefined {
    for (const [derId, days] of this.#days) {
      for (const [date, day] of days) {
        const intervals = day.filter((one) => one !== undefined).length;
        if (intervals < day.length) return { derId, date, intervals };
      }
    }
    return undefined;
  }

  /** How the day of an interval began: what was metered in a row before it, up to the first event. */
  sameDay(derId: string, start_ms: number): Pick<BaselineRequest, 'sameDay_Wh' | 'sameDayFrom'> {
    const day = (this.#days.get(derId)?.get(dateOf(start_ms)) ?? []).slice(0, this.placeOf(start_ms));
    const sameDayFrom = day.findIndex((one) => one !== undefined);
    if (sameDayFrom === -1) return { sameDay_Wh: [], sameDayFrom: 0 };
    const rest = day.slice(sameDayFrom);
    const end = rest.findIndex((one) => one === undefined || one.hadEvent);
    const before = rest.slice(0, end === -1 ? rest.length : end);
    return { sameDay_Wh: before.map((one) => one?.energy_Wh ?? 0), sameDayFrom };
  }
}

/**
 * `derId,start,metered_Wh` with one row per DER and interval, whole days, UTC; and, where a day had one, `event`: 1 in
 * intervals in which the DER was dispatched or curtailed, else 0.
 * @param derIds of the portfolio.
 * @param others DERs of somebody else that the file may have too; passed over.
 * @throws InputError naming file, line and column.
 */
export function readMeterHistory(
  file: string,
  interval_min: number,
  derIds: readonly string[],
  others: readonly string[] = [],
): MeterHistory {
  const { rows, columns } = readCsv(file, ['derId', 'start', 'metered_Wh']);
  const history = new MeterHistory(interval_min);
  const wrong = (row: CsvRow | undefined, column: string, found: string, expected: string): InputError =>
    new InputError({
      source: row === undefined ? file : `${file}:${row.line}`,
      path: column,
      found,
      expected,
    });
  for (const row of rows) {
    const derId = row.text('derId');
    if (others.includes(derId)) continue;
    if (!derIds.includes(derId)) {
      throw wrong(row, '/derId', JSON.stringify(derId), `a DER of the portfolio: ${derIds.join(', ')}`);
    }
    const start_ms = row.instant_ms('start');
    if (!Number.isInteger(history.placeOf(start_ms))) {
      throw wrong(row, '/start', row.text('start'), `the start of an interval of ${interval_min} minutes`);
    }
    const energy_Wh = row.number('metered_Wh');
    if (!Number.isSafeInteger(energy_Wh)) throw wrong(row, '/metered_Wh', row.text('metered_Wh'), 'whole Wh');
    const event = columns.includes('event') ? row.text('event') : '0';
    if (event !== '0' && event !== '1') throw wrong(row, '/event', JSON.stringify(event), '0 or 1');
    if (history.keep(derId, start_ms, { energy_Wh, hadEvent: event === '1' })) continue;
    throw wrong(row, '/start', `${row.text('start')} of ${derId} a second time`, 'each interval once');
  }
  const gap = history.incomplete();
  if (gap === undefined) return history;
  const row = rows.find(
    (one) => one.text('derId') === gap.derId && dateOf(one.instant_ms('start')) === gap.date,
  );
  const found = `${gap.intervals} intervals of ${gap.derId} on ${gap.date}`;
  throw wrong(row, '/start', found, `all ${history.intervalsPerDay} of the day`);
}
