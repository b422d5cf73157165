/** Where the market stands at an instant: which interval is delivered, which is traded, and what comes next. */

import { MINUTE_MS } from '@fieldbid/core/interval';
import { type Calendar, dayAheadMoments, type Moments, moments } from '@fieldbid/core/market/calendar';

export type Phase = 'waiting' | 'bidding' | 'checking' | 'clearing' | 'awarding' | 'delivery' | 'over';

export interface Schedule {
  /** Of the interval that is traded; `delivery` when none is, `waiting` before the first, `over` after the last. */
  readonly phase: Phase;
  readonly market: 'real-time' | 'day-ahead';
  /** Interval whose awards hold now; null when none do. */
  readonly inForce: string | null;
  /** Interval that bids are formed, checked, cleared or awarded for now; null when none is. A day-ahead session: its first hour. */
  readonly traded: string | null;
  /** What happens next, and when, market time; null when nothing will. */
  readonly next: { readonly what: string; readonly at_ms: number } | null;
}

const STEPS = [
  ['bidding', 'bid_ms'],
  ['checking', 'gateClosure_ms'],
  ['clearing', 'clearing_ms'],
  ['awarding', 'award_ms'],
] as const;
const NEXT: Readonly<Record<Phase, string>> = {
  ...{
    waiting: 'bids',
    bidding: 'gate closure',
    checking: 'clearing',
    clearing: 'awards',
    awarding: 'delivery',
  },
  ...{ delivery: 'bids', over: '' },
};

export class MarketCalendar {
  readonly #realTime: readonly Moments[];
  readonly #dayAhead: Moments | undefined;
  readonly #length_ms: number;

  /** @throws InputError for a calendar out of order. */
  constructor(calendar: Calendar) {
    this.#realTime = moments(calendar, 'description of the lab');
    this.#dayAhead = dayAheadMoments(calendar)[0];
    this.#length_ms = calendar.interval_min * MINUTE_MS;
  }

  /** Of real time. */
  get last(): string | null {
    return this.#realTime.at(-1)?.interval.id ?? null;
  }

  at(now_ms: number): Schedule {
    const first = this.#realTime[0];
    if (first === undefined)
      return { phase: 'over', market: 'real-time', inForce: null, traded: null, next: null };
    const index = Math.floor((now_ms - first.interval.start_ms) / this.#length_ms);
    const delivered = index < 0 ? undefined : this.#realTime[index];
    const inForce = delivered?.interval.id ?? null;
    const ahead = this.#dayAhead;
    if (
      ahead !== undefined &&
      now_ms >= ahead.bid_ms &&
      now_ms < Math.min(first.bid_ms, ahead.interval.start_ms)
    ) {
      return {
        ...stepOf(ahead, now_ms, first.bid_ms),
        market: 'day-ahead',
        inForce,
        traded: ahead.interval.id,
      };
    }
    const coming = this.#realTime[Math.max(0, index + 1)];
    if (coming === undefined) {
      const end_ms = this.#realTime.at(-1)?.interval.end_ms ?? 0;
      const over = now_ms >= end_ms;
      const next = over ? null : { what: 'the end of the last interval', at_ms: end_ms };
      return { phase: over ? 'over' : 'delivery', market: 'real-time', inForce, traded: null, next };
    }
    if (now_ms < coming.bid_ms) {
      const before = ahead !== undefined && now_ms < ahead.bid_ms ? ahead : coming;
      const next = { what: before === ahead ? 'day-ahead bids' : 'bids', at_ms: before.bid_ms };
      return {
        phase: inForce === null ? 'waiting' : 'delivery',
        market: 'real-time',
        inForce,
        traded: null,
        next,
      };
    }
    return {
      ...stepOf(coming, now_ms, coming.interval.start_ms),
      ...{ market: 'real-time', inForce, traded: coming.interval.id },
    };
  }
}

function stepOf(of: Moments, now_ms: number, end_ms: number): Pick<Schedule, 'phase' | 'next'> {
  const at = STEPS.findLastIndex(([, moment]) => now_ms >= of[moment]);
  const phase = STEPS[at]?.[0] ?? 'waiting';
  const following = STEPS[at + 1];
  const at_ms = following === undefined ? end_ms : of[following[1]];
  return { phase, next: { what: NEXT[phase], at_ms } };
}
