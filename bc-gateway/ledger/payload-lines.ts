/**
 * What a ledger's transactions said and wrote, in order, without what differs from run to run and from ledger to
 * ledger (signatures, certificates, ids, block numbers, times): two runs with the same inputs give the same lines,
 * whichever ledger they ran on.
 */
import { canonicalJson } from '@fieldbid/core/canonical-json';

export interface Payload {
  readonly transaction: string;
  /** Its argument, JSON text. */
  readonly payload: string;
  /** By key. */
  readonly writes: readonly (readonly [key: string, value: string])[];
  readonly event: { readonly name: string; readonly payload: string } | null;
}

/** A ledger that can tell. */
export interface PayloadSource {
  /** One line of canonical JSON per committed transaction. */
  payloads(): AsyncIterable<string>;
}

export function payloadLine({ transaction, payload, writes, event }: Payload): string {
  return canonicalJson({ transaction, payload, writes, event });
}
