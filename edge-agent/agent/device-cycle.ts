/**
 * One device's cycle: 1 read an image, 12 judge what was commanded, 11 write what is due, 2-3 bid when it is
 * time, publish the measurement. Everything in a cycle sees the one image that was read at its start. Whatever
 * fails is said and counted; the next cycle comes all the same.
 */
import type { Bus } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { bidUid } from '@fieldbid/core/digest';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import { type Calendar, type Moments, moments, priceRange } from '@fieldbid/core/market/calendar';
import {
  type Award,
  BidReceipt,
  type CommandVerdict,
  type Measurement,
} from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { DerDevice, DerReading } from '../device/der-device.ts';
import type { AwardBook } from './awards.ts';
import { buildBid } from './bid.ts';
import type { ClearSky } from './clear-sky.ts';
import type { PriceForecast } from './price-forecast.ts';
import { estimateQuantity, type SkyIndex } from './quantity.ts';
import { type Command, decide, newCommand, type VerdictRules } from './verdict.ts';

export interface DeviceSetup {
  readonly derId: string;
  readonly deviceIds: readonly string[];
  readonly device: DerDevice;
  readonly riskFactor_pct: number;
  /** Shape of a clear day; without it present power is carried forward. */
  readonly clearSky?: ClearSky;
  readonly rules: VerdictRules;
  /** Seconds after which the device drops a limit that nobody renews. */
  readonly revert_s: number;
  /**
   * Inside the market's hours without an award: `zero` (nobody has approved anything) or `default` (run as
   * outside the market's hours).
   */
  readonly withoutAward: 'zero' | 'default';
  /** Outside the market's hours: a limit, W, or null for none. */
  readonly defaultLimit_W: number | null;
}

export interface CycleContext {
  readonly setup: DeviceSetup;
  readonly deraId: string;
  readonly bus: Bus;
  readonly time: TimeSource;
  readonly calendar: Calendar;
  readonly forecast: PriceForecast;
  readonly awards: AwardBook;
  readonly log: Logger;
}

/** What the device has been told: to follow an award, or to run by its default. */
type Told = { readonly kind: 'award'; readonly award: Award } | { readonly kind: 'default' } | undefined;

export class DeviceCycle {
  /** Cycles in which the device did not answer. */
  failedReads = 0;
  readonly #context: CycleContext;
  readonly #schedule: readonly Moments[];
  readonly #bids = new Map<string, number>();
  #index: SkyIndex | undefined;
  #told: Told;
  #command: Command | undefined;
  #writtenAt_ms = Number.NEGATIVE_INFINITY;

  constructor(context: CycleContext) {
    this.#context = context;
    this.#schedule = moments(context.calendar);
  }

  /** One cycle at market time `now_ms`. Never throws for what a device or the network does. */
  async run(now_ms: number): Promise<void> {
    const granted = performance.now();
    const reading = await this.#read();
    await this.#judge(reading, now_ms);
    await this.#control(now_ms, granted);
    await this.#bid(reading, now_ms);
    if (reading !== undefined)
      await this.#publish(topics.measurements(this.#derId), measurement(this.#derId, reading));
  }

  get #derId(): string {
    return this.#context.setup.derId;
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
      if (this.#command !== undefined) this.#command.trouble = messageOf(error);
      log.warn({ derId: this.#derId, code: codeOf(error) }, `device not read: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** Step 12. */
  async #judge(reading: DerReading | undefined, now_ms: number): Promise<void> {
    if (this.#command === undefined) return;
    const verdict = decide(this.#command, reading, now_ms, this.#context.setup.rules);
    if (verdict === undefined) return;
    this.#command = undefined;
    await this.#announce(verdict);
  }

  async #announce(verdict: CommandVerdict): Promise<void> {
    const { intervalId, derId, correlationId, reason } = verdict;
    const fields = { intervalId, derId, correlationId, verdict: verdict.verdict, reason };
    if (verdict.verdict === 'verified') this.#context.log.info(fields, 'command verified');
    else this.#context.log.warn(fields, `command ${verdict.verdict}`);
    await this.#publish(topics.verdicts(derId), verdict);
  }

  /** Step 11: the award in force is written once, renewed at half its revert time, and ended when it is over. */
  async #control(now_ms: number, granted: number): Promise<void> {
    const { setup } = this.#context;
    const wanted = this.#wanted(now_ms);
    const same = this.#told !== undefined && key(wanted) === key(this.#told);
    const rearm_ms = (setup.revert_s * 1000) / 2;
    if (same && this.#command?.result === undefined && this.#command !== undefined) {
      await this.#write(wanted, now_ms, granted); // the first attempts failed
    } else if (!same) {
      if (this.#command !== undefined) await this.#supersede(now_ms);
      this.#told = wanted;
      if (wanted?.kind === 'award') {
        const correlationId = wanted.award.bidUid ?? bidUid(this.#derId, wanted.award.intervalId, 'energy');
        this.#command = newCommand(wanted.award, correlationId, now_ms);
      }
      await this.#write(wanted, now_ms, granted);
    } else if (
      wanted !== undefined &&
      this.#limitOf(wanted) !== null &&
      now_ms - this.#writtenAt_ms >= rearm_ms
    ) {
      await this.#write(wanted, now_ms, granted);
    }
  }

  /** A command that a new one replaces before it was judged: its deadline is now. */
  async #supersede(now_ms: number): Promise<void> {
    const command = this.#command;
    this.#command = undefined;
    if (command === undefined) return;
    const verdict = decide(
      command,
      undefined,
      command.since_ms + this.#context.setup.rules.deadline_ms,
      this.#context.setup.rules,
    );
    if (verdict !== undefined) await this.#announce({ ...verdict, decidedAt_ms: Math.floor(now_ms) });
  }

  #wanted(now_ms: number): Told {
    const { setup, awards } = this.#context;
    const award = awards.at(now_ms);
    if (award !== undefined) return { kind: 'award', award };
    const moment = this.#schedule.find(
      ({ interval }) => interval.start_ms <= now_ms && now_ms < interval.end_ms,
    );
    if (moment === undefined || setup.withoutAward === 'default') {
      // A device that was never told anything is left as it was found.
      return this.#told === undefined && setup.defaultLimit_W === null ? undefined : { kind: 'default' };
    }
    const { interval } = moment;
    return {
      kind: 'award',
      award: {
        derId: this.#derId,
        intervalId: interval.id,
        start_ms: interval.start_ms,
        end_ms: interval.end_ms,
        bidUid: null,
        allocation_W: 0,
        price_uUSD_per_MWh: 0,
        reason: 'FALLBACK',
      },
    };
  }

  #limitOf(told: NonNullable<Told>): number | null {
    return told.kind === 'award' ? told.award.allocation_W : this.#context.setup.defaultLimit_W;
  }

  async #write(wanted: Told, now_ms: number, granted: number): Promise<void> {
    if (wanted === undefined) return;
    const { setup, log } = this.#context;
    const command = wanted.kind === 'award' ? this.#command : undefined;
    const fields = {
      derId: this.#derId,
      ...(wanted.kind === 'award' ? { intervalId: wanted.award.intervalId } : {}),
      ...(command === undefined ? {} : { correlationId: command.correlationId }),
    };
    const limit_W = this.#limitOf(wanted);
    try {
      if (limit_W === null) {
        const released = await setup.device.release();
        log.info({ ...fields, released }, 'limit released: the device runs by its default');
        return;
      }
      const result = await setup.device.applyLimit({ limit_W, revert_s: setup.revert_s });
      this.#writtenAt_ms = now_ms;
      if (command !== undefined && command.result === undefined) {
        command.result = result;
        command.writtenAt_ms = now_ms;
        command.write_ms = performance.now() - granted;
      }
      log.info({ ...fields, limit_W, result }, 'limit written');
    } catch (error) {
      if (command !== undefined) command.trouble = messageOf(error);
      log.error({ ...fields, limit_W, code: codeOf(error) }, `limit not written: ${messageOf(error)}`);
    }
  }

  /** Steps 2-3: one bid per interval, between its bid time and its gate closure. */
  async #bid(reading: DerReading | undefined, now_ms: number): Promise<void> {
    const { calendar, deraId, forecast, setup, time, bus, log } = this.#context;
    const moment = this.#schedule.find((m) => m.bid_ms <= now_ms && now_ms < m.gateClosure_ms);
    if (moment === undefined || this.#bids.has(moment.interval.id)) return;
    const { interval, gateClosure_ms } = moment;
    const correlationId = bidUid(this.#derId, interval.id, 'energy');
    const fields = { intervalId: interval.id, derId: this.#derId, correlationId };
    // Without an image there is still time to try again until the gate closes.
    if (reading === undefined) return;
    this.#bids.set(interval.id, 0);
    const price = forecast.at(interval);
    const estimate = estimateQuantity(reading, interval, setup.clearSky, this.#index);
    this.#index = estimate?.index ?? this.#index;
    log.debug(
      { ...fields, readAt_ms: reading.readAt_ms, state: estimate?.state },
      'registers read for a bid',
    );
    const noBid =
      price === undefined
        ? 'no price forecast'
        : estimate === undefined
          ? 'the device does not say its rating'
          : estimate.reason;
    if (price === undefined || estimate === undefined || noBid !== undefined) {
      log.info({ ...fields, reason: noBid }, 'no bid');
      return;
    }
    const bid = buildBid({
      derId: this.#derId,
      deraId,
      deviceIds: setup.deviceIds,
      interval,
      quantity_W: estimate.quantity_W,
      forecast_uUSD_per_MWh: price,
      riskFactor_pct: setup.riskFactor_pct,
      range: priceRange(calendar),
      state: { ...estimate.state, readAt_ms: Math.floor(estimate.state.readAt_ms) },
      now_ms: Math.floor(now_ms),
      expiresAt_ms: gateClosure_ms + 1,
      attempt: 0,
    });
    try {
      const answer = await bus.request(topics.bids(deraId), bid, time.patienceUntil(gateClosure_ms));
      const receipt = parse(BidReceipt, answer, topics.bids(deraId));
      if (receipt.accepted)
        log.info(
          { ...fields, quantity_W: bid.quantity_W, price_uUSD_per_MWh: bid.price_uUSD_per_MWh },
          'bid accepted',
        );
      else log.warn({ ...fields, code: receipt.code, reason: receipt.reason }, 'bid refused');
    } catch (error) {
      log.error({ ...fields, code: codeOf(error) }, `bid not answered: ${messageOf(error)}`);
    }
  }

  async #publish(topic: string, message: unknown): Promise<void> {
    try {
      await this.#context.bus.publish(topic, message);
    } catch (error) {
      this.#context.log.warn(
        { derId: this.#derId, topic, code: codeOf(error) },
        `not published: ${messageOf(error)}`,
      );
    }
  }
}

function key(told: Told): string {
  if (told === undefined) return '';
  return told.kind === 'default' ? 'default' : `${told.award.intervalId} ${told.award.allocation_W}`;
}

function measurement(derId: string, reading: DerReading): Measurement {
  return {
    derId,
    readAt_ms: Math.floor(reading.readAt_ms),
    power_W: reading.power_W ?? 0,
    available_W: reading.available_W,
    limit_pct: reading.limit?.enabled === true ? reading.limit.pct : null,
    voltages_V: [...reading.voltages_V],
    energy_Wh: reading.energy_Wh,
  };
}
