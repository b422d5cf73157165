/**
 * What the contract may use of the ledger beneath it, and nothing else: no clock, no randomness, no network.
 * The embedded ledger and the Fabric adapter each implement it; the transactions know neither.
 */

/** Who signed the transaction, as proved by its certificate. */
export interface Caller {
  /** Organisation, e.g. `DeraMSP`. */
  readonly mspId: string;
  /** Role attribute of the certificate: `dera`, `dso`, `iso` or `operator`; empty when it has none. */
  readonly role: string;
  /** Aggregator that the certificate was issued for; undefined for other roles. */
  readonly deraId: string | undefined;
}

/**
 * One transaction's view. Keys are ASCII, ordered by code unit. As on Fabric, reads see the committed state
 * and never this transaction's own writes.
 */
export interface TransactionContext {
  readonly caller: Caller;
  readonly txId: string;
  /** The transaction's own time as its signer stated it, epoch milliseconds: the same for every endorser. */
  readonly at_ms: number;
  get(key: string): Promise<string | undefined>;
  /** A hint: these keys are read next. A ledger that can fetch them together does; it is no read by itself. */
  expect?(keys: readonly string[]): Promise<void>;
  put(key: string, value: string): void | Promise<void>;
  /** Keys in `[from, to)`, ascending. Stop reading early and only what was read counts. */
  range(from: string, to: string): AsyncIterable<{ key: string; value: string }>;
  /** At most one per transaction; the payload holds ids only. */
  setEvent(name: string, payload: string): void;
}
