/**
 * Step 13 · Settles every interval after its end: metered energy, positions and awards become what each DER is paid; it
 * goes onto the ledger, past the ISO, which reckons it again, and to everybody who listens. It has a clock of its own, so
 * that no market round waits for it; what could not be settled (a gateway away, a meter silent) is tried again at the
 * next interval.
 */
import type { Bus, Subscription } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { codeOf, FieldbidError, messageOf, withDeadline } from '@fieldbid/core/errors';
import type { RegistryEntry } from '@fieldbid/core/gateway-api/schemas';
import { dayAheadHourOf, type Interval } from '@fieldbid/core/interval';
import type { Logger } from '@fieldbid/core/logging';
import type { Moments } from '@fieldbid/core/market/calendar';
import { Clearing } from '@fieldbid/core/market/messages';
import type { BaselineOpening } from '@fieldbid/core/market/settlement/commitment';
import type { SettlementRules } from '@fieldbid/core/market/settlement/rules';
import { pause } from '@fieldbid/core/retry';
import { parse } from '@fieldbid/core/schema';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { Positions } from '../day-ahead/positions.ts';
import type { DeraGateway } from '../round.ts';
import type { Baselines } from './baselines.ts';
import { BUS_DEADLINE_MS, Delivery } from './delivery.ts';
import { dersOf, type RoundQuantities } from './ders-of.ts';
import type { MeteredEnergy, Meters } from './meters.ts';
import { type DerToSettle, reckon } from './reckon.ts';
import { takeStored } from './stored-readings.ts';

export interface SettlerOptions {
  readonly deraId: string;
  readonly bus: Bus;
  /** Its own. */
  readonly time: TimeSource;
  readonly gateway: Pick<
    DeraGateway,
    'readInterval' | 'readRecords' | 'readBidHistory' | 'recordSettlement' | 'readings'
  >;
  readonly schedule: readonly Moments[];
  readonly rules: SettlementRules;
  readonly meters: Meters;
  readonly positions: Positions;
  /** Of the DERs that are not settled by their meter alone. */
  readonly baselines?: Baselines;
  readonly registry: () => ReadonlyMap<string, RegistryEntry>;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Market ms after an interval's end: its last measurements have come. No whole minute, so that no round writes then. */
export const SETTLE_AFTER_MS = 75_000;
/** So long an interval waits for a meter that says nothing: what an agent kept while cut off comes late. Market ms. */
const METER_PATIENCE_MS = 3_600_000;
/** An aggregator that was started again looks back so far for intervals that nobody has settled. Market ms. */
const RECOVERED_MS = 24 * 3_600_000;
/** After the last interval: how often it is tried again, and real ms between. */
const LAST_TRIES = 3;
const LAST_PAUSE_MS = 1000;
/** Intervals that wait at most; beyond, the oldest is given up. */
const MOST_PENDING = 1000;

export class Settler {
  readonly #options: SettlerOptions;
  readonly #rounds = new Map<string, RoundQuantities>();
  readonly #prices = new Map<string, number>();
  readonly #delivery: Delivery;
  #pending: Moments[] = [];
  #marker = 0;
  #onMarker: (marker: unknown) => void = () => {};

  constructor(options: SettlerOptions) {
    this.#options = options;
    this.#delivery = new Delivery(options);
  }

  async start(): Promise<Subscription[]> {
    const { bus, deraId } = this.#options;
    return [
      await bus.subscribe(topics.clearings, ({ topic, message }) => {
        const { intervalId, price_uUSD_per_MWh } = parse(Clearing, message, topic);
        this.#prices.set(intervalId, price_uUSD_per_MWh);
      }),
      await bus.subscribe(topics.markers(deraId), ({ message }) => this.#onMarker(message)),
    ];
  }

  /** What a round came to; without it (another instance's round) the ledger is asked. */
  keepRound(intervalId: string, round: RoundQuantities): void {
    this.#rounds.set(intervalId, round);
  }

  /** Resolves after the last interval, or when the service stops. */
  async run(): Promise<void> {
    const { log, schedule, signal, time } = this.#options;
    const started_ms = time.now();
    try {
      for (const moment of schedule) {
        const { end_ms } = moment.interval;
        const due_ms = end_ms + SETTLE_AFTER_MS;
        if (due_ms < started_ms) {
          if (end_ms > started_ms - RECOVERED_MS) await this.#recover(moment);
          continue;
        }
        await time.requestTime(due_ms);
        this.#pending.push(moment);
        await this.#settlePending(moment === schedule.at(-1));
      }
      // There is no later interval to try them with: a little patience for a gateway that is coming back.
      for (let tries = 0; tries < LAST_TRIES && this.#pending.length > 0 && !signal.aborted; tries++) {
        await pause(LAST_PAUSE_MS, signal);
        await this.#settlePending(true);
      }
    } catch (error) {
      if (codeOf(error) !== 'TIME_CLOSED') throw error;
    }
    time.close();
    if (this.#pending.length === 0) return;
    log.error({ intervals: this.#pending.map(({ interval }) => interval.id) }, 'intervals were not settled');
  }

  /** Ended before this instance was there to hear its meters: settled if the readings kept at the BC-GW say it all. */
  async #recover(moment: Moments): Promise<void> {
    const { gateway, log, meters } = this.#options;
    const { interval } = moment;
    try {
      const records = await gateway.readRecords(interval.id);
      const open = records.filter(
        ({ state }) => state.status === 'dispatched' || state.status === 'not-awarded',
      );
      if (open.length === 0) return;
      const derIds = open.map(({ state }) => state.derId);
      await takeStored(gateway, derIds, interval, meters);
      if (await this.#settle(moment, 'refuse'))
        log.info({ intervalId: interval.id }, 'settled after a restart');
      else
        log.error({ intervalId: interval.id }, 'not settled: it ended before the start, and is not metered');
    } catch (error) {
      log.error({ intervalId: interval.id, code: codeOf(error) }, `not settled: ${messageOf(error)}`);
    }
  }

  /** @param last there is no later: meters that say nothing are waited for no longer. */
  async #settlePending(last: boolean): Promise<void> {
    const { log, meters } = this.#options;
    const left: Moments[] = [];
    const latest_ms = this.#pending.at(-1)?.interval.end_ms ?? 0;
    try {
      await this.#heardAll();
    } catch (error) {
      log.warn({ code: codeOf(error) }, `not settled yet, the broker is away: ${messageOf(error)}`);
      if (!last) return;
    }
    for (const moment of this.#pending) {
      const { id } = moment.interval;
      try {
        if (await this.#settle(moment, last ? 'accept' : 'wait')) this.#rounds.delete(id);
        else left.push(moment);
      } catch (error) {
        left.push(moment);
        log.error({ intervalId: id, code: codeOf(error) }, `not settled yet: ${messageOf(error)}`);
      }
    }
    const givenUp = left.splice(0, Math.max(0, left.length - MOST_PENDING));
    for (const { interval } of givenUp) log.error({ intervalId: interval.id }, 'settlement given up');
    this.#pending = left;
    // The interval that has begun meanwhile starts where the one just settled ended: its first reading is kept.
    const kept_ms = left[0]?.interval.start_ms ?? latest_ms;
    meters.forgetBefore(kept_ms - SETTLE_AFTER_MS);
  }

  /** @returns false when it is not settled for want of a meter value. */
  async #settle(moment: Moments, unmetered: 'wait' | 'accept' | 'refuse'): Promise<boolean> {
    const { deraId, gateway, log, positions, rules, time } = this.#options;
    const { interval } = moment;
    const delivery = this.#delivery;
    const from = performance.now();
    const records = await gateway.readRecords(interval.id);
    const position = await positions.at(interval.start_ms);
    const meter = (derId: string) => this.#meter(derId, interval);
    const metered = await dersOf(records, position, this.#rounds.get(interval.id), gateway, meter);
    const notes: string[] = [];
    const opening = await this.#opening(interval.id, metered, notes);
    const ders = againstBaselines(metered, opening);
    const waiting = unmetered === 'wait' && time.now() < interval.end_ms + METER_PATIENCE_MS;
    const silent = ders.filter(({ metered_Wh }) => metered_Wh === null).map(({ derId }) => derId);
    if (silent.length > 0 && (waiting || unmetered === 'refuse')) {
      log.warn({ intervalId: interval.id, silent }, 'not settled yet: not everybody is metered');
      return false;
    }
    const price = this.#prices.get(interval.id) ?? records[0]?.raw.price_uUSD_per_MWh ?? undefined;
    if (price === undefined && ders.length > 0) {
      throw new FieldbidError('PRICE_UNKNOWN', `nobody has said the real-time price of ${interval.id}`);
    }
    const dayAhead =
      position.price_uUSD_per_MWh ?? this.#prices.get(dayAheadHourOf(interval.start_ms)) ?? null;
    const reckoned = reckon(
      {
        ...{ deraId, interval, ders },
        ...{ dayAhead_uUSD_per_MWh: dayAhead, realTime_uUSD_per_MWh: price ?? 0 },
      },
      rules,
    );
    notes.push(...silent.map((derId) => `${derId} was not metered`));
    const recorded = await delivery.record(interval.id, records, reckoned.rows, notes);
    this.#keepMetered(interval, ders);
    if (price === undefined) return true;
    const took_ms = performance.now() - from;
    const opened = opening === undefined ? {} : { opening };
    const report = { ...reckoned, ...opened, recorded, iso: null, took_ms, notes };
    await delivery.publish({ ...report, iso: await delivery.ask(report, notes) });
    return true;
  }

  #meter(derId: string, interval: Interval): MeteredEnergy {
    const { meters, registry } = this.#options;
    return meters.energyOf(derId, interval, registry().get(derId)?.nameplate_W ?? 0);
  }

  /**
   * What the ledger's hash was made of. Undefined: nothing was committed before the interval (a late start), or it
   * cannot be opened any more; then meters alone count.
   */
  async #opening(
    intervalId: string,
    ders: readonly DerToSettle[],
    notes: string[],
  ): Promise<BaselineOpening | undefined> {
    const { baselines, deraId, gateway, log } = this.#options;
    if (baselines === undefined) return undefined;
    const { submissions } = await gateway.readInterval(intervalId);
    const commitment = submissions.find((one) => one.deraId === deraId)?.baselineCommitment;
    const opening = commitment === undefined ? undefined : baselines.openingOf(commitment);
    const byMeter = ders
      .map(({ derId }) => derId)
      .filter((derId) => baselines.derIds.includes(derId))
      .filter((derId) => opening?.baselines.every((one) => one.derId !== derId) ?? true);
    let why = 'it has no like day';
    if (commitment === undefined) why = 'no baseline was committed';
    else if (opening === undefined) {
      why = 'the baseline that was committed is lost';
      log.error({ intervalId, commitment }, 'the baselines that were committed are lost');
    }
    notes.push(...byMeter.map((derId) => `${derId} is settled by its meter: ${why}`));
    return opening;
  }

  /** Days to come are compared with this one. Who bid or had a position was commanded: an event. */
  #keepMetered(interval: Interval, ders: readonly DerToSettle[]): void {
    const { baselines } = this.#options;
    for (const derId of baselines?.derIds ?? []) {
      const der = ders.find((one) => one.derId === derId);
      const { metered_Wh } = der ?? this.#meter(derId, interval);
      if (metered_Wh === null) continue;
      baselines?.keepMetered(derId, interval.start_ms, {
        energy_Wh: metered_Wh,
        hadEvent: der !== undefined,
      });
    }
  }

  /** Every measurement that an agent has handed to the broker by now has been taken when it resolves. */
  async #heardAll(): Promise<void> {
    const marker = ++this.#marker;
    const arrived = new Promise<void>((resolve) => {
      this.#onMarker = (message) => {
        if (message === marker) resolve();
      };
    });
    await this.#options.bus.publish(topics.markers(this.#options.deraId), marker);
    await withDeadline(arrived, BUS_DEADLINE_MS, "the aggregator's own marker");
  }
}

function againstBaselines(
  ders: readonly DerToSettle[],
  opening: BaselineOpening | undefined,
): readonly DerToSettle[] {
  const byDer = new Map(opening?.baselines.map(({ derId, baseline_Wh }) => [derId, baseline_Wh]));
  return ders.map((der) => {
    const baseline_Wh = byDer.get(der.derId);
    return baseline_Wh === undefined ? der : { ...der, baseline_Wh };
  });
}
