/**
 * Steps 2-3 · One bid per interval, sent between its bid time and its gate closure. The bid's UID is fixed when
 * the registers are read for it, and is the correlation id of all that follows.
 */
import type { Bus } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { bidUid } from '@fieldbid/core/digest';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import { type Moments, priceRange } from '@fieldbid/core/market/calendar';
import { type Bid, BidReceipt } from '@fieldbid/core/market/messages';
import { signBid } from '@fieldbid/core/market/signed-bid';
import { parse } from '@fieldbid/core/schema';
import type { DerReading } from '../device/der-device.ts';
import { buildBid } from './bid.ts';
import type { CycleContext } from './device-setup.ts';
import { estimateQuantity, type SkyIndex } from './quantity.ts';

export class Bidder {
  readonly #context: CycleContext;
  #index: SkyIndex | undefined;
  /** Interval that is settled: a receipt has come, or there is nothing to bid. */
  #settled: string | undefined;
  /** Interval for which a bid was sent that nobody has answered yet. */
  #unanswered: string | undefined;
  /** A bid is on its way, or its receipt. */
  #sending = false;

  constructor(context: CycleContext) {
    this.#context = context;
  }

  /** Does what is due at `now_ms`; without an image it waits for the next cycle, until the gate closes. */
  run(reading: DerReading | undefined, now_ms: number): void {
    if (this.#sending) return;
    const moment = this.#context.schedule.find((m) => m.bid_ms <= now_ms && now_ms < m.gateClosure_ms);
    if (moment === undefined || reading === undefined || this.#settled === moment.interval.id) return;
    const bid = this.#prepare(moment, reading, now_ms);
    if (bid === undefined) this.#settled = moment.interval.id;
    else this.#send(bid, moment);
  }

  async #signed(bid: Bid): Promise<Bid> {
    const signer = this.#context.signer?.();
    return signer === undefined ? bid : signBid(signer, bid);
  }

  #prepare(moment: Moments, reading: DerReading, now_ms: number): Bid | undefined {
    const { calendar, deraId, forecast, setup, log } = this.#context;
    const { derId } = setup;
    const { interval, bid_ms, gateClosure_ms } = moment;
    const fields = { intervalId: interval.id, derId, correlationId: bidUid(derId, interval.id, 'energy') };
    const price = forecast.at(interval);
    const estimate = estimateQuantity(reading, interval, setup.clearSky, this.#index, setup.reserve_pct);
    this.#index = estimate?.index ?? this.#index;
    log.info({ ...fields, readAt_ms: reading.readAt_ms, state: estimate?.state }, 'registers read for a bid');
    if (price === undefined || estimate === undefined || estimate.reason !== undefined) {
      const reason =
        price === undefined
          ? 'no price forecast'
          : (estimate?.reason ?? 'the device does not say its rating');
      log.info({ ...fields, reason }, 'no bid');
      return undefined;
    }
    return buildBid({
      derId,
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
      bid_ms,
    });
  }

  #send(unsigned: Bid, moment: Moments): void {
    this.#sending = true;
    this.#context.send(async (bus) => {
      try {
        await this.#ask(bus, await this.#signed(unsigned), moment);
      } finally {
        this.#sending = false;
      }
    });
  }

  async #ask(bus: Bus, bid: Bid, moment: Moments): Promise<void> {
    const { time, deraId, log } = this.#context;
    const { uid, derId, intervalId, quantity_W, price_uUSD_per_MWh, clampedTo } = bid;
    const fields = { intervalId, derId, correlationId: uid, quantity_W, price_uUSD_per_MWh, clampedTo };
    const topic = topics.bids(deraId);
    try {
      const answer = await bus.request(topic, bid, time.patienceUntil(moment.gateClosure_ms));
      const receipt = parse(BidReceipt, answer, topic);
      this.#settled = intervalId;
      // The first of two bids did arrive, its receipt did not: that is a bid accepted.
      const repeated = !receipt.accepted && receipt.code === 'DUPLICATE' && this.#unanswered === intervalId;
      if (receipt.accepted || repeated) log.info(fields, 'bid accepted');
      else log.warn({ ...fields, code: receipt.code, reason: receipt.reason }, 'bid refused');
    } catch (error) {
      // Sent again by the next cycle while the gate is open.
      this.#unanswered = intervalId;
      log.error({ ...fields, code: codeOf(error) }, `bid not answered: ${messageOf(error)}`);
    }
  }
}
