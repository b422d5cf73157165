/**
 * Steps 5, 7 and 10 · Keeps raw records and ledger in step (M23, M24). Each change is composed and its
 * checksum taken, endorsed by the ledger, written here as pending together with the endorsed transaction,
 * committed there, and marked committed here. Whatever is interrupted in between, by whichever instance, any
 * instance ends it later: by the ledger's answer, or by sending the same endorsed transaction again.
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
  type MeritOrder,
  type Modification,
  type RawBidRecord,
  type Settlement,
  type SubmitResult,
  type VerifiedBid,
} from '@fieldbid/core/gateway-api/schemas';
import { parse } from '@fieldbid/core/schema';
import Type, { type Static, type TSchema } from 'typebox';
import type { Ledger, LedgerIdentity, Refusal, TransactionStatus } from '../ledger/ledger.ts';
import {
  idsOf,
  type PendingTransaction,
  type RawRow,
  type RawStore,
  revisionKey,
} from '../store/raw-store.ts';
import {
  awarded,
  claimOf,
  decided,
  dispatched,
  firstRecords,
  modified,
  type NextRecord,
  settled,
} from './compose.ts';
import { requireVerified } from './verify-record.ts';

export interface MarketRecordsOptions {
  readonly ledger: Ledger;
  readonly store: RawStore;
  readonly saltFor: SaltFor;
  /** Market time, epoch ms. */
  readonly now: () => number;
  /** Real time, epoch ms. */
  readonly clock_ms?: () => number;
}

/** Conflicts are between transactions that met by chance; the losers see the winner's state at the next try. */
const CONFLICT_RETRIES = 20;
/** Ends of a commit after which the same bytes can never take effect. */
const NEVER_COMMITTED: ReadonlySet<string> = new Set(['LEDGER_CONFLICT', 'LEDGER_REJECTED']);

interface BidChange {
  readonly uid: string;
  readonly expectedRevision: number;
}

interface Revision<C extends BidChange> {
  readonly change: C;
  readonly record: RawBidRecord;
}

/** Pending transactions by what became of them. */
export interface Settled {
  committed: number;
  abandoned: number;
  open: number;
  /** Why some of the open ones could not be ended. */
  readonly faults: unknown[];
}

/** Every method throws FieldbidError: the contract's code on refusal, `RECORD_MISMATCH`, the ledger's, the store's. */
export class MarketRecords {
  readonly #ledger: Ledger;
  readonly #store: RawStore;
  readonly #saltFor: SaltFor;
  readonly #now: () => number;
  readonly #clock_ms: () => number;

  constructor({ ledger, store, saltFor, now, clock_ms = Date.now }: MarketRecordsOptions) {
    this.#ledger = ledger;
    this.#store = store;
    this.#saltFor = saltFor;
    this.#now = now;
    this.#clock_ms = clock_ms;
  }

  submitBids(identity: LedgerIdentity, intervalId: string, batch: BidBatch): Promise<SubmitResult> {
    const records = firstRecords(intervalId, batch, 'body');
    const { deraId, baselineCommitment } = batch;
    const silentDerIds = [...batch.silentDerIds].sort();
    return this.#record(identity, 'submitBids', records, (checksums) => ({
      intervalId,
      deraId,
      silentDerIds,
      ...(baselineCommitment === undefined ? {} : { baselineCommitment }),
      bids: records.map((record, i) => claimOf(record, checksums[i] ?? '')),
    }));
  }

  async decide(identity: LedgerIdentity, intervalId: string, decision: Decision): Promise<SubmitResult> {
    const { certificate, quantities } = decision;
    const revisions = await this.#revisions(identity, intervalId, quantities, decided(certificate));
    return this.#revise(identity, 'decideInterval', revisions, (changes) => ({
      intervalId,
      certificate,
      changes,
    }));
  }

  async confirmDispatch(
    identity: LedgerIdentity,
    intervalId: string,
    decision: Decision,
  ): Promise<SubmitResult> {
    const { certificate, quantities } = decision;
    const revisions = await this.#revisions(identity, intervalId, quantities, dispatched(certificate));
    return this.#revise(identity, 'confirmDispatch', revisions, (changes) => ({
      intervalId,
      certificate,
      changes,
    }));
  }

  async recordAwards(identity: LedgerIdentity, intervalId: string, awards: Awards): Promise<SubmitResult> {
    const { deraId, quantities } = awards;
    const revisions = await this.#revisions(identity, intervalId, quantities, awarded(awards));
    return this.#revise(identity, 'recordAwards', revisions, (changes) => ({ intervalId, deraId, changes }));
  }

  /** M24 · One bid reduced by the DSO after its decision. */
  async modify(identity: LedgerIdentity, uid: string, modification: Modification): Promise<SubmitResult> {
    const state = await this.readBid(identity, uid);
    requireRevision(state, modification);
    const [before] = await this.verified([state]);
    if (before === undefined) throw new RangeError('one state was verified and none returned');
    const revision = { change: { uid, ...modification }, record: modified(before.raw, modification) };
    return this.#revise(identity, 'modifyBid', [revision], ([change]) => change);
  }

  /** Step 13 · What is paid stays in the raw record. */
  async recordSettlement(
    identity: LedgerIdentity,
    intervalId: string,
    { deraId, settlements }: Settlement,
  ): Promise<SubmitResult> {
    const revisions = await this.#revisions(identity, intervalId, settlements, settled);
    return this.#revise(identity, 'recordSettlement', revisions, (changes) => ({
      intervalId,
      deraId,
      settlements: changes.map(({ amount_uUSD: _, ...onLedger }) => onLedger),
    }));
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

  /** A7 · The bids by price, of which only the order is told. */
  async meritOrder(identity: LedgerIdentity, intervalId: string): Promise<MeritOrder> {
    const records = await this.readRecords(identity, intervalId, undefined);
    const byPrice = new Map<number, string[]>();
    for (const { raw } of records) {
      const { price_uUSD_per_MWh: price, uid } = raw.bid;
      byPrice.set(price, [...(byPrice.get(price) ?? []), uid]);
    }
    const groups = [...byPrice].sort(([a], [b]) => a - b).map(([, uids]) => uids.sort());
    return { intervalId, groups };
  }

  readBid(identity: LedgerIdentity, uid: string): Promise<BidState> {
    return this.evaluate(identity, BidState, 'readBid', { uid });
  }

  readBidHistory(identity: LedgerIdentity, uid: string): Promise<BidState[]> {
    return this.evaluate(identity, Type.Array(BidState), 'readBidHistory', { uid });
  }

  readIntervalHistory(identity: LedgerIdentity, intervalId: string): Promise<BidState[]> {
    return this.evaluate(identity, Type.Array(BidState), 'readIntervalHistory', { intervalId });
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
   * Brings every pending transaction to its end: what the ledger has is marked committed, what can never be is
   * forgotten, and what the ledger does not know is sent again, the same bytes.
   * @param grace_ms younger ones that the ledger does not know yet are left to the request that is sending them, real ms.
   */
  async settle(grace_ms: number): Promise<Settled> {
    const count: Settled = { committed: 0, abandoned: 0, open: 0, faults: [] };
    for (const pending of await this.#store.pendingTransactions()) {
      try {
        count[await this.#settleOne(pending, grace_ms)]++;
      } catch (error) {
        // One that cannot be ended does not keep the others from their end.
        count.open++;
        count.faults.push(error);
      }
    }
    return count;
  }

  async #settleOne(
    { txId, endorsed, since_ms }: PendingTransaction,
    grace_ms: number,
  ): Promise<'committed' | 'abandoned' | 'open'> {
    const young = this.#clock_ms() - since_ms < grace_ms;
    const status = await this.#ledger.status(txId);
    const ended = status === 'unknown' && !young ? await this.#sendAgain(endorsed) : status;
    if (ended === 'unknown') return 'open';
    if (ended === 'committed') {
      await this.#store.markCommitted(txId);
      return 'committed';
    }
    await this.#store.discard(txId);
    return 'abandoned';
  }

  async #sendAgain(endorsed: Uint8Array): Promise<TransactionStatus> {
    try {
      await this.#ledger.commit(endorsed);
      return 'committed';
    } catch (error) {
      if (NEVER_COMMITTED.has(codeOf(error))) return 'rejected';
      if (error instanceof FieldbidError && error.retryable) return 'unknown';
      throw error;
    }
  }

  /** New revisions of recorded bids of an interval, by uid, each made from the verified record before it. */
  async #revisions<C extends BidChange>(
    identity: LedgerIdentity,
    intervalId: string,
    changes: readonly C[],
    next: NextRecord<C>,
  ): Promise<Revision<C>[]> {
    const sorted = [...changes].sort((a, b) => (a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0));
    const { submissions } = await this.readInterval(identity, intervalId);
    const states = new Map(submissions.flatMap(({ bids }) => bids).map((state) => [state.uid, state]));
    const before = await this.verified(sorted.map((change) => currentState(states, change, intervalId)));
    return sorted.map((change, i) => {
      const { raw } = before[i] as VerifiedBid;
      return { change, record: next(raw, change) };
    });
  }

  #revise<C extends BidChange>(
    identity: LedgerIdentity,
    name: TransactionName,
    revisions: readonly Revision<C>[],
    argumentOf: (changes: (C & { checksum: string })[]) => unknown,
  ): Promise<SubmitResult> {
    const records = revisions.map(({ record }) => record);
    return this.#record(identity, name, records, (checksums) =>
      argumentOf(revisions.map(({ change }, i) => ({ ...change, checksum: checksums[i] ?? '' }))),
    );
  }

  async #record(
    identity: LedgerIdentity,
    name: TransactionName,
    records: readonly RawBidRecord[],
    argumentOf: (checksums: readonly string[]) => unknown,
  ): Promise<SubmitResult> {
    const salts = records.map(({ bid, revision }) => this.#saltFor(bid.uid, revision));
    const argument = argumentOf(records.map((record, i) => recordChecksum(record, salts[i] ?? '')));
    const rowsOf = (txId: string): RawRow[] =>
      records.map((record, i) => ({
        ...idsOf(record),
        txId,
        salt: salts[i] ?? '',
        record: canonicalJson(record),
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
    const endorsement = await this.#ledger.endorse(identity, name, argument);
    if (endorsement.outcome === 'refused') throw refused(endorsement.refusal);
    const { txId, result, bytes } = endorsement;
    const rows = rowsOf(txId);
    if (rows.length === 0) {
      await this.#ledger.commit(bytes);
      return { txId, result };
    }
    await this.#store.addPending({ txId, endorsed: bytes, since_ms: this.#clock_ms() }, rows);
    try {
      await this.#ledger.commit(bytes);
    } catch (error) {
      // Surely not committed: the rows are of no use. Everything else is settled with the ledger later.
      if (NEVER_COMMITTED.has(codeOf(error))) await this.#store.discard(txId);
      throw error;
    }
    // It is recorded. A mark that fails is made up for by the next read, or by the reconciler.
    await this.#store.markCommitted(txId).catch(() => undefined);
    return { txId, result };
  }

  async #rows(states: readonly BidState[]): Promise<Map<string, RawRow>> {
    const read = async (): Promise<Map<string, RawRow>> =>
      new Map((await this.#store.find(states)).map((row) => [revisionKey(row), row]));
    const rows = await read();
    if (states.every((state) => rows.has(revisionKey(state)))) return rows;
    // The ledger is ahead: its event woke the reader before the record was marked, or its answer was lost.
    await this.settle(Number.POSITIVE_INFINITY);
    return read();
  }
}

function currentState(
  states: ReadonlyMap<string, BidState>,
  change: BidChange,
  intervalId: string,
): BidState {
  const { uid } = change;
  const state = states.get(uid);
  if (state === undefined) {
    throw refused({
      code: 'NOT_FOUND',
      message: `There is no bid ${uid} in ${intervalId}.`,
      details: { uid },
    });
  }
  requireRevision(state, change);
  return state;
}

function requireRevision({ uid, revision }: BidState, { expectedRevision }: Omit<BidChange, 'uid'>): void {
  if (revision === expectedRevision) return;
  throw refused({
    code: 'REVISION_CONFLICT',
    message: `Bid ${uid} is at revision ${revision}.`,
    details: { uid, found: expectedRevision, expected: revision },
  });
}

function refused({ code, message, details }: Refusal): FieldbidError {
  return new FieldbidError(code, message, { details: { ...details } });
}
