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

/** An identity that can sign. The private key stays behind `sign`. */
export interface LedgerIdentity extends IdentityName {
  /** What the ledger checks: X.509 PEM on Fabric, a signed statement on the embedded ledger. */
  readonly certificate: string;
  /** ECDSA P-256 over SHA-256 of the bytes. */
  sign(bytes: Uint8Array): Uint8Array;
}

export type Submitted =
  | {
      readonly outcome: 'committed';
      readonly txId: string;
      /** Canonical JSON that the transaction returned. */
      readonly result: string;
      /** Block that holds it. */
      readonly block: number;
    }
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
   * Executes, collects endorsements, orders and commits; resolves when it is committed.
   * @param payload the transaction's argument, JSON text.
   * @param beforeCommit told the transaction's id once it is endorsed and before it is ordered: whoever keeps
   *   it can ask `has` for the outcome after a crash. What it throws ends the submission; nothing is written.
   * @returns the commit, or the contract's refusal (then nothing was written).
   * @throws FieldbidError `LEDGER_CONFLICT` (retryable: what was read has changed meanwhile, nothing was
   *   written), `LEDGER_UNAVAILABLE` (retryable), `OUTCOME_UNKNOWN` (it may have been committed).
   */
  submit(
    identity: LedgerIdentity,
    transaction: TransactionName,
    payload: string,
    beforeCommit?: (txId: string) => Promise<void>,
  ): Promise<Submitted>;

  /** Whether a transaction is committed. */
  has(txId: string): Promise<boolean>;

  /** Executes against the committed state; what it would write is dropped. */
  evaluate(identity: LedgerIdentity, transaction: TransactionName, payload: string): Promise<Evaluated>;

  /**
   * Events in commit order, each once, without end; quiet end when `signal` aborts.
   * @param after checkpoint `block` or `block.tx` of the last one handled; undefined: from the first.
   * @throws FieldbidError `CHECKPOINT_UNKNOWN` for one beyond the ledger's end: it is of another ledger.
   */
  events(after: string | undefined, signal: AbortSignal): AsyncIterable<LedgerEvent>;

  /** Checkpoint of the newest commit; events up to it are there to be read. */
  head(): Promise<string>;

  /** Walks all of it: order, hashes, signatures, endorsements, world state. */
  verify(): Promise<LedgerReport>;

  /** Ends event streams and releases the files. */
  close(): Promise<void>;
}
