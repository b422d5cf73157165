/**
 * The DSO as a service: woken by the contract's events (step 6), it qualifies DERs, checks the bids of an
 * interval and posts its decision (step 7), and checks the actual allocation again before it is dispatched
 * (step 10, A7). Events are handled one after the other; what has been decided already is passed over, so a
 * replay from the first event does no harm.
 */
import { codeOf, messageOf, withDeadline } from '@fieldbid/core/errors';
import type {
  BidState,
  Certificate,
  Decision,
  IntervalState,
  LedgerEvent,
  Submission,
} from '@fieldbid/core/gateway-api/schemas';
import { intervalOf, isDayAhead, MINUTE_MS } from '@fieldbid/core/interval';
import type { Logger } from '@fieldbid/core/logging';
import { withRetries } from '@fieldbid/core/retry';
import type { ClearingSafety } from './feasibility/clearing-outcomes.ts';
import { IntervalCheck } from './feasibility/interval-check.ts';
import type { Policy, Request, Verdict } from './feasibility/policy.ts';
import { proportional } from './feasibility/proportional.ts';
import { unrestricted } from './feasibility/unrestricted.ts';
import { type Feeder, minuteOfDay } from './feeder/feeder.ts';
import type { PowerFlow, SearchFlow } from './power-flow/power-flow.ts';
import { type CheckedWith, decisionOf, unavailableDecision } from './service/certificate.ts';
import type { DsoGateway } from './service/gateway.ts';
import { LateTimers } from './service/late-timers.ts';
import { qualificationOf } from './service/qualify.ts';

export interface DsoOptions {
  readonly gateway: DsoGateway;
  readonly feeder: Feeder;
  /** The engine of record. */
  readonly powerFlow: PowerFlow;
  /** The engine to search with; the one of record by default. */
  readonly search?: SearchFlow | undefined;
  /** What of the clearing's outcomes has to be feasible; the merit order's by default. */
  readonly safety?: ClearingSafety;
  readonly interval_min: number;
  /** Of a day-ahead hour one minute in so many is checked; the real-time intervals in it check every one. 5 by default. */
  readonly dayAheadStep_min?: number;
  /** Aggregators with DERs on this feeder: the bids of all of them are checked together (A4). */
  readonly deraIds: readonly string[];
  readonly policy: Policy;
  /** Kept inside the limits, pu; the feeder's own by default. */
  readonly margin_pu?: number;
  /** False: everything is approved as asked and only computed. */
  readonly enforce?: boolean;
  /** How long the others' bids (or awards) wait for an aggregator that is late, real ms. */
  readonly lateAfter_ms?: number;
  /** Longest real time for one check; after it nothing is approved, ms. */
  readonly decisionDeadline_ms?: number;
  /** Checkpoint of the last event handled before; from the first event by default. */
  readonly after?: string;
  /** Told after each event that has been handled. */
  readonly onHandled?: (checkpoint: string) => void;
  /** Told of every decision that has reached the ledger, and how long it took, real ms. */
  readonly onDecision?: (step: Step, certificate: Certificate, duration_ms: number) => void;
  readonly log: Logger;
}

type Step = 'decision' | 'dispatch';

/** An engine that hangs again and again must not keep the market waiting. */
const DECISION_DEADLINE_MS = 60_000;
const LATE_AFTER_MS = 20_000;
/** Forecasts a day ahead do not change within minutes. */
const DAY_AHEAD_STEP_MIN = 5;
/** Engines that differ by more than this do not have the same feeder, pu. */
const LARGEST_GAP_PU = 0.003;

export class DsoService {
  readonly #options: DsoOptions;
  readonly #policy: Policy;
  /** Of what was awarded: reduced alike where it does not fit after all. */
  readonly #verification: Policy;
  readonly #margin_pu: number;
  readonly #ending = new AbortController();
  readonly #late: LateTimers;
  /** The check of the interval under way: its case without DER serves decision and dispatch. */
  #check: { key: string; check: IntervalCheck } | undefined;
  /** Work waits for its turn: events, and aggregators that turn out to be late. */
  #tail: Promise<unknown> = Promise.resolve();
  #done: Promise<void> = Promise.resolve();

  constructor(options: DsoOptions) {
    this.#options = options;
    this.#policy = options.enforce === false ? unrestricted : options.policy;
    this.#verification = options.enforce === false ? unrestricted : proportional;
    this.#margin_pu = options.margin_pu ?? options.feeder.data.margin_pu;
    this.#late = new LateTimers(options.lateAfter_ms ?? LATE_AFTER_MS);
  }

  /** Begins to follow the ledger. */
  start(): void {
    this.#done = this.#follow();
    // Whoever holds the service may ask for `done()` later than it fails.
    this.#done.catch(() => undefined);
  }

  /** Resolves after `stop()`. @throws FieldbidError when the ledger cannot be followed (key refused). */
  done(): Promise<void> {
    return this.#done;
  }

  /** Finishes what is under way and stops. The power flow belongs to the caller. */
  async stop(): Promise<void> {
    this.#ending.abort();
    this.#late.clear();
    await this.#done.catch(() => undefined);
    await this.#tail;
  }

  async #follow(): Promise<void> {
    const { after, gateway, onHandled } = this.#options;
    for await (const event of gateway.events(after, this.#ending.signal)) {
      if (this.#ending.signal.aborted) break;
      await this.#inTurn(event.name, () => this.#handle(event));
      onHandled?.(event.checkpoint);
    }
  }

  /** One fault must not end the service: it is said, and the next event is handled. */
  #inTurn(what: string, work: () => Promise<void>): Promise<void> {
    const turn = this.#tail.then(work).catch((error: unknown) => {
      const { log } = this.#options;
      if (this.#ending.signal.aborted) return;
      log.error({ event: what, code: codeOf(error) }, `${what} was not handled: ${messageOf(error)}`);
    });
    this.#tail = turn;
    return turn;
  }

  async #handle(event: LedgerEvent): Promise<void> {
    const { intervalId, derId } = event.payload;
    if (event.name === 'DerRegistered' && typeof derId === 'string') await this.#qualify(derId);
    if (typeof intervalId !== 'string') return;
    if (event.name === 'BidsSubmitted') await this.#consider('decision', intervalId);
    if (event.name === 'AwardsRecorded') await this.#consider('dispatch', intervalId);
  }

  async #qualify(derId: string): Promise<void> {
    const { feeder, log } = this.#options;
    const entry = await this.#retried(() => this.#options.gateway.readDer(derId));
    if (entry.status !== 'registered') return; // a replay: settled already
    const qualification = qualificationOf(feeder, entry);
    await this.#retried(() => this.#options.gateway.qualifyDer(derId, qualification));
    const { status, limit_W, reason } = qualification;
    if (status === 'qualified') log.info({ derId, limit_W }, 'DER qualified');
    else log.warn({ derId, reason }, 'DER suspended: its registration does not fit the feeder');
  }

  /** Decides when all aggregators are there, or when this one has been waited for. */
  async #consider(step: Step, intervalId: string, waited = false): Promise<void> {
    const { deraIds, log } = this.#options;
    const state = await this.#retried(() => this.#options.gateway.readInterval(intervalId));
    if (isSettled(step, state)) return;
    const present = state.submissions.filter((submission) => step === 'decision' || submission.awarded);
    if (present.length === 0) return;
    const expected = step === 'decision' ? deraIds : state.submissions.map(({ deraId }) => deraId);
    const missing = expected.filter((deraId) => !present.some((submission) => submission.deraId === deraId));
    if (missing.length > 0 && !waited) {
      this.#late.start(`${step} ${intervalId}`, () => {
        void this.#inTurn(`late ${step}`, () => this.#consider(step, intervalId, true));
      });
      return;
    }
    this.#late.cancel(`${step} ${intervalId}`);
    if (missing.length > 0)
      log.warn({ intervalId, missing, step }, 'went on without aggregators that are late');
    await this.#settle(step, intervalId, state, present);
  }

  async #settle(
    step: Step,
    intervalId: string,
    state: IntervalState,
    present: readonly Submission[],
  ): Promise<void> {
    const { gateway, log } = this.#options;
    const from = performance.now();
    const bids = present.flatMap((submission) => submission.bids);
    // Awards of an aggregator that is late are not confirmed: its DERs get nothing (A10).
    const decision = await this.#decide(step, intervalId, bids, state.submissions);
    try {
      await this.#retried(() =>
        step === 'decision'
          ? gateway.decide(intervalId, decision)
          : gateway.confirmDispatch(intervalId, decision),
      );
    } catch (error) {
      if (!(await this.#isSettledNow(step, intervalId))) throw error;
      log.info({ intervalId, code: codeOf(error) }, `${step} had reached the ledger already`);
    }
    const { outcome, alpha_ppm, bindingNode, solves, note } = decision.certificate;
    const took_ms = Math.round(performance.now() - from);
    this.#options.onDecision?.(step, decision.certificate, took_ms);
    const level = outcome === 'ACCEPTED' || outcome === 'CURTAILED' ? 'info' : 'error';
    log[level]({ intervalId, step, outcome, alpha_ppm, bindingNode, solves, took_ms }, note);
    this.#logChanges(step, intervalId, bids, decision);
  }

  /** A conflict may mean that an answer of ours was lost on its way: then the work is done. */
  async #isSettledNow(step: Step, intervalId: string): Promise<boolean> {
    return isSettled(step, await this.#retried(() => this.#options.gateway.readInterval(intervalId)));
  }

  async #decide(
    step: Step,
    intervalId: string,
    bids: readonly BidState[],
    submissions: readonly Submission[],
  ): Promise<Decision> {
    const { feeder, log } = this.#options;
    const silent = submissions.flatMap(({ silentDerIds }) => silentDerIds).sort();
    const check = this.#checkOf(intervalId, silent);
    const before = [check.solves, check.searchSolves] as const;
    const checked = (): CheckedWith => ({
      policy: policy.name,
      margin_pu: this.#margin_pu,
      solves: check.solves - before[0],
      searchSolves: check.searchSolves - before[1],
      gap_pu: check.gap?.pu ?? null,
      engine: check.engine,
      feederSha256: feeder.sha256,
    });
    // After clearing there is one outcome: what was awarded.
    const safety = step === 'dispatch' ? 'none' : (this.#options.safety ?? 'merit-order');
    const policy = step === 'dispatch' ? this.#verification : this.#policy;
    try {
      const ranks = await this.#ranks(intervalId, safety);
      const known: Request[] = bids
        .filter(({ derId }) => feeder.der(derId) !== undefined)
        .map(({ uid, derId, quantity_W }) => ({ uid, derId, quantity_W, ...rankOf(ranks, uid) }));
      const verdict = await withDeadline(
        policy.decide(check, known, safety),
        this.#options.decisionDeadline_ms ?? DECISION_DEADLINE_MS,
        'the check of the feeder',
      );
      this.#sayGap(intervalId, check);
      return decisionOf(bids, withoutStrangers(verdict, bids, known), checked());
    } catch (error) {
      // Whatever it is, an aggregator waits for an answer, and zero is the safe one.
      log.error({ intervalId, step, code: codeOf(error) }, `the check failed: ${messageOf(error)}`);
      return unavailableDecision(bids, messageOf(error), checked());
    }
  }

  /** A7 · Ranks of the bids by uid, from the BC-GW. */
  async #ranks(intervalId: string, safety: ClearingSafety): Promise<ReadonlyMap<string, number>> {
    if (safety !== 'merit-order' || this.#options.enforce === false) return new Map();
    const { groups } = await this.#retried(() => this.#options.gateway.readMeritOrder(intervalId));
    return new Map(groups.flatMap((uids, rank) => uids.map((uid) => [uid, rank] as const)));
  }

  #sayGap(intervalId: string, { gap }: IntervalCheck): void {
    if (gap === null || gap.pu <= LARGEST_GAP_PU) return;
    const text = `the engines differ by ${gap.pu.toFixed(4)} pu at ${gap.node}`;
    this.#options.log.warn({ intervalId, node: gap.node, gap_pu: gap.pu }, text);
  }

  #checkOf(intervalId: string, silentDerIds: readonly string[]): IntervalCheck {
    const { feeder, interval_min, log, powerFlow, search } = this.#options;
    const known = silentDerIds.filter((derId) => feeder.der(derId) !== undefined);
    const key = [intervalId, ...known].join(' ');
    if (this.#check?.key === key) return this.#check.check;
    const { start_ms, end_ms } = intervalOf(intervalId, interval_min);
    const check = new IntervalCheck({
      feeder,
      powerFlow,
      search,
      onSearchLost: (error) =>
        log.warn({ intervalId, code: codeOf(error) }, `GridLAB-D searches alone: ${messageOf(error)}`),
      startMinuteOfDay: minuteOfDay(start_ms),
      duration_min: (end_ms - start_ms) / MINUTE_MS,
      step_min: isDayAhead(intervalId) ? (this.#options.dayAheadStep_min ?? DAY_AHEAD_STEP_MIN) : 1,
      margin_pu: this.#margin_pu,
      silentDerIds: known,
    });
    this.#check = { key, check };
    return check;
  }

  #logChanges(step: Step, intervalId: string, bids: readonly BidState[], decision: Decision): void {
    const { log } = this.#options;
    const approved = new Map(decision.quantities.map(({ uid, quantity_W }) => [uid, quantity_W]));
    for (const { uid, derId, quantity_W } of bids) {
      const approved_W = approved.get(uid) ?? 0;
      const fields = { intervalId, derId, correlationId: uid, asked_W: quantity_W, approved_W };
      log.info(fields, `${step}: ${approved_W < quantity_W ? 'curtailed' : 'approved'}`);
    }
  }

  #retried<T>(work: () => Promise<T>): Promise<T> {
    return withRetries(work, this.#ending.signal, (error) => {
      this.#options.log.warn({ code: codeOf(error) }, `trying again: ${messageOf(error)}`);
    });
  }
}

/** A bid from a DER that is not on this feeder cannot be checked, and gets nothing. */
function withoutStrangers(verdict: Verdict, bids: readonly BidState[], known: readonly Request[]): Verdict {
  const strangers = bids.filter(({ uid, quantity_W }) => quantity_W > 0 && !known.some((k) => k.uid === uid));
  if (strangers.length === 0) return verdict;
  const names = strangers.map(({ derId }) => derId).join(', ');
  const outcome = verdict.outcome === 'ACCEPTED' ? 'CURTAILED' : verdict.outcome;
  return { ...verdict, outcome, note: `${verdict.note}; nothing for ${names}: not on this feeder` };
}

function rankOf(ranks: ReadonlyMap<string, number>, uid: string): { rank?: number } {
  const rank = ranks.get(uid);
  return rank === undefined ? {} : { rank };
}

function isSettled(step: Step, state: IntervalState): boolean {
  return step === 'decision' ? state.decision !== null : state.decision === null || state.dispatch !== null;
}
