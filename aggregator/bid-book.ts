/**
 * Steps 3-4 · The bids that the DERA has taken, per interval, until the interval's gate closes. A bid is
 * answered with a receipt: accepted, or refused with code and reason.
 */

import { InputError } from '@fieldbid/core/errors';
import type { RegistryEntry } from '@fieldbid/core/gateway-api/schemas';
import type { Moments } from '@fieldbid/core/market/calendar';
import { Bid, type BidReceipt } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import { sequenceKey, type ValidationContext, validateBid } from './validation/validate-bid.ts';

export interface ClosedBook {
  /** Accepted bids in the order of their UIDs, which does not depend on when they arrived. */
  readonly bids: Bid[];
  readonly submitted: number;
  readonly refused: number;
}

interface Page {
  readonly bids: Map<string, Bid>;
  submitted: number;
  refused: number;
}

/** Nobody is enrolled, and nobody needs to be. */
const UNSIGNED_MARKET = { keysOf: () => undefined, requireSignatures: false };

export class BidBook {
  readonly #deraId: string;
  readonly #schedule: ReadonlyMap<string, Moments>;
  readonly #priceRange: ValidationContext['priceRange'];
  readonly #signatures: Pick<ValidationContext, 'keysOf' | 'requireSignatures'>;
  readonly #pages = new Map<string, Page>();
  readonly #closed = new Set<string>();
  readonly #sequences = new Map<string, number>();
  /** Who may bid, and how much: replaced whenever the registry was read. */
  registry: ReadonlyMap<string, RegistryEntry> = new Map();

  constructor(
    deraId: string,
    schedule: ReadonlyMap<string, Moments>,
    priceRange: ValidationContext['priceRange'],
    signatures: Pick<ValidationContext, 'keysOf' | 'requireSignatures'> = UNSIGNED_MARKET,
  ) {
    this.#signatures = signatures;
    this.#deraId = deraId;
    this.#schedule = schedule;
    this.#priceRange = priceRange;
  }

  /** Takes or refuses a bid that arrived at market time `now_ms`. Never throws for what an agent sends. */
  take(message: unknown, source: string, now_ms: number): { receipt: BidReceipt; bid: Bid | undefined } {
    let bid: Bid;
    try {
      bid = parse(Bid, message, source);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      const receipt = {
        uid: uidOf(message),
        accepted: false,
        code: 'MALFORMED',
        reason: error.message,
      } as const;
      return { receipt, bid: undefined };
    }
    const page = this.#page(bid.intervalId);
    page.submitted++;
    const validation = validateBid(bid, {
      deraId: this.#deraId,
      registry: this.registry,
      schedule: this.#schedule,
      priceRange: this.#priceRange,
      now_ms,
      closedGates: this.#closed,
      sequences: this.#sequences,
      accepted: page.bids,
      ...this.#signatures,
    });
    if (!validation.ok) {
      page.refused++;
      const { code, reason } = validation;
      return { receipt: { uid: bid.uid, accepted: false, code, reason }, bid };
    }
    page.bids.set(bid.uid, bid);
    this.#sequences.set(sequenceKey(bid), bid.sequence);
    return { receipt: { uid: bid.uid, accepted: true }, bid };
  }

  /** Closes an interval's gate: what comes later for it is refused. */
  close(intervalId: string): ClosedBook {
    const { bids, submitted, refused } = this.#page(intervalId);
    this.#closed.add(intervalId);
    this.#pages.delete(intervalId);
    return { bids: [...bids.values()].sort((a, b) => (a.uid < b.uid ? -1 : 1)), submitted, refused };
  }

  #page(intervalId: string): Page {
    // A page only for intervals of the calendar: nobody can fill memory with intervals of its own.
    const known = this.#schedule.has(intervalId) && !this.#closed.has(intervalId);
    const page = this.#pages.get(intervalId) ?? { bids: new Map(), submitted: 0, refused: 0 };
    if (known) this.#pages.set(intervalId, page);
    return page;
  }
}

function uidOf(message: unknown): string {
  const uid = typeof message === 'object' && message !== null && 'uid' in message ? message.uid : undefined;
  return typeof uid === 'string' ? uid.slice(0, 64) : 'unknown';
}
