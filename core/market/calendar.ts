/**
 * The market calendar: what happens when, before an interval starts. All programs of a market share it, so
 * that a bid, an offer or an award is on time by the same clock everywhere.
 */
import Type, { type Static } from 'typebox';
import { InputError } from '../errors.ts';
import { dayAheadInterval, type Interval, intervalFrom, MINUTE_MS } from '../interval.ts';
import { Price_uUSD_per_MWh } from './messages.ts';

const closed = { additionalProperties: false } as const;

/** When energy is sold a day ahead, by the hour: minutes before the FIRST interval of the calendar, for all hours at once. */
export const DayAheadCalendar = Type.Object(
  {
    bid_min: Type.Integer({ minimum: 1, default: 60 }),
    gateClosure_min: Type.Integer({ minimum: 1, default: 50 }),
    clearing_min: Type.Integer({ minimum: 1, default: 40 }),
    award_min: Type.Integer({ minimum: 1, default: 30 }),
  },
  closed,
);

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
    /** The day-ahead market before the real-time one; absent: there is none. */
    dayAhead: Type.Optional(DayAheadCalendar),
    priceFloor_uUSD_per_MWh: Type.Optional(Price_uUSD_per_MWh),
    priceCap_uUSD_per_MWh: Type.Optional(Price_uUSD_per_MWh),
  },
  closed,
);
export type Calendar = Static<typeof Calendar>;

/** Default price range of market.md: -150 ... 2,000 $/MWh. */
export const DEFAULT_PRICE_FLOOR_UUSD_PER_MWH = -150_000_000;
export const DEFAULT_PRICE_CAP_UUSD_PER_MWH = 2_000_000_000;

const HOUR_MIN = 60;

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
  const { gateClosure_min, award_min, interval_min } = calendar;
  checkOrder(calendar, source, '');
  if (gateClosure_min - award_min >= interval_min) {
    throw new InputError({
      source,
      path: '/gateClosure_min',
      found: `${gateClosure_min} min, awards ${award_min} min before the start`,
      expected: `less than one interval (${interval_min} min) between gate closure and award`,
    });
  }
  const first_ms = startOf(calendar, source);
  return Array.from({ length: calendar.intervals }, (_, i) => {
    const interval = intervalFrom(first_ms + i * interval_min * MINUTE_MS, interval_min);
    return { interval, ...instantsBefore(interval.start_ms, calendar) };
  });
}

/**
 * Every hour that the calendar's intervals lie in, in order; all with the same instants. Empty without a day-ahead market.
 * @throws InputError when the calendar does not start on a whole hour, its intervals do not divide one, or both markets
 * would be at work at once.
 */
export function dayAheadMoments(calendar: Calendar, source = 'calendar'): Moments[] {
  const { dayAhead, interval_min, intervals, bid_min } = calendar;
  if (dayAhead === undefined) return [];
  const wrong = (path: string, found: string, expected: string): InputError =>
    new InputError({ source, path, found, expected });
  checkOrder(dayAhead, source, '/dayAhead');
  const first_ms = startOf(calendar, source);
  if (first_ms % (HOUR_MIN * MINUTE_MS) !== 0) {
    throw wrong('/start', calendar.start, 'a whole hour, because energy is sold by the hour a day ahead');
  }
  if (HOUR_MIN % interval_min !== 0) {
    throw wrong(
      '/interval_min',
      String(interval_min),
      'minutes that divide the hour, with a day-ahead market',
    );
  }
  if (dayAhead.award_min < bid_min) {
    const expected = `${bid_min} or more: real-time bids follow the day-ahead awards`;
    throw wrong('/dayAhead/award_min', String(dayAhead.award_min), expected);
  }
  const instants = instantsBefore(first_ms, dayAhead);
  return Array.from({ length: Math.ceil((intervals * interval_min) / HOUR_MIN) }, (_, h) => ({
    interval: dayAheadInterval(first_ms + h * HOUR_MIN * MINUTE_MS, HOUR_MIN),
    ...instants,
  }));
}

/** When the first bid of either market is due, epoch ms: clocks start before. */
export function firstBid_ms(calendar: Calendar): number {
  const { bid_min, dayAhead } = calendar;
  return startOf(calendar, 'calendar') - Math.max(bid_min, dayAhead?.bid_min ?? 0) * MINUTE_MS;
}

type Minutes = Pick<Calendar, 'bid_min' | 'gateClosure_min' | 'clearing_min' | 'award_min'>;

function checkOrder(
  { bid_min, gateClosure_min, clearing_min, award_min }: Minutes,
  source: string,
  path: string,
) {
  if (bid_min > gateClosure_min && gateClosure_min > clearing_min && clearing_min > award_min) return;
  throw new InputError({
    source,
    path,
    found: `bid ${bid_min}, gate closure ${gateClosure_min}, clearing ${clearing_min}, award ${award_min} min`,
    expected: 'bid_min > gateClosure_min > clearing_min > award_min (minutes before the start)',
  });
}

function instantsBefore(start_ms: number, minutes: Minutes): Omit<Moments, 'interval'> {
  return {
    bid_ms: start_ms - minutes.bid_min * MINUTE_MS,
    gateClosure_ms: start_ms - minutes.gateClosure_min * MINUTE_MS,
    clearing_ms: start_ms - minutes.clearing_min * MINUTE_MS,
    award_ms: start_ms - minutes.award_min * MINUTE_MS,
  };
}

function startOf({ start }: Calendar, source: string): number {
  const first_ms = Date.parse(start.replace(/Z$/, ':00Z'));
  if (Number.isFinite(first_ms)) return first_ms;
  throw new InputError({
    source,
    path: '/start',
    found: JSON.stringify(start),
    expected: 'a minute in UTC such as 2026-06-21T00:00Z',
  });
}
