/**
 * Step 10, received · The awards that a DER holds. An award is checked before it is taken; the same one sent
 * twice is taken once; a later one for the same interval replaces it.
 */
import { InputError, messageOf } from '@fieldbid/core/errors';
import { Award } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';

export type AwardAnswer =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly code: string; readonly reason: string };

/** Intervals ahead that a DER keeps awards for; more is somebody's mistake. */
const MOST_AWARDS = 200;

export class AwardBook {
  readonly #derId: string;
  readonly #awards = new Map<string, Award>();
  /** Nameplate of the device, W, once it is known: nothing above it is taken. */
  rating_W: number | null = null;

  constructor(derId: string) {
    this.#derId = derId;
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
    if (end_ms <= start_ms) return { code: 'MALFORMED', reason: 'the award ends before it starts' };
    if (end_ms <= now_ms) return { code: 'EXPIRED', reason: `${award.intervalId} is over` };
    if (this.rating_W !== null && allocation_W > this.rating_W) {
      return { code: 'OVER_RATING', reason: `${allocation_W} W, the device is rated ${this.rating_W} W` };
    }
    for (const other of this.#awards.values()) {
      if (other.intervalId !== award.intervalId && other.start_ms < end_ms && start_ms < other.end_ms) {
        return { code: 'OVERLAP', reason: `it overlaps the award for ${other.intervalId}` };
      }
    }
    if (this.#awards.size >= MOST_AWARDS && !this.#awards.has(award.intervalId)) {
      return { code: 'TOO_MANY', reason: `${MOST_AWARDS} awards are held already` };
    }
    return undefined;
  }
}
