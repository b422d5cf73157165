/** For tests: the part of a BC-GW that the DSO sees, in memory, with the contract's rules that matter to it. */
import { bidUid } from '@fieldbid/core/digest';
import { FieldbidError } from '@fieldbid/core/errors';
import type {
  BidState,
  Decision,
  DerRegistration,
  IntervalState,
  LedgerEvent,
  MeritOrder,
  Qualification,
  RegistryEntry,
  SubmitResult,
} from '@fieldbid/core/gateway-api/schemas';
import { Decision as DecisionSchema } from '@fieldbid/core/gateway-api/schemas';
import { parse } from '@fieldbid/core/schema';
import type { DsoGateway } from '../service/gateway.ts';

export class MemoryGateway implements DsoGateway {
  readonly ders = new Map<string, RegistryEntry>();
  readonly intervals = new Map<string, IntervalState>();
  readonly #events: LedgerEvent[] = [];
  readonly #waiting = new Set<() => void>();
  /** Calls that fail before the next one succeeds, as from a gateway that restarts. */
  failures = 0;
  /** Merit order of the bids; all alike by default. */
  rankOf: (bid: BidState) => number = () => 0;

  register(registration: DerRegistration): void {
    const entry: RegistryEntry = {
      ...registration,
      status: 'registered',
      limit_W: 0,
      keys: null,
      revision: 1,
    };
    this.ders.set(registration.derId, entry);
    this.#announce('DerRegistered', { derId: registration.derId, deraId: registration.deraId });
  }

  submit(
    intervalId: string,
    deraId: string,
    bids: Record<string, number>,
    silentDerIds: string[] = [],
  ): void {
    const states = Object.entries(bids).map(
      ([derId, quantity_W]): BidState => ({
        uid: bidUid(derId, intervalId, 'energy'),
        revision: 1,
        derId,
        deraId,
        intervalId,
        product: 'energy',
        status: 'submitted',
        quantity_W,
        checksum: '0'.repeat(64),
        keyId: null,
        commitment: null,
        metered_Wh: null,
        by: 'DeraMSP',
        reason: '',
      }),
    );
    const before = this.#state(intervalId);
    const submission = { deraId, bids: states, silentDerIds, awarded: false, settled: false };
    this.intervals.set(intervalId, { ...before, submissions: [...before.submissions, submission] });
    this.#announce('BidsSubmitted', { intervalId, deraId });
  }

  award(intervalId: string, deraId: string, quantity: (bid: BidState) => number): void {
    this.#revise(intervalId, (bid) => (bid.deraId === deraId ? quantity(bid) : undefined), 'awarded');
    const state = this.#state(intervalId);
    const submissions = state.submissions.map((s) => (s.deraId === deraId ? { ...s, awarded: true } : s));
    this.intervals.set(intervalId, { ...state, submissions });
    this.#announce('AwardsRecorded', { intervalId, deraId });
  }

  async readDer(derId: string): Promise<RegistryEntry> {
    this.#mayFail();
    const entry = this.ders.get(derId);
    if (entry === undefined) throw new FieldbidError('NOT_REGISTERED', derId);
    return entry;
  }

  async qualifyDer(derId: string, { status, limit_W }: Qualification): Promise<RegistryEntry> {
    this.#mayFail();
    const before = this.ders.get(derId);
    if (before === undefined) throw new FieldbidError('NOT_REGISTERED', derId);
    const entry = { ...before, status, limit_W, revision: before.revision + 1 };
    this.ders.set(derId, entry);
    this.#announce('DerQualified', { derId });
    return entry;
  }

  async readInterval(intervalId: string): Promise<IntervalState> {
    this.#mayFail();
    return structuredClone(this.#state(intervalId));
  }

  async readMeritOrder(intervalId: string): Promise<MeritOrder> {
    this.#mayFail();
    const bids = this.#state(intervalId).submissions.flatMap((submission) => submission.bids);
    const rank = this.rankOf;
    const ranks = [...new Set(bids.map(rank))].sort((a, b) => a - b);
    const groups = ranks.map((one) => bids.filter((bid) => rank(bid) === one).map(({ uid }) => uid));
    return { intervalId, groups };
  }

  async decide(intervalId: string, decision: Decision): Promise<SubmitResult> {
    this.#mayFail();
    if (this.#state(intervalId).decision !== null) throw new FieldbidError('ALREADY_DECIDED', intervalId);
    this.#apply(intervalId, decision);
    this.intervals.set(intervalId, { ...this.#state(intervalId), decision: decision.certificate });
    this.#announce('IntervalDecided', { intervalId });
    return { txId: 'tx', bids: [] };
  }

  async confirmDispatch(intervalId: string, dispatch: Decision): Promise<SubmitResult> {
    this.#mayFail();
    if (this.#state(intervalId).dispatch !== null) throw new FieldbidError('ALREADY_DISPATCHED', intervalId);
    this.#apply(intervalId, dispatch);
    this.intervals.set(intervalId, { ...this.#state(intervalId), dispatch: dispatch.certificate });
    this.#announce('DispatchConfirmed', { intervalId });
    return { txId: 'tx', bids: [] };
  }

  async *events(after: string | undefined, signal: AbortSignal): AsyncIterable<LedgerEvent> {
    for (let next = after === undefined ? 0 : Number(after) + 1; !signal.aborted; ) {
      const event = this.#events[next];
      if (event === undefined) await this.#news(signal);
      else {
        next++;
        yield event;
      }
    }
  }

  /** Resolves when an event of this name and interval (or DER) has been announced. */
  async announced(name: LedgerEvent['name'], id: string): Promise<void> {
    const there = (): boolean =>
      this.#events.some((e) => e.name === name && (e.payload.intervalId === id || e.payload.derId === id));
    while (!there()) await this.#news();
  }

  /** Approved, awarded or dispatched quantity of a DER. */
  quantityOf(intervalId: string, derId: string): number {
    const bids = this.#state(intervalId).submissions.flatMap((s) => s.bids);
    return bids.find((bid) => bid.derId === derId)?.quantity_W ?? -1;
  }

  #apply(intervalId: string, given: Decision): void {
    const decision = parse(DecisionSchema, given, 'decision');
    const changes = new Map(decision.quantities.map((change) => [change.uid, change]));
    this.#revise(
      intervalId,
      (bid) => {
        const change = changes.get(bid.uid);
        if (change?.expectedRevision !== bid.revision) throw new FieldbidError('REVISION_CONFLICT', bid.uid);
        if (change.quantity_W > bid.quantity_W) throw new FieldbidError('QUANTITY_RAISED', bid.uid);
        return change.quantity_W;
      },
      'approved',
    );
  }

  #revise(
    intervalId: string,
    quantity: (bid: BidState) => number | undefined,
    status: BidState['status'],
  ): void {
    const state = this.#state(intervalId);
    const submissions = state.submissions.map((submission) => ({
      ...submission,
      bids: submission.bids.map((bid) => {
        const quantity_W = quantity(bid);
        return quantity_W === undefined ? bid : { ...bid, quantity_W, status, revision: bid.revision + 1 };
      }),
    }));
    this.intervals.set(intervalId, { ...state, submissions });
  }

  #state(intervalId: string): IntervalState {
    return this.intervals.get(intervalId) ?? { intervalId, submissions: [], decision: null, dispatch: null };
  }

  #mayFail(): void {
    if (this.failures === 0) return;
    this.failures--;
    throw new FieldbidError('GATEWAY_UNAVAILABLE', 'restarting', { retryable: true });
  }

  #announce(name: LedgerEvent['name'], payload: Record<string, unknown>): void {
    this.#events.push({ checkpoint: String(this.#events.length), name, txId: 'tx', at_ms: 0, payload });
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #news(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
