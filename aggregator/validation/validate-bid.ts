/**
 * Step 4 · Is this bid one that the DERA may pass on? (M17; the contract checks again.) Every refusal has a
 * code for programs and a sentence for the owner.
 */
import { bidUid } from '@fieldbid/core/digest';
import type { RegistryEntry } from '@fieldbid/core/gateway-api/schemas';
import { type BidKeys, bidKeyNamed } from '@fieldbid/core/market/bid-keys';
import type { Moments } from '@fieldbid/core/market/calendar';
import { type Bid, productOf, type Refusal } from '@fieldbid/core/market/messages';
import { bidSignatureHolds } from '@fieldbid/core/market/signed-bid';
import { keyIdOf } from '@fieldbid/core/signing';

export interface ValidationContext {
  readonly deraId: string;
  readonly registry: ReadonlyMap<string, RegistryEntry>;
  readonly schedule: ReadonlyMap<string, Moments>;
  readonly priceRange: { readonly floor: number; readonly cap: number };
  /** Market time of arrival, epoch ms. */
  readonly now_ms: number;
  /** Intervals whose gate is closed, whatever the clock says: their batch is on the way. */
  readonly closedGates: ReadonlySet<string>;
  /** Highest sequence number accepted per DER and product (`sequenceKey`). */
  readonly sequences: ReadonlyMap<string, number>;
  /** UIDs already accepted. */
  readonly accepted: { has(uid: string): boolean };
  /** Keys of a DER; undefined when it was never enrolled. */
  readonly keysOf: (derId: string) => BidKeys | undefined;
  /** Whether a DER that was never enrolled may not bid at all. */
  readonly requireSignatures: boolean;
}

export type Validation =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: Refusal; readonly reason: string };

/** Bids may come this long before their gate closes, ms: further ahead is another product. */
const EARLIEST_BEFORE_GATE_MS = 24 * 3_600_000;

/** Checks in the order in which an owner can mend them: who, signed by whom, when, what, how much, at which price. */
export function validateBid(bid: Bid, context: ValidationContext): Validation {
  const { deraId, registry, priceRange } = context;
  if (bid.deraId !== deraId) return no('WRONG_AGGREGATOR', `the bid is for ${bid.deraId}, this is ${deraId}`);
  const der = registry.get(bid.derId);
  if (der === undefined) return no('NOT_REGISTERED', `${bid.derId} is not registered with ${deraId}`);
  if (der.status !== 'qualified')
    return no('NOT_QUALIFIED', `${bid.derId} is ${der.status}, not qualified by the DSO`);
  const devices = [...bid.deviceIds].sort().join(',');
  const registered = [...der.deviceIds].sort().join(',');
  if (devices !== registered) return no('WRONG_DEVICES', `devices ${devices}, registered are ${registered}`);
  if (bid.uid !== bidUid(bid.derId, bid.intervalId, bid.product)) {
    return no('WRONG_UID', 'the UID is not that of this DER, interval and product');
  }
  const product = productOf(bid.intervalId);
  if (bid.product !== product) {
    return no('WRONG_PRODUCT', `${bid.product} is bid; in ${bid.intervalId} ${product} is sold`);
  }
  return (
    signature(bid, context) ??
    timing(bid, context) ??
    quantity(bid, der) ??
    price(bid, priceRange) ?? { ok: true }
  );
}

/** What a DER's sequence numbers are counted by. */
export function sequenceKey({ derId, product }: Pick<Bid, 'derId' | 'product'>): string {
  return `${derId} ${product}`;
}

/** An enrolled DER bids by its key's signature only; so does every DER where the market demands it. */
function signature(bid: Bid, { keysOf, requireSignatures }: ValidationContext): Validation | undefined {
  const { derId, intervalId } = bid;
  const keys = keysOf(derId);
  if (keys === undefined) {
    // Nobody can say here whose signature it is: it is recorded with the bid, for those who can.
    return requireSignatures
      ? no('UNSIGNED', `${derId} has no key here: enrol its device with a code`)
      : undefined;
  }
  const { signature } = bid;
  if (signature === undefined) return no('UNSIGNED', `${derId} is enrolled: its bids are signed by its key`);
  const key = bidKeyNamed(keys, signature.keyId, intervalId);
  if (key === undefined) {
    const now = keys.current === null ? 'it was revoked' : `the key of ${derId} is ${keyIdOf(keys.current)}`;
    return no('UNKNOWN_KEY', `signed by the key ${signature.keyId}: ${now}`);
  }
  if (bidSignatureHolds(key, bid)) return undefined;
  return no('BAD_SIGNATURE', `the key of ${derId} did not sign this bid`);
}

function timing(bid: Bid, context: ValidationContext): Validation | undefined {
  const { now_ms, schedule, closedGates, sequences, accepted } = context;
  const moment = schedule.get(bid.intervalId);
  if (moment === undefined) return no('GATE_NOT_OPEN', `${bid.intervalId} is no interval of this market`);
  if (closedGates.has(bid.intervalId) || now_ms > moment.gateClosure_ms) {
    return no('GATE_CLOSED', `the gate of ${bid.intervalId} is closed`);
  }
  if (now_ms < moment.gateClosure_ms - EARLIEST_BEFORE_GATE_MS) {
    return no('GATE_NOT_OPEN', `the gate of ${bid.intervalId} opens a day before it closes`);
  }
  if (bid.expiresAt_ms <= now_ms) return no('EXPIRED', 'the bid had expired when it arrived');
  if (accepted.has(bid.uid)) return no('DUPLICATE', `${bid.derId} has a bid for ${bid.intervalId} already`);
  const last = sequences.get(sequenceKey(bid)) ?? 0;
  if (bid.sequence <= last) return no('REPLAY', `sequence ${bid.sequence}, expected more than ${last}`);
  return undefined;
}

function quantity(bid: Bid, der: RegistryEntry): Validation | undefined {
  const limit_W = Math.min(der.limit_W, der.nameplate_W);
  if (bid.quantity_W > limit_W) {
    return no('QUANTITY_OVER_NAMEPLATE', `${bid.quantity_W} W, qualified are ${limit_W} W`);
  }
  if (bid.quantity_W > bid.state.rating_W) {
    return no(
      'QUANTITY_OVER_STATE',
      `${bid.quantity_W} W, the device says it is rated ${bid.state.rating_W} W`,
    );
  }
  const { source, available_W } = bid.state;
  // The sun may rise until the interval begins; a battery does not fill itself.
  if (source === 'storage' && available_W !== null && bid.quantity_W > available_W) {
    return no('QUANTITY_OVER_STATE', `${bid.quantity_W} W, the energy stored lasts for ${available_W} W`);
  }
  if (bid.quantity_W === 0) return no('MALFORMED', 'a bid of 0 W offers nothing');
  return undefined;
}

function price(bid: Bid, range: { floor: number; cap: number }): Validation | undefined {
  const { price_uUSD_per_MWh: from, cap_uUSD_per_MWh: to } = bid;
  if (from < range.floor || from > range.cap || to !== range.cap) {
    return no(
      'PRICE_OUT_OF_RANGE',
      `${from} ... ${to} µ$/MWh, the market takes bids from ${range.floor} up to its cap ${range.cap}`,
    );
  }
  return undefined;
}

function no(code: Refusal, reason: string): Validation {
  return { ok: false, code, reason };
}
