/**
 * Steps 5, 7 and 10 · Keeps raw records and ledger in step (M23, M24). Each change is composed and its
 * checksum taken, endorsed by the ledger, written here as pending under the transaction's id, committed
 * there, and marked committed here. Whatever is interrupted in between, the ledger's answer to "is this
 * transaction committed?" settles it later.
 */
import type { TransactionName } from '@fieldbid/chaincode/transactions/execute';
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { codeOf, FieldbidError, InputError } from '@fieldbid/core/errors';
import { recordChecksum, type SaltFor } from '@fieldbid/core/gateway-api/checksum';
import {
  type Awards,
  type BidBatch,
  BidState,
  type Decision,
  IntervalState,
  type QuantityChange,
  type RawBidRecord,
  type SubmitResult,
  type VerifiedBid,
} from '@fieldbid/core/gateway-api/schemas';
import { parse } from '@fieldbid/core/schema';
import Type, { type Static, type TSchema } from 'typebox';
import type { Ledger, LedgerIdentity, Refusal } from '../ledger/ledger.ts';
import { idsOf, type RawRow, type RawStore, revisionKey } from '../store/raw-store.ts';
import { awarded, claimOf, decided, dispatched, firstRecords, type NextRecord } from './compose.ts';
import { requireVerified } from './verify-record.ts';

export interface MarketRecordsOptions {
  readonly ledger: Ledger;
  readonly store: RawStore;
  readonly saltFor: SaltFor;
  /** Market time, epoch ms. */
  readonly now: () => number;
}

/** Conflicts are between transactions that met by chance; the losers see the winner's state at the next try. */
const CONFLICT_RETRIES = 20;

/** Every method throws FieldbidError: the contract's code on refusal, `RECORD_MISMATCH`, the ledger's, the store's. */
export class MarketRecords {
  readonly #ledger: Ledger;
  readonly #store: RawStore;
  readonly #saltFor: SaltFor;
  readonly #now: () => number;

  constructor({ ledger, store, saltFor, now }: MarketRecordsOptions) {
    this.#ledger = ledger;
    this.#store = store;
    this.#saltFor = saltFor;
    this.#now = now;
  }

  submitBids(identity: LedgerIdentity, intervalId: string, batch: BidBatch): Promise<SubmitResult> {
    const records = firstRecords(intervalId, batch, 'body');
    const { deraId } = batch;
    const silentDerIds = [...batch.silentDerIds].sort();
    return this.#record(identity, 'submitBids', records, (checksums) => ({
      intervalId,
      deraId,
      silentDerIds,
      bids: records.map((record, i) => claimOf(record, checksums[i] ?? '')),
    }));
  }

  decide(identity: LedgerIdentity, intervalId: string, decision: Decision): Promise<SubmitResult> {
    const { certificate, quantities } = decision;
    return this.#revise(
      identity,
      'decideInterval',
      intervalId,
      { certificate },
      quantities,
      decided(certificate),
    );
  }

  confirmDispatch(identity: LedgerIdentity, intervalId: string, decision: Decision): Promise<SubmitResult> {
    const { certificate, quantities } = decision;
    const next = dispatched(certificate);
    return this.#revise(identity, 'confirmDispatch', intervalId, { certificate }, quantities, next);
  }

  recordAwards(identity: LedgerIdentity, intervalId: string, awards: Awards): Promise<SubmitResult> {
    const { deraId, quantities } = awards;
    return this.#revise(identity, 'recordAwards', intervalId, { deraId }, quantities, awarded(awards));
  }

  readInterval(identity: LedgerIdentity, intervalId: string): Promise<IntervalState> {
    return this.evaluate(identity, IntervalState, 'readInterval', { intervalId });
  }

  /** Latest revisions of an interval with their records, verified; of one DERA when given. */
  async readRecords(
    identity: LedgerIdentity,
    intervalId: string,
    deraId: string | undefined,
  ): Promise<VerifiedBid[]> {
    const { submissions } = await this.readInterval(identity, intervalId);
    const mine = submissions.filter((submission) => deraId === undefined || submission.deraId === deraId);
    return this.verified(mine.flatMap(({ bids }) => bids));
  }

  readBid(identity: LedgerIdentity, uid: string): Promise<BidState> {
    return this.evaluate(identity, BidState, 'readBid', { uid });
  }

  readBidHistory(identity: LedgerIdentity, uid: string): Promise<BidState[]> {
    return this.evaluate(identity, Type.Array(BidState), 'readBidHistory', { uid });
  }

  /** The raw records of these revisions, each verified. @throws also `RECORD_MISMATCH` for the first that differs. */
  async verified(states: readonly BidState[]): Promise<VerifiedBid[]> {
    const rows = await this.#rows(states);
    return states.map((state) => requireVerified(state, rows.get(revisionKey(state))));
  }

  /** A query's answer, checked against its schema. */
  async evaluate<T extends TSchema>(
    identity: LedgerIdentity,
    schema: T,
    name: TransactionName,
    argument: unknown,
  ): Promise<Static<T>> {
    try {
      const evaluated = await this.#ledger.evaluate(identity, name, canonicalJson(argument));
      if (evaluated.outcome === 'refused') throw refused(evaluated.refusal);
      return parse(schema, JSON.parse(evaluated.result), `ledger, ${name}`);
    } catch (error) {
      // What the contract wrote has its form: anything else was changed underneath it.
      if (!(error instanceof SyntaxError || error instanceof InputError)) throw error;
      throw new FieldbidError(
        'LEDGER_DAMAGED',
        `${name} found the world state in another form than the contract writes; see /v1/verify`,
        { cause: error },
      );
    }
  }

  /** Commits a transaction that has no raw records. */
  async submit<T extends TSchema>(
    identity: LedgerIdentity,
    schema: T,
    name: TransactionName,
    argument: unknown,
  ): Promise<Static<T>> {
    const { result } = await this.#submit(identity, name, canonicalJson(argument), () => []);
    return parse(schema, JSON.parse(result), `ledger, ${name}`);
  }

  /**
   * Asks the ledger about every pending transaction: what it has is marked committed.
   * @param abandon forget the others; only at the start, when none can be under way.
   */
  async settle(abandon: boolean): Promise<{ committed: number; abandoned: number }> {
    const settled = { committed: 0, abandoned: 0 };
    for (const txId of await this.#store.pendingTransactions()) {
      if (await this.#ledger.has(txId)) {
        await this.#store.markCommitted(txId);
        settled.committed++;
      } else if (abandon) {
        await this.#store.discard(txId);
        settled.abandoned++;
      }
    }
    return settled;
  }

  /** New revisions of recorded bids, each made from the verified record before it. */
  async #revise(
    identity: LedgerIdentity,
    name: TransactionName,
    intervalId: string,
    about: Record<string, unknown>,
    quantities: readonly QuantityChange[],
    next: NextRecord,
  ): Promise<SubmitResult> {
    const changes = [...quantities].sort((a, b) => (a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0));
    const { submissions } = await this.readInterval(identity, intervalId);
    const states = new Map(submissions.flatMap(({ bids }) => bids).map((state) => [state.uid, state]));
    const before = await this.verified(changes.map((change) => currentState(states, change, intervalId)));
    const records = before.map(({ raw }, i) => next(raw, changes[i]?.quantity_W ?? 0));
    return this.#record(identity, name, records, (checksums) => ({
      ...about,
      intervalId,
      changes: changes.map((change, i) => ({ ...change, checksum: checksums[i] })),
    }));
  }

  async #record(
    identity: LedgerIdentity,
    name: TransactionName,
    records: readonly RawBidRecord[],
    argumentOf: (checksums: readonly string[]) => unknown,
  ): Promise<SubmitResult> {
    const salts = records.map(({ bid, revision }) => this.#saltFor(bid.uid, revision));
    const argument = argumentOf(records.map((record, i) => recordChecksum(record, salts[i] ?? '')));
    const at_ms = this.#now();
    const rowsOf = (txId: string): RawRow[] =>
      records.map((record, i) => ({
        ...idsOf(record),
        txId,
        salt: salts[i] ?? '',
        record: canonicalJson(record),
        at_ms,
      }));
    const { txId, result } = await this.#submit(identity, name, canonicalJson(argument), rowsOf);
    return { txId, bids: parse(Type.Array(BidState), JSON.parse(result), `ledger, ${name}`) };
  }

  async #submit(
    identity: LedgerIdentity,
    name: TransactionName,
    argument: string,
    rowsOf: (txId: string) => RawRow[],
  ): Promise<{ txId: string; result: string }> {
    for (let retries = 0; ; retries++) {
      try {
        return await this.#submitOnce(identity, name, argument, rowsOf);
      } catch (error) {
        if (codeOf(error) !== 'LEDGER_CONFLICT' || retries === CONFLICT_RETRIES) throw error;
      }
    }
  }

  async #submitOnce(
    identity: LedgerIdentity,
    name: TransactionName,
    argument: string,
    rowsOf: (txId: string) => RawRow[],
  ): Promise<{ txId: string; result: string }> {
    let pending: string | undefined;
    try {
      const submitted = await this.#ledger.submit(identity, name, argument, async (txId) => {
        const rows = rowsOf(txId);
        if (rows.length === 0) return;
        pending = txId;
        await this.#store.addPending(rows);
      });
      if (submitted.outcome === 'refused') throw refused(submitted.refusal);
      if (pending !== undefined) await this.#store.markCommitted(submitted.txId);
      return submitted;
    } catch (error) {
      // Surely not committed: the rows are of no use. Everything else is settled by asking the ledger.
      if (pending !== undefined && codeOf(error) === 'LEDGER_CONFLICT') await this.#store.discard(pending);
      throw error;
    }
  }

  async #rows(states: readonly BidState[]): Promise<Map<string, RawRow>> {
    const read = async (): Promise<Map<string, RawRow>> =>
      new Map((await this.#store.find(states)).map((row) => [revisionKey(row), row]));
    const rows = await read();
    if (states.every((state) => rows.has(revisionKey(state)))) return rows;
    // The ledger is ahead: its event woke the reader before the record was marked, or its answer was lost.
    await this.settle(false);
    return read();
  }
}

function currentState(
  states: ReadonlyMap<string, BidState>,
  { uid, expectedRevision }: QuantityChange,
  intervalId: string,
): BidState {
  const state = states.get(uid);
  if (state === undefined) {
    throw refused({
      code: 'NOT_FOUND',
      message: `There is no bid ${uid} in ${intervalId}.`,
      details: { uid },
    });
  }
  if (state.revision === expectedRevision) return state;
  throw refused({
    code: 'REVISION_CONFLICT',
    message: `Bid ${uid} is at revision ${state.revision}.`,
    details: { uid, found: expectedRevision, expected: state.revision },
  });
}

function refused({ code, message, details }: Refusal): FieldbidError {
  return new FieldbidError(code, message, { details: { ...details } });
}
