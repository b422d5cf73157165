/**
 * Step 13 · A day ahead is sold by the hour, real time runs by the quarter hour (or whatever divides the hour): the
 * hour's quantity and price hold in each of its intervals.
 */
import { describeFound, InputError } from '../../errors.ts';
import { intervalOf, minuteId } from '../../interval.ts';
import type { DerQuantities, IntervalToSettle } from './settle.ts';

const HOUR_MS = 3_600_000;

/** What cleared a day ahead for one hour. */
export interface DayAheadHour {
  /** Its start: `2026-06-21T12:00Z`. */
  readonly hourId: string;
  readonly price_uUSD_per_MWh: number;
  /** DER → W over the whole hour. A DER that is not named sold nothing. */
  readonly quantities_W: Readonly<Record<string, number>>;
}

export interface RealTimeInterval {
  readonly intervalId: string;
  readonly price_uUSD_per_MWh: number;
  readonly ders: readonly Omit<DerQuantities, 'dayAhead_W'>[];
}

/** The hour that an interval lies in. @throws InputError when it is none in UTC. */
export function hourOf(intervalId: string, interval_min: number): string {
  const { start_ms } = intervalOf(intervalId, interval_min);
  return minuteId(Math.floor(start_ms / HOUR_MS) * HOUR_MS);
}

/**
 * @throws InputError when an interval has no hour, does not lie in one, or lacks a DER that sold in it: its day-ahead
 * position would vanish.
 */
export function withDayAhead(
  intervals: readonly RealTimeInterval[],
  hours: readonly DayAheadHour[],
  interval_min: number,
  source = 'settlement',
): IntervalToSettle[] {
  if (!Number.isInteger(interval_min) || interval_min < 1 || 60 % interval_min !== 0) {
    throw new InputError({
      ...{ source, path: '/interval_min', found: describeFound(interval_min) },
      expected: 'minutes that divide the hour',
    });
  }
  const byId = new Map(hours.map((hour) => [hour.hourId, hour]));
  return intervals.map(({ intervalId, price_uUSD_per_MWh, ders }, i) => {
    const hour = byId.get(hourOf(intervalId, interval_min));
    if (hour === undefined) {
      const expected = `the day-ahead hour ${hourOf(intervalId, interval_min)}`;
      throw new InputError({ source, path: `/intervals/${i}`, found: 'no such hour', expected });
    }
    const present = new Set(ders.map(({ derId }) => derId));
    const absent = Object.keys(hour.quantities_W).find((derId) => !present.has(derId));
    if (absent !== undefined) {
      const expected = `${absent}, which sold in ${hour.hourId} a day ahead`;
      throw new InputError({
        source,
        path: `/intervals/${i}/ders`,
        found: [...present].join(', '),
        expected,
      });
    }
    return {
      intervalId,
      interval_min,
      dayAhead_uUSD_per_MWh: hour.price_uUSD_per_MWh,
      realTime_uUSD_per_MWh: price_uUSD_per_MWh,
      ders: ders.map((der) => ({ ...der, dayAhead_W: hour.quantities_W[der.derId] ?? 0 })),
    };
  });
}
