/**
 * Steps 4 and 13 · The baselines of an interval: computed when its gate closes, committed by one hash with the bids, and
 * kept as they were, with the blind, until the interval is settled.
 */
import { randomBytes } from 'node:crypto';
import { InputError } from '@fieldbid/core/errors';
import { type Interval, intervalOf } from '@fieldbid/core/interval';
import type { Calendar } from '@fieldbid/core/market/calendar';
import { BaselineRules, baseline } from '@fieldbid/core/market/settlement/baseline';
import type { BaselineOpening, IntervalBaseline } from '@fieldbid/core/market/settlement/commitment';
import Type, { type Static } from 'typebox';
import { dateOf, type MeteredInterval, type MeterHistory, readMeterHistory } from './meter-history.ts';
import { Openings } from './openings.ts';

const closed = { additionalProperties: false } as const;

/** A config section: which DERs have a baseline, and how it is made. */
export const BaselineSection = Type.Object(
  {
    /** Metered days of the DERs that are settled against a baseline: `derId,start,metered_Wh`, UTC. */
    file: Type.String({ minLength: 1 }),
    rules: Type.Object(BaselineRules.properties, { ...closed, default: {} }),
  },
  closed,
);
export type BaselineSection = Static<typeof BaselineSection>;

export interface BaselinesOptions {
  readonly rules: BaselineRules;
  readonly history: MeterHistory;
  readonly openings: Openings;
  /** 32 hex digits; for a bench that is to repeat itself. Unpredictable by default. */
  readonly drawBlind?: (intervalId: string) => string;
}

export class Baselines {
  readonly #options: BaselinesOptions;
  /** That have one, in the order of ids. */
  readonly derIds: readonly string[];

  constructor(options: BaselinesOptions) {
    this.#options = options;
    this.derIds = options.history.derIds;
  }

  /**
   * At gate closure.
   * @returns the hash for the ledger; undefined when no DER has a like day.
   * @throws InputError when it cannot be kept: what is not kept could not be opened.
   */
  commit(interval: Interval): string | undefined {
    const { openings, drawBlind = randomBlind } = this.#options;
    const baselines = this.derIds.flatMap((derId) => this.#baselineOf(derId, interval) ?? []);
    if (baselines.length === 0) return undefined;
    return openings.keep(interval.id, { baselines, blind: drawBlind(interval.id) });
  }

  /** What a hash on the ledger was made of. */
  openingOf(commitment: string): BaselineOpening | undefined {
    return this.#options.openings.get(commitment);
  }

  /** What this DERA has metered itself: for days to come, and for how this one began. */
  keepMetered(derId: string, start_ms: number, metered: MeteredInterval): void {
    this.#options.history.keep(derId, start_ms, metered);
  }

  #baselineOf(derId: string, { start_ms }: Interval): IntervalBaseline | undefined {
    const { history, rules } = this.#options;
    const sameDay = history.sameDay(derId, start_ms);
    const day = { derId, date: dateOf(start_ms), history: history.days(derId), ...sameDay };
    const found = baseline(day, rules);
    const baseline_Wh = found?.energies_Wh[history.placeOf(start_ms)];
    if (found === undefined || baseline_Wh === undefined) return undefined;
    return { derId, baseline_Wh, likeDays: [...found.likeDays], adjustment_ppm: found.adjustment_ppm };
  }
}

export interface BaselineFiles {
  readonly deraId: string;
  readonly calendar: Calendar;
  readonly rules: BaselineRules;
  /** Metered days. */
  readonly file: string;
  /** Where openings outlive a restart; in memory alone when absent. */
  readonly openingsFile?: string;
  readonly derIds: readonly string[];
  /** DERs of other DERAs, which the file may have too. */
  readonly others?: readonly string[];
  readonly drawBlind?: (intervalId: string) => string;
}

/** @throws InputError for a file that is wrong, or a calendar whose intervals do not divide the UTC day. */
export function openBaselines(files: BaselineFiles): Baselines {
  const { deraId, calendar, rules, file, openingsFile, derIds, others, drawBlind } = files;
  const { interval_min, start } = calendar;
  const whole = 1440 % interval_min === 0;
  if (!whole || intervalOf(start, interval_min).start_ms % (interval_min * 60_000) !== 0) {
    throw new InputError({
      source: 'calendar',
      path: whole ? '/start' : '/interval_min',
      found: whole ? start : `${interval_min}`,
      expected: 'intervals that divide the UTC day, with baselines',
    });
  }
  const history = readMeterHistory(file, interval_min, derIds, others);
  const openings = new Openings(deraId, openingsFile);
  return new Baselines({
    ...{ rules, history, openings },
    ...(drawBlind === undefined ? {} : { drawBlind }),
  });
}

function randomBlind(): string {
  return randomBytes(16).toString('hex');
}
