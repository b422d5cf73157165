/**
 * One device's cycle: 1 read an image, 12 judge what was commanded, 11 write what is due, 2-3 bid when it is
 * time, publish the measurement. Everything in a cycle sees the one image that was read at its start. Whatever
 * fails is said and counted; the next cycle comes all the same. A broker or a DERA that does not answer holds no
 * device up: what is being sent is waited for until the device wants something again.
 */
import type { Bus } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { codeOf, messageOf, withDeadline } from '@fieldbid/core/errors';
import type { Measurement } from '@fieldbid/core/market/messages';
import type { DerReading, RawRead } from '../device/der-device.ts';
import { Bidder } from './bidder.ts';
import { DayAheadBidder } from './day-ahead-bidder.ts';
import type { CycleContext } from './device-setup.ts';
import { LimitControl } from './limit-control.ts';

/** A device that has not answered for so long, market ms, cannot be limited: the DERA must know. */
const SILENCE_MS = 30_000;

export class DeviceCycle {
  /** Cycles in which the device did not answer. */
  failedReads = 0;
  readonly #context: CycleContext;
  readonly #control: LimitControl;
  readonly #bidder: Bidder;
  readonly #dayAhead: DayAheadBidder;
  /** What is on its way to the broker, or to the DERA and back. */
  readonly #sending = new Set<Promise<void>>();
  #answeredAt_ms: number | undefined;
  #silentSince_ms: number | undefined;

  constructor(bus: Bus, given: Omit<CycleContext, 'send'>) {
    const context: CycleContext = { ...given, send: (work) => this.track(work(bus)) };
    this.#context = context;
    this.#control = new LimitControl(context);
    this.#bidder = new Bidder(context);
    this.#dayAhead = new DayAheadBidder(context);
  }

  /** One cycle at market time `now_ms`. Never throws for what a device or the network does. */
  async run(now_ms: number): Promise<void> {
    const granted = performance.now();
    const reading = await this.#read();
    if (reading !== undefined) this.#silentSince_ms = undefined;
    else this.#silentSince_ms ??= this.#answeredAt_ms ?? now_ms;
    if (reading !== undefined) this.#answeredAt_ms = now_ms;
    await this.#control.run(reading, now_ms, granted);
    // What could be delivered is told by the limit that holds the device back, not by what it says of it.
    const estimated = reading && { ...reading, limit: this.#control.limitInForce(reading) };
    this.#dayAhead.run(estimated, now_ms);
    this.#bidder.run(estimated, now_ms);
    if (reading !== undefined) this.#publish(reading);
  }

  /**
   * Waits for what is being sent, until market time `t_ms` at the latest. Where time stands still meanwhile, that is
   * until it is answered.
   */
  async sentUntil(t_ms: number): Promise<void> {
    const patience_ms = this.#context.time.patienceUntil(t_ms);
    if (this.#sending.size === 0 || !(patience_ms > 0)) return;
    await withDeadline(Promise.all(this.#sending), patience_ms, 'sending').catch(() => undefined);
  }

  /** Counts something as being sent. */
  track(work: Promise<void>): void {
    const { setup, log } = this.#context;
    const tracked = work
      .catch((error: unknown) => {
        log.error({ derId: setup.derId, code: codeOf(error), err: error }, `not sent: ${messageOf(error)}`);
      })
      .finally(() => this.#sending.delete(tracked));
    this.#sending.add(tracked);
  }

  /** Whether the device can be limited: it answers, or has not been silent for long, and does as it is told. */
  canBeLimited(now_ms: number): boolean {
    const answers = this.#silentSince_ms === undefined || now_ms - this.#silentSince_ms < SILENCE_MS;
    return answers && this.#control.obeys;
  }

  /**
   * When something is to be done that cannot wait for the regular cycle: an interval begins or ends, bidding
   * opens, a command can be judged, a limit is to be renewed. Market epoch ms; infinity when nothing is.
   */
  nextMoment_ms(now_ms: number): number {
    const judgement_ms = this.#control.nextJudgement_ms(now_ms) ?? Number.POSITIVE_INFINITY;
    let next_ms = Math.min(judgement_ms, this.#control.nextWrite_ms(now_ms));
    const dayAhead_ms = this.#context.dayAhead[0]?.bid_ms ?? now_ms;
    if (dayAhead_ms > now_ms) next_ms = Math.min(next_ms, dayAhead_ms);
    for (const { bid_ms, interval } of this.#context.schedule) {
      for (const moment_ms of [bid_ms, interval.start_ms, interval.end_ms]) {
        if (moment_ms > now_ms) next_ms = Math.min(next_ms, moment_ms);
      }
      if (bid_ms > next_ms) break; // the schedule is in order: all that follow are later
    }
    return next_ms;
  }

  /** Step 1. */
  async #read(): Promise<DerReading | undefined> {
    const { setup, awards, log } = this.#context;
    try {
      const reading = await setup.device.read();
      awards.rating_W = reading.rating_W ?? awards.rating_W;
      return reading;
    } catch (error) {
      this.failedReads++;
      this.#control.noteTrouble(messageOf(error));
      log.warn({ derId: setup.derId, code: codeOf(error) }, `device not read: ${messageOf(error)}`);
      return undefined;
    }
  }

  #publish(reading: DerReading): void {
    const { send, evidence, setup, log } = this.#context;
    const { derId } = setup;
    if (reading.power_W === null) {
      log.debug({ derId }, 'no measurement: the device does not say its power');
      return;
    }
    const measurement: Measurement = {
      derId,
      readAt_ms: Math.floor(reading.readAt_ms),
      power_W: reading.power_W,
      available_W: reading.available_W,
      limit_pct: reading.limit?.enabled === true ? reading.limit.pct : null,
      voltages_V: [...reading.voltages_V],
      energy_Wh: reading.energy_Wh,
      ...(evidence ? { raw: reading.raw.map(asEvidence) } : {}),
    };
    send(async (bus) => {
      try {
        await bus.publish(topics.measurements(derId), measurement);
      } catch (error) {
        log.warn({ derId, code: codeOf(error) }, `measurement not published: ${messageOf(error)}`);
      }
    });
  }
}

function asEvidence({ address, words, readAt_ms }: RawRead): NonNullable<Measurement['raw']>[number] {
  return { address, words: [...words], readAt_ms: Math.floor(readAt_ms) };
}
