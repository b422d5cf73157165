/**
 * The market calendar: what happens when, before an interval starts. All programs of a market share it, so
 * that a bid, an offer or an award is on time by the same clock everywhere.
 */
import Type, { type Static } from 'typebox';
import { InputError } from '../errors.ts';
import { type Interval, intervalFrom, MINUTE_MS } from '../interval.ts';
import { Price_uUSD_per_MWh } from './messages.ts';

export const Calendar = Type.Object(
  {
    /** First interval's start, e.g. 2026-06-21T00:00Z. */
    start: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}Z$' }),
    intervals: Type.Integer({ minimum: 1, maximum: 35_040, default: 96 }),
    interval_min: Type.Integer({ minimum: 1, maximum: 1440, default: 15 }),
    /** Minutes before the start: agents read and bid. */
    bid_min: Type.Integer({ minimum: 1, default: 10 }),
    /** Minutes before the start: the gate closes; validation, record and the DSO's check follow. */
    gateClosure_min: Type.Integer({ minimum: 1, default: 8 }),
    /** Minutes before the start: the last moment for offers; the ISO clears. */
    clearing_min: Type.Integer({ minimum: 1, default: 5 }),
    /** Minutes before the start: awards are allocated, verified by the DSO and sent. */
    award_min: Type.Integer({ minimum: 1, default: 4 }),
    priceFloor_uUSD_per_MWh: Type.Optional(Price_uUSD_per_MWh),
    priceCap_uUSD_per_MWh: Type.Optional(Price_uUSD_per_MWh),
  },
  { additionalProperties: false },
);
export type Calendar = Static<typeof Calendar>;

/** Default price range of market.md: -150 ... 2,000 $/MWh. */
export const DEFAULT_PRICE_FLOOR_UUSD_PER_MWH = -150_000_000;
export const DEFAULT_PRICE_CAP_UUSD_PER_MWH = 2_000_000_000;

export function priceRange(calendar: Calendar): { floor: number; cap: number } {
  return {
    floor: calendar.priceFloor_uUSD_per_MWh ?? DEFAULT_PRICE_FLOOR_UUSD_PER_MWH,
    cap: calendar.priceCap_uUSD_per_MWh ?? DEFAULT_PRICE_CAP_UUSD_PER_MWH,
  };
}

/** The moments of one interval, epoch ms. */
export interface Moments {
  readonly interval: Interval;
  readonly bid_ms: number;
  readonly gateClosure_ms: number;
  readonly clearing_ms: number;
  readonly award_ms: number;
}

/** Every interval of the calendar with its moments, in order. @throws InputError for a calendar out of order. */
export function moments(calendar: Calendar, source = 'calendar'): Moments[] {
  const { bid_min, gateClosure_min, clearing_min, award_min, interval_min } = calendar;
  if (!(bid_min > gateClosure_min && gateClosure_min > clearing_min && clearing_min > award_min)) {
    throw new InputError({
      source,
      path: '',
      found: `bid ${bid_min}, gate closure ${gateClosure_min}, clearing ${clearing_min}, award ${award_min} min`,
      expected: 'bid_min > gateClosure_min > clearing_min > award_min (minutes before the start)',
    });
  }
  if (gateClosure_min - award_min >= interval_min) {
    throw new InputError({
      source,
      path: '/gateClosure_min',
      found: `${gateClosure_min} min, awards ${award_min} min before the start`,
      expected: `less than one interval (${interval_min} min) between gate closure and award`,
    });
  }
  const first_ms = Date.parse(calendar.start.replace(/Z$/, ':00Z'));
  if (!Number.isFinite(first_ms)) {
    throw new InputError({
      source,
      path: '/start',
      found: JSON.stringify(calendar.start),
      expected: 'a minute in UTC such as 2026-06-21T00:00Z',
    });
  }
  return Array.from({ length: calendar.intervals }, (_, i) => {
    const interval = intervalFrom(first_ms + i * interval_min * MINUTE_MS, interval_min);
    return {
      interval,
      bid_ms: interval.start_ms - bid_min * MINUTE_MS,
      gateClosure_ms: interval.start_ms - gateClosure_min * MINUTE_MS,
      clearing_ms: interval.start_ms - clearing_min * MINUTE_MS,
      award_ms: interval.start_ms - award_min * MINUTE_MS,
    };
  });
}
