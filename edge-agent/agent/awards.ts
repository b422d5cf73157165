/**
 * Step 10, received · The awards that a DER holds. An award is checked before it is taken; the same one sent
 * twice is taken once, a later one for the same interval replaces it, and one that was overtaken on its way is
 * refused: by its sequence number.
 */
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { bidUid } from '@fieldbid/core/digest';
import { InputError, messageOf } from '@fieldbid/core/errors';
import type { Interval } from '@fieldbid/core/interval';
import { Award } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';

export type AwardAnswer =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly code: string; readonly reason: string };

/** Intervals ahead that a DER keeps awards for; more is somebody's mistake. */
const MOST_AWARDS = 200;

export class AwardBook {
  readonly #derId: string;
  readonly #intervals: ReadonlyMap<string, Interval>;
  readonly #awards = new Map<string, Award>();
  /** Nameplate of the device, W, once it is known: nothing above it is taken. */
  rating_W: number | null = null;

  /** @param intervals those of the market's calendar: awards for others are refused. */
  constructor(derId: string, intervals: readonly Interval[]) {
    this.#derId = derId;
    this.#intervals = new Map(intervals.map((interval) => [interval.id, interval]));
  }

  /** Never throws for what a DERA sends. */
  take(message: unknown, source: string, now_ms: number): { answer: AwardAnswer; award: Award | undefined } {
    let award: Award;
    try {
      award = parse(Award, message, source);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return { answer: { accepted: false, code: 'MALFORMED', reason: messageOf(error) }, award: undefined };
    }
    const refusal = this.#refusal(award, now_ms);
    if (refusal !== undefined) return { answer: { accepted: false, ...refusal }, award };
    this.#awards.set(award.intervalId, award);
    return { answer: { accepted: true }, award };
  }

  /** The award in force at an instant, in `[start, end)`. What has ended is forgotten. */
  at(t_ms: number): Award | undefined {
    let found: Award | undefined;
    for (const award of this.#awards.values()) {
      if (award.end_ms <= t_ms) this.#awards.delete(award.intervalId);
      else if (award.start_ms <= t_ms) found = award;
    }
    return found;
  }

  #refusal(award: Award, now_ms: number): { code: string; reason: string } | undefined {
    const { derId, start_ms, end_ms, allocation_W } = award;
    if (derId !== this.#derId)
      return { code: 'WRONG_DER', reason: `the award is for ${derId}, this is ${this.#derId}` };
    const interval = this.#intervals.get(award.intervalId);
    if (interval === undefined) {
      return { code: 'UNKNOWN_INTERVAL', reason: `${award.intervalId} is no interval of this market` };
    }
    if (interval.start_ms !== start_ms || interval.end_ms !== end_ms) {
      return { code: 'WRONG_TIMES', reason: `start and end are not those of ${award.intervalId}` };
    }
    if (award.bidUid !== null && award.bidUid !== bidUid(derId, interval.id, 'energy')) {
      return { code: 'WRONG_BID', reason: `${award.bidUid} is not the bid for ${award.intervalId}` };
    }
    if (end_ms <= now_ms) return { code: 'EXPIRED', reason: `${award.intervalId} is over` };
    if (this.rating_W !== null && allocation_W > this.rating_W) {
      return { code: 'OVER_RATING', reason: `${allocation_W} W, the device is rated ${this.rating_W} W` };
    }
    const held = this.#awards.get(award.intervalId);
    const outdated = held === undefined ? undefined : overtaken(award, held);
    if (outdated !== undefined) return outdated;
    if (this.#awards.size >= MOST_AWARDS && !this.#awards.has(award.intervalId)) {
      return { code: 'TOO_MANY', reason: `${MOST_AWARDS} awards are held already` };
    }
    return undefined;
  }
}

/** Whether the award that is held already is the newer one, or claims the same number. */
function overtaken(award: Award, held: Award): { code: string; reason: string } | undefined {
  const { sequence = 0 } = award;
  const { sequence: newest = 0 } = held;
  const numbers = `sequence ${sequence}, held is ${newest}`;
  if (sequence < newest) return { code: 'OUT_OF_DATE', reason: `a newer award was taken: ${numbers}` };
  if (sequence > newest || sequence === 0 || canonicalJson(award) === canonicalJson(held)) return undefined;
  return { code: 'CONFLICT', reason: `another award has the same number: ${numbers}` };
}
