/**
 * Port: the off-chain store of raw records (M23, M25; step 5 and every later revision). A record is pending
 * from the endorsement of its transaction until the commit is known; reads see committed records only.
 */
import type { RawBidRecord } from '@fieldbid/core/gateway-api/schemas';

/** A raw record as stored. Ids stand beside it for look-ups; `verify` compares them with the record. */
export interface RawRow {
  readonly uid: string;
  readonly revision: number;
  /** Transaction that takes its checksum to the ledger. */
  readonly txId: string;
  readonly derId: string;
  readonly deraId: string;
  readonly intervalId: string;
  /** Hex, at least 128 bit. */
  readonly salt: string;
  /** Canonical JSON of a RawBidRecord. */
  readonly record: string;
}

/** A transaction whose outcome is not known yet. */
export interface PendingTransaction {
  readonly txId: string;
  /** As the ledger gave it: `Ledger.commit` takes it any number of times. */
  readonly endorsed: Uint8Array;
  /** Real time of writing, epoch ms: an old one is nobody's request any more. */
  readonly since_ms: number;
}

export interface RevisionKey {
  readonly uid: string;
  readonly revision: number;
}

/** Every method throws FieldbidError `STORE_FAILED` or `STORE_IN_USE`; each either happens wholly or not. */
export interface RawStore {
  /** Adds a transaction and its rows as pending. */
  addPending(transaction: PendingTransaction, rows: readonly RawRow[]): Promise<void>;
  /** Marks a transaction's rows committed. Doing it again changes nothing. */
  markCommitted(txId: string): Promise<void>;
  /** Forgets a transaction's pending rows: it will not be committed. Committed rows stay. */
  discard(txId: string): Promise<void>;
  /** Oldest first. */
  pendingTransactions(): Promise<PendingTransaction[]>;
  /** Committed rows of these revisions, in any order; those that are absent are left out. */
  find(keys: readonly RevisionKey[]): Promise<RawRow[]>;
  /** Committed rows after a key, by uid and revision. */
  page(after: RevisionKey | undefined, limit: number): Promise<RawRow[]>;
}

export function revisionKey({ uid, revision }: RevisionKey): string {
  return `${uid}~${revision}`;
}

export function idsOf({ bid, revision }: RawBidRecord): Omit<RawRow, 'salt' | 'record' | 'txId'> {
  const { uid, derId, deraId, intervalId } = bid;
  return { uid, revision, derId, deraId, intervalId };
}
