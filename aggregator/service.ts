/**
 * The DERA: takes its DERs' bids until the gate closes, then runs one round per interval (round.ts) and sends
 * every DER its allocation (dispatch/). Whatever fails, each DER is told what it may do: zero when in doubt.
 */
import type { Bus, Received, Subscription } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { DerRegistration, RegistryEntry } from '@fieldbid/core/gateway-api/schemas';
import type { Logger } from '@fieldbid/core/logging';
import {
  type Calendar,
  dayAheadMoments,
  type Moments,
  moments,
  priceRange,
} from '@fieldbid/core/market/calendar';
import { ClearedOffer, Measurement } from '@fieldbid/core/market/messages';
import type { SettlementRules } from '@fieldbid/core/market/settlement/rules';
import { parse } from '@fieldbid/core/schema';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import { AgentPresence } from './agents.ts';
import { BidBook } from './bid-book.ts';
import { Positions } from './day-ahead/positions.ts';
import { runDayAhead } from './day-ahead/session.ts';
import { Dispatch } from './dispatch/dispatch.ts';
import { closeGate } from './gate.ts';
import { LedgerWatch } from './ledger-watch.ts';
import { ReadingsToStore } from './readings.ts';
import type { Enrolments } from './registration/enrolment.ts';
import { answerEnrolments, openEnrolments } from './registration/enrolment-service.ts';
import type { Journal } from './registration/journal.ts';
import { LedgerKeys } from './registration/ledger-keys.ts';
import { registerPortfolio } from './registration/portfolio.ts';
import { intervalReport, publishReport } from './report.ts';
import {
  allocateAndConfirm,
  type DeraGateway,
  type RoundContext,
  type RoundResult,
  recordAndOffer,
} from './round.ts';
import type { Baselines } from './settlement/baselines.ts';
import { Meters } from './settlement/meters.ts';
import { Settler } from './settlement/settler.ts';
import { Telemetry } from './telemetry.ts';

export interface AggregatorOptions {
  readonly deraId: string;
  readonly bus: Bus;
  readonly time: TimeSource;
  readonly gateway: DeraGateway;
  readonly calendar: Calendar;
  /** The DERs of this aggregator, registered with the ledger at start. */
  readonly portfolio: readonly DerRegistration[];
  /** Most segments the ISO takes per offer. */
  readonly maxSegments: number;
  /** Codes and keys; without it no DER is enrolled. */
  readonly journal?: Journal;
  /** Where codes come from; for a bench that is to repeat itself. Unpredictable by default. */
  readonly drawCode?: (below: number) => number;
  /** Whether a DER that was never enrolled may not bid. False by default. */
  readonly requireSignatures?: boolean;
  /** How intervals are settled, by a clock of its own; without it they are not. */
  readonly settlement?: {
    readonly time: TimeSource;
    readonly rules: SettlementRules;
    /** Of the DERs that are not settled by their meter alone. */
    readonly baselines?: Baselines;
  };
  readonly log: Logger;
}

export class AggregatorService {
  readonly #options: AggregatorOptions;
  readonly #schedule: Moments[];
  readonly #dayAhead: Moments[];
  readonly #book: BidBook;
  readonly #enrolments: Enrolments | undefined;
  #ledgerKeys: LedgerKeys | undefined;
  readonly #presence = new AgentPresence();
  readonly #telemetry: Telemetry;
  readonly #readings: ReadingsToStore;
  readonly #dispatch: Dispatch;
  readonly #meters = new Meters();
  readonly #positions: Positions;
  readonly #settler: Settler | undefined;
  readonly #cleared = new Map<string, ClearedOffer>();
  readonly #subscriptions: Subscription[] = [];
  #registry: ReadonlyMap<string, RegistryEntry> = new Map();
  readonly #stopping = new AbortController();
  #watch: LedgerWatch | undefined;
  #done: Promise<void> = Promise.resolve();

  constructor(options: AggregatorOptions) {
    this.#options = options;
    this.#schedule = moments(options.calendar);
    this.#dayAhead = dayAheadMoments(options.calendar);
    const both = [...this.#dayAhead, ...this.#schedule];
    const byId = new Map(both.map((moment) => [moment.interval.id, moment]));
    const { deraId, journal, portfolio, log, time } = options;
    const about = {
      deraId,
      portfolio,
      log,
      draw: options.drawCode,
      schedule: this.#schedule,
      marketNow: () => time.now(),
    };
    this.#enrolments = journal === undefined ? undefined : openEnrolments({ ...about, journal });
    this.#readings = new ReadingsToStore(options.gateway, log);
    const { bus, gateway } = options;
    this.#dispatch = new Dispatch({ bus, time, gateway, schedule: this.#schedule, log });
    this.#positions = new Positions(
      gateway,
      this.#dayAhead.map(({ interval }) => interval.id),
    );
    if (options.settlement !== undefined) {
      this.#settler = new Settler({
        ...{ deraId, bus, gateway, log, schedule: this.#schedule, ...options.settlement },
        ...{ meters: this.#meters, positions: this.#positions, signal: this.#stopping.signal },
        registry: () => this.#registry,
      });
    }
    this.#telemetry = new Telemetry((derId) => this.#registry.has(derId), this.#enrolments);
    this.#book = new BidBook(options.deraId, byId, priceRange(options.calendar), {
      keysOf: (derId) => this.#enrolments?.keysOf(derId),
      requireSignatures: options.requireSignatures ?? false,
    });
  }

  /**
   * Registers the portfolio, waits for its qualification and begins to take bids.
   * @throws FieldbidError when the BC-GW does not answer or the DSO never qualifies (`NOT_QUALIFIED`).
   */
  async start(): Promise<void> {
    const { bus, deraId, gateway, log, portfolio } = this.#options;
    this.#watch = new LedgerWatch(gateway, log, (event) => {
      if (event.name === 'BidModified' && event.payload.deraId === deraId) {
        this.#dispatch.onModified(String(event.payload.intervalId));
      }
    });
    this.#registry = await registerPortfolio(gateway, this.#watch, portfolio, log);
    this.#book.registry = this.#registry;
    this.#subscriptions.push(
      await bus.subscribe(topics.agents('+'), (received) => {
        const { agentId, alive } = this.#presence.take(received);
        log.info({ agentId, alive }, alive ? 'agent is up' : 'agent is gone');
      }),
      await bus.subscribe(topics.measurements('+'), (received) => {
        if (this.#telemetry.takeMeasurement(received)) this.#take(received);
      }),
      await bus.subscribe(topics.verdicts('+'), (received) => {
        this.#telemetry.takeVerdict(received);
      }),
      await bus.respond(topics.uplinkLosses(deraId), async (received) => {
        const loss = this.#telemetry.takeLoss(received);
        if (loss !== undefined) log.warn(loss, 'an agent has lost records');
        return { taken: true };
      }),
      await bus.respond(topics.bids(deraId), async ({ topic, message }) => this.#takeBid(topic, message)),
      await bus.respond(topics.clearedOffers(deraId), async ({ topic, message }) => {
        const cleared = parse(ClearedOffer, message, topic);
        this.#cleared.set(cleared.intervalId, cleared);
        return { taken: true };
      }),
    );
    if (this.#enrolments !== undefined) {
      this.#ledgerKeys = new LedgerKeys(gateway, this.#enrolments, this.#registry.values(), log);
      await this.#ledgerKeys.sync();
      const recorded = async (derId: string) => this.#ledgerKeys?.sync(derId);
      const answering = await answerEnrolments(bus, deraId, this.#enrolments, recorded, log);
      this.#subscriptions.push(...answering);
    }
    this.#subscriptions.push(...((await this.#settler?.start()) ?? []));
    this.#done = Promise.all([this.#run(), this.#settler?.run()]).then(() => {});
  }

  /** A one-time code for a DER's device. @throws InputError for a DER of somebody else. */
  issueCode(derId: string, valid_ms: number): string {
    if (this.#enrolments === undefined) throw new TypeError('codes are issued where there is a journal');
    return this.#enrolments.issueCode(derId, valid_ms);
  }

  /** Resolves when the calendar is over. */
  done(): Promise<void> {
    return this.#done;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#options.time.close();
    this.#options.settlement?.time.close();
    await this.#done;
    for (const subscription of this.#subscriptions) await subscription.close();
    await this.#readings.send();
    await this.#watch?.close();
  }

  async #run(): Promise<void> {
    const { time, log } = this.#options;
    try {
      await this.#runDayAhead();
      for (const moment of this.#schedule) {
        if (moment.gateClosure_ms < time.now()) continue; // started late: that gate is closed
        await time.requestTime(moment.gateClosure_ms);
        await this.#round(moment);
      }
    } catch (error) {
      if (codeOf(error) !== 'TIME_CLOSED') throw error;
      log.info('stopped before the end of the calendar');
    }
    time.close();
  }

  #take({ topic, message }: Received): void {
    const reading = parse(Measurement, message, topic);
    if (this.#settler !== undefined) this.#meters.take(reading);
    // Into the store: signed, and of an enrolled DER, whose key the ledger has, or is about to.
    if (reading.signature === undefined) return;
    if (this.#enrolments?.keysOf(reading.derId)?.current != null) this.#readings.take(reading);
  }

  #takeBid(topic: string, message: unknown): unknown {
    const { log, time } = this.#options;
    const { receipt, bid } = this.#book.take(message, topic, time.now());
    const fields = { intervalId: bid?.intervalId, derId: bid?.derId, correlationId: receipt.uid };
    if (receipt.accepted) log.info({ ...fields, quantity_W: bid?.quantity_W }, 'bid accepted');
    else log.warn({ ...fields, code: receipt.code, reason: receipt.reason }, 'bid refused');
    return receipt;
  }

  #contextOf(moment: Moments, confirmBy_ms: number): RoundContext {
    const { bus, deraId, gateway, log, maxSegments, time } = this.#options;
    return {
      ...{ deraId, moment, bus, gateway, time, maxSegments, confirmBy_ms, log },
      watch: this.#watch!,
      signal: this.#stopping.signal,
      cleared: () => this.#cleared.get(moment.interval.id),
      timings_ms: {},
      notes: [],
    };
  }

  /** DERs without a living agent. */
  #silent(): string[] {
    return [...this.#registry.keys()].filter((derId) => !this.#presence.isAlive(derId)).sort();
  }

  #runDayAhead(): Promise<void> {
    // Real-time rounds must not wait for a day-ahead hour.
    const realTime_ms = this.#schedule[0]?.gateClosure_ms ?? 0;
    return runDayAhead({
      hours: this.#dayAhead,
      time: this.#options.time,
      positions: this.#positions,
      contextOf: (moment) => this.#contextOf(moment, realTime_ms),
      silent: () => this.#silent(),
      closeGate: (context, silent) => closeGate(this.#book, context, silent),
      before: async () => this.#ledgerKeys?.sync(),
    });
  }

  /** A fault here costs the baseline, not the round: the interval is settled by its meters then. */
  #commitBaselines({ log, moment, notes }: RoundContext): string | undefined {
    try {
      return this.#options.settlement?.baselines?.commit(moment.interval);
    } catch (error) {
      notes.push(`no baseline is committed: ${messageOf(error)}`);
      const fields = { intervalId: moment.interval.id, code: codeOf(error) };
      log.error(fields, `no baseline is committed: ${messageOf(error)}`);
      return undefined;
    }
  }

  async #round(moment: Moments): Promise<void> {
    const { bus, log, time } = this.#options;
    const intervalId = moment.interval.id;
    const context = this.#contextOf(moment, moment.interval.start_ms);
    const silent = this.#silent();
    let book = closeGate(this.#book, context, silent);
    let result: RoundResult | undefined;
    try {
      // A key revoked or rotated meanwhile by a command.
      await this.#ledgerKeys?.sync();
      const offered = await recordAndOffer(context, book, silent, this.#commitBaselines(context));
      const { approved, segments } = offered;
      book = offered.book;
      await time.requestTime(moment.award_ms);
      result = await allocateAndConfirm(context, approved, segments);
    } catch (error) {
      if (codeOf(error) === 'TIME_CLOSED') throw error;
      context.notes.push(`fallback to zero: ${messageOf(error)}`);
      log.error(
        { intervalId, code: codeOf(error) },
        `round failed, everybody falls back to zero: ${messageOf(error)}`,
      );
      await time.requestTime(moment.award_ms);
    }
    this.#cleared.delete(intervalId);
    this.#settler?.keepRound(intervalId, result ?? 'failed');
    const from = performance.now();
    const living = [...this.#registry.keys()].filter((derId) => !silent.includes(derId));
    context.notes.push(...(await this.#dispatch.send(living, moment, result)));
    context.timings_ms.dispatch = performance.now() - from;
    void this.#readings.send();
    const notes = [...this.#telemetry.takeNotes(), ...this.#readings.takeNotes()];
    await publishReport(bus, log, intervalReport(context, book, result, notes));
  }
}
