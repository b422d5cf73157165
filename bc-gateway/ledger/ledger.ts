/**
 * Port: the ledger (steps 5-7 and 10). The same contract runs behind every implementation; all of them pass
 * `ledgerConformance`. Behind it: embedded (SQLite, hash-chained), Hyperledger Fabric 2.5.
 */
import type { TransactionName } from '@fieldbid/chaincode/transactions/execute';
import type { Refusal } from '@fieldbid/chaincode/transactions/refusal';
import type { LedgerEvent, Role } from '@fieldbid/core/gateway-api/schemas';

export type { Refusal } from '@fieldbid/chaincode/transactions/refusal';

/** Whose identity: organisation, role, and the aggregator that a `dera` acts for. */
export interface IdentityName {
  readonly mspId: string;
  readonly role: Role;
  readonly deraId?: string;
}

/** An identity of the ledger's wallet, which signs for it and keeps its private key to itself. */
export interface LedgerIdentity extends IdentityName {
  /** X.509, PEM. What the ledger goes by: the names beside it are for people. */
  readonly certificate: string;
}

/** A transaction that the organisations of the policy have endorsed, not ordered yet. */
export interface Endorsed {
  readonly txId: string;
  /** Canonical JSON that the transaction returned. */
  readonly result: string;
  /**
   * Everything that `commit` needs, signed by its creator: kept until the outcome is known, by whoever must not lose
   * it. The same bytes may be committed any number of times; they take effect once.
   */
  readonly bytes: Uint8Array;
}

export type Endorsement =
  | ({ readonly outcome: 'endorsed' } & Endorsed)
  | { readonly outcome: 'refused'; readonly refusal: Refusal };

export interface Committed {
  readonly txId: string;
  /** Block that holds it. */
  readonly block: number;
}

/** `rejected`: ordered, but its effects do not count (what it had read changed meanwhile). */
export type TransactionStatus = 'committed' | 'rejected' | 'unknown';

export type Submitted =
  | ({ readonly outcome: 'committed'; readonly result: string } & Committed)
  | { readonly outcome: 'refused'; readonly refusal: Refusal };

export type Evaluated =
  | { readonly outcome: 'answered'; readonly result: string }
  | { readonly outcome: 'refused'; readonly refusal: Refusal };

export interface LedgerFinding {
  readonly kind: string;
  readonly where: string;
  readonly found: string;
  readonly expected: string;
}

export interface LedgerReport {
  readonly blocks: number;
  readonly transactions: number;
  /** Empty: everything was checked and agrees. */
  readonly findings: readonly LedgerFinding[];
}

export interface Ledger {
  /**
   * The identity to sign with.
   * @throws FieldbidError `UNKNOWN_IDENTITY` when the ledger's wallet has none of that organisation.
   */
  identity(name: IdentityName): Promise<LedgerIdentity>;

  /**
   * Executes at every organisation of the policy and collects their endorsements. Nothing is written yet.
   * @param payload the transaction's argument, JSON text.
   * @returns the endorsed transaction, or the contract's refusal.
   * @throws FieldbidError `LEDGER_UNAVAILABLE` (retryable), `LEDGER_CONFLICT` (retryable: the organisations saw
   *   different states for longer than they may).
   */
  endorse(identity: LedgerIdentity, transaction: TransactionName, payload: string): Promise<Endorsement>;

  /**
   * Orders an endorsed transaction; resolves when it is committed. Bytes that are committed already resolve too.
   * @throws FieldbidError `LEDGER_CONFLICT` (retryable with a new endorsement: what was read has changed meanwhile,
   *   nothing was written and never will be), `LEDGER_REJECTED` (final: the bytes are not what was endorsed, or not
   *   endorsed as the policy asks), `LEDGER_UNAVAILABLE` (retryable: not sent), `OUTCOME_UNKNOWN` (retryable with the
   *   same bytes: it may have been committed).
   */
  commit(endorsed: Uint8Array): Promise<Committed>;

  /** What became of a transaction; `unknown` while it is neither committed nor rejected. */
  status(txId: string): Promise<TransactionStatus>;

  /** Executes against the committed state; what it would write is dropped. */
  evaluate(identity: LedgerIdentity, transaction: TransactionName, payload: string): Promise<Evaluated>;

  /**
   * Events in commit order, each once, without end; quiet end when `signal` aborts.
   * @param after checkpoint `block` or `block.tx` of the last one handled; undefined: from the first.
   * @param until ends after the events up to this checkpoint; undefined: never.
   * @throws FieldbidError `CHECKPOINT_UNKNOWN` for one beyond the ledger's end: it is of another ledger.
   */
  events(after: string | undefined, signal: AbortSignal, until?: string): AsyncIterable<LedgerEvent>;

  /** Checkpoint of the newest commit, or of its block; events up to it are there to be read. */
  head(): Promise<string>;

  /** Walks all of it: order, hashes, signatures, endorsements, world state. */
  verify(): Promise<LedgerReport>;

  /** Ends event streams and releases the files. */
  close(): Promise<void>;
}

/** Endorses and commits. @throws as `endorse` and `commit` do. */
export async function submit(
  ledger: Ledger,
  identity: LedgerIdentity,
  transaction: TransactionName,
  payload: string,
): Promise<Submitted> {
  const endorsement = await ledger.endorse(identity, transaction, payload);
  if (endorsement.outcome === 'refused') return endorsement;
  const { result, bytes } = endorsement;
  return { outcome: 'committed', result, ...(await ledger.commit(bytes)) };
}
