/**
 * Steps 2-3, a day ahead · One bid per hour with daylight, on forecasts alone: the device's rating, a clear sky, and
 * the price known a day before. What clears is a position that is settled with money (step 13); it is never written to
 * a device.
 */
import type { Bus } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import { type Moments, priceRange } from '@fieldbid/core/market/calendar';
import { type Bid, BidReceipt } from '@fieldbid/core/market/messages';
import { signBid } from '@fieldbid/core/market/signed-bid';
import { parse } from '@fieldbid/core/schema';
import type { DerReading } from '../device/der-device.ts';
import { buildBid } from './bid.ts';
import type { CycleContext } from './device-setup.ts';

export class DayAheadBidder {
  readonly #context: CycleContext;
  /** Hours that nothing more is to be said for, by interval id. */
  readonly #settled = new Set<string>();
  /** Hours with a bid that nobody has answered yet. */
  readonly #unanswered = new Set<string>();
  #sending = false;

  constructor(context: CycleContext) {
    this.#context = context;
  }

  /** Does what is due at `now_ms`; without a reading of the rating it waits for the next cycle, until the gate closes. */
  run(reading: DerReading | undefined, now_ms: number): void {
    if (this.#sending) return;
    const open = this.#context.dayAhead.filter(
      ({ interval, bid_ms, gateClosure_ms }) =>
        bid_ms <= now_ms && now_ms < gateClosure_ms && !this.#settled.has(interval.id),
    );
    if (open.length === 0 || reading === undefined) return;
    const reason = this.#cannotBid(reading);
    if (reason !== undefined) {
      this.#context.log.info({ derId: this.#context.setup.derId, reason }, 'no day-ahead bids');
      for (const { interval } of open) this.#settled.add(interval.id);
      return;
    }
    const bids = open.flatMap((moment) => {
      const bid = this.#prepare(moment, reading, now_ms);
      if (bid === undefined) this.#settled.add(moment.interval.id);
      return bid === undefined ? [] : [{ bid, moment }];
    });
    if (bids.length > 0) this.#send(bids);
  }

  #cannotBid({ rating_W, storage }: DerReading): string | undefined {
    if (this.#context.setup.clearSky === undefined) return 'no clear-sky table';
    if (storage?.available_Wh != null) return 'what a battery will hold is not known a day ahead';
    return rating_W === null ? 'the device does not say its rating' : undefined;
  }

  #prepare(
    { interval, bid_ms, gateClosure_ms }: Moments,
    reading: DerReading,
    now_ms: number,
  ): Bid | undefined {
    const { calendar, dayAheadShare_pct, deraId, forecast, setup, log } = this.#context;
    const { derId, deviceIds, riskFactor_pct, clearSky } = setup;
    const rating_W = Math.max(0, Math.floor(reading.rating_W ?? 0));
    const available_W = Math.floor(rating_W * (clearSky?.mean(interval) ?? 0));
    const quantity_W = Math.floor((available_W * dayAheadShare_pct) / 100);
    if (quantity_W === 0) return undefined; // night
    const price = forecast.at(interval);
    if (price === undefined) {
      log.info({ derId, intervalId: interval.id, reason: 'no price forecast' }, 'no day-ahead bid');
      return undefined;
    }
    return buildBid({
      ...{ derId, deraId, deviceIds, interval, quantity_W, riskFactor_pct, bid_ms },
      forecast_uUSD_per_MWh: price,
      range: priceRange(calendar),
      state: {
        readAt_ms: Math.floor(reading.readAt_ms),
        measured_W: Math.round(reading.power_W ?? 0) + 0,
        ...{ available_W, source: 'forecast', rating_W },
        limit_pct: reading.limit?.enabled === true ? reading.limit.pct : null,
      },
      now_ms: Math.floor(now_ms),
      expiresAt_ms: gateClosure_ms + 1,
    });
  }

  /** In the order of the hours, because their numbers grow in it; what is not answered is sent again by the next cycle. */
  #send(bids: readonly { readonly bid: Bid; readonly moment: Moments }[]): void {
    this.#sending = true;
    this.#context.send(async (bus) => {
      try {
        const signer = this.#context.signer?.();
        for (const { bid, moment } of bids) {
          const signed = signer === undefined ? bid : await signBid(signer, bid);
          if (!(await this.#ask(bus, signed, moment))) break;
        }
      } finally {
        this.#sending = false;
      }
    });
  }

  /** @returns whether there was an answer. */
  async #ask(bus: Bus, bid: Bid, { gateClosure_ms }: Moments): Promise<boolean> {
    const { time, deraId, log } = this.#context;
    const { uid, derId, intervalId, quantity_W, price_uUSD_per_MWh } = bid;
    const fields = { intervalId, derId, correlationId: uid, quantity_W, price_uUSD_per_MWh };
    const topic = topics.bids(deraId);
    try {
      const receipt = parse(
        BidReceipt,
        await bus.request(topic, bid, time.patienceUntil(gateClosure_ms)),
        topic,
      );
      this.#settled.add(intervalId);
      // The first of two bids did arrive, its receipt did not: that is a bid accepted.
      const repeated = !receipt.accepted && receipt.code === 'DUPLICATE' && this.#unanswered.has(intervalId);
      if (receipt.accepted || repeated) log.info(fields, 'day-ahead bid accepted');
      else log.warn({ ...fields, code: receipt.code, reason: receipt.reason }, 'day-ahead bid refused');
      return true;
    } catch (error) {
      this.#unanswered.add(intervalId);
      log.error({ ...fields, code: codeOf(error) }, `day-ahead bid not answered: ${messageOf(error)}`);
      return false;
    }
  }
}
