/**
 * Steps 8-9 · The ISO: takes offers until the clearing time, clears every interval at one price, sends each
 * DERA what cleared of its offer and publishes price and curves.
 */
import type { Bus, Subscription } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { codeOf, InputError, messageOf } from '@fieldbid/core/errors';
import { dayAheadHourOf, intervalOf } from '@fieldbid/core/interval';
import type { Logger } from '@fieldbid/core/logging';
import {
  type Calendar,
  dayAheadMoments,
  type Moments,
  moments,
  priceRange,
} from '@fieldbid/core/market/calendar';
import {
  type ClearedOffer,
  type Clearing,
  Id,
  Offer,
  type OfferReceipt,
} from '@fieldbid/core/market/messages';
import { type SettlementAnswer, SettlementReport } from '@fieldbid/core/market/settlement/report';
import { matches, parse } from '@fieldbid/core/schema';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import { type ClearingResult, clear, type PriceConvention, type Step } from './clearing/clear.ts';
import type { MarketData } from './market-data.ts';
import { type ClearedBook, checkSettlement } from './settlement-check.ts';

export interface OfferRules {
  /** Aggregators that may offer. */
  readonly participants: readonly string[];
  /** At most so many price-quantity segments per offer. */
  readonly maxSegments: number;
  /** Smallest offer taken, W (FERC Order 2222 allows at most 100 kW as the minimum). */
  readonly minimumOffer_W: number;
  readonly convention: PriceConvention;
}

export interface IsoOptions {
  readonly bus: Bus;
  readonly time: TimeSource;
  readonly calendar: Calendar;
  readonly rules: OfferRules;
  readonly marketData: MarketData;
  readonly log: Logger;
}

/** Market ms after the last interval's end: so long settlements are checked. */
const SETTLEMENTS_UNTIL_MS = 120_000;

export class IsoService {
  readonly #options: IsoOptions;
  readonly #schedule: Map<string, Moments>;
  /** Offers of intervals that are not cleared yet: interval → DERA → offer. */
  readonly #offers = new Map<string, Map<string, Offer>>();
  /** What every interval that is cleared came to. */
  readonly #cleared = new Map<string, ClearedBook>();
  readonly #subscriptions: Subscription[] = [];
  #done: Promise<void> = Promise.resolve();

  constructor(options: IsoOptions) {
    this.#options = options;
    const all = [...dayAheadMoments(options.calendar), ...moments(options.calendar)];
    this.#schedule = new Map(all.map((m) => [m.interval.id, m]));
  }

  /** Subscribed, and clearing by the calendar from here on. */
  async start(): Promise<void> {
    const { bus } = this.#options;
    this.#subscriptions.push(
      await bus.respond(topics.offers, async ({ topic, message }) => this.#takeOffer(topic, message)),
      await bus.respond(topics.settlementChecks, async ({ topic, message }) =>
        this.#checkSettlement(topic, message),
      ),
    );
    this.#done = this.#run();
  }

  /** Resolves when the calendar is over. */
  done(): Promise<void> {
    return this.#done;
  }

  async stop(): Promise<void> {
    this.#options.time.close();
    await this.#done;
    for (const subscription of this.#subscriptions) await subscription.close();
  }

  async #run(): Promise<void> {
    const { time, log } = this.#options;
    const started_ms = time.now();
    try {
      for (const moment of this.#schedule.values()) {
        // Started late: that round is over. Day-ahead hours are cleared one after the other, all at one time.
        if (moment.clearing_ms < started_ms) continue;
        await time.requestTime(moment.clearing_ms);
        await this.#clearSafely(moment);
      }
      // DERAs settle the last interval after its end, and ask then.
      const end_ms = [...this.#schedule.values()].at(-1)?.interval.end_ms ?? started_ms;
      await time.requestTime(end_ms + SETTLEMENTS_UNTIL_MS);
    } catch (error) {
      if (codeOf(error) !== 'TIME_CLOSED') throw error;
      log.debug('stopped before the end of the calendar');
    }
    time.close();
  }

  async #clearSafely(moment: Moments): Promise<void> {
    try {
      await this.#clearInterval(moment);
    } catch (error) {
      const { log } = this.#options;
      log.error({ intervalId: moment.interval.id, code: codeOf(error) }, `not cleared: ${messageOf(error)}`);
    }
  }

  #checkSettlement(source: string, message: unknown): SettlementAnswer {
    const { calendar, log } = this.#options;
    const report = parse(SettlementReport, message, source);
    const { intervalId, deraId } = report;
    const hour = dayAheadHourOf(intervalOf(intervalId, calendar.interval_min).start_ms);
    const answer = checkSettlement(report, this.#cleared.get(intervalId), this.#cleared.get(hour));
    const { agreed, differences } = answer;
    if (agreed) log.info({ intervalId, deraId }, 'settlement agreed');
    else log.error({ intervalId, deraId, differences }, 'the settlement is not what was cleared');
    return answer;
  }

  #takeOffer(source: string, message: unknown): OfferReceipt {
    const { log, time, rules } = this.#options;
    let offer: Offer;
    try {
      offer = parse(Offer, message, source);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      log.warn({ reason: error.message }, 'offer refused: malformed');
      return { offerId: offerIdOf(message), accepted: false, reason: error.message };
    }
    const reason =
      offerFault(offer, rules, priceRange(this.#options.calendar)) ?? this.#untimely(offer, time.now());
    log.info(
      { intervalId: offer.intervalId, deraId: offer.deraId, reason },
      reason ? 'offer refused' : 'offer taken',
    );
    if (reason !== undefined) return { offerId: offer.offerId, accepted: false, reason };
    const offers = this.#offers.get(offer.intervalId) ?? new Map<string, Offer>();
    offers.set(offer.deraId, offer);
    this.#offers.set(offer.intervalId, offers);
    return { offerId: offer.offerId, accepted: true };
  }

  #untimely(offer: Offer, now_ms: number): string | undefined {
    const moment = this.#schedule.get(offer.intervalId);
    if (moment === undefined) return `${offer.intervalId} is no interval of this market`;
    const closed = now_ms > moment.clearing_ms || this.#cleared.has(offer.intervalId);
    return closed ? `${offer.intervalId} has been cleared` : undefined;
  }

  async #clearInterval({ interval, award_ms }: Moments): Promise<void> {
    const { bus, time, rules, marketData, calendar, log } = this.#options;
    const offers = this.#offers.get(interval.id) ?? new Map<string, Offer>();
    this.#offers.delete(interval.id);
    const supply = [...marketData.supply(interval), ...[...offers.values()].flatMap(offerSteps)];
    const demand = marketData.demand(interval);
    const result = clear(supply, demand, {
      convention: rules.convention,
      cap_uUSD_per_MWh: priceRange(calendar).cap,
      intervalId: interval.id,
    });
    log.info(
      {
        intervalId: interval.id,
        outcome: result.outcome,
        price_uUSD_per_MWh: result.price_uUSD_per_MWh,
        cleared_W: result.cleared_W,
        offers: offers.size,
      },
      'interval cleared',
    );
    const patience_ms = time.patienceUntil(award_ms);
    const parts = [...offers.values()].map((offer) => clearedOffer(offer, result));
    this.#cleared.set(interval.id, {
      price_uUSD_per_MWh: result.price_uUSD_per_MWh,
      cleared_W: new Map(parts.map(({ deraId, cleared_W }) => [deraId, cleared_W])),
    });
    const deliveries = parts.map(async (cleared) => {
      try {
        await bus.request(topics.clearedOffers(cleared.deraId), cleared, patience_ms);
      } catch (error) {
        // The DERA falls back to no award when it hears nothing; clearing stands.
        const { deraId } = cleared;
        log.error({ intervalId: interval.id, deraId, code: codeOf(error) }, messageOf(error));
      }
    });
    await Promise.all(deliveries);
    await bus.publish(topics.clearings, publication(interval.id, rules.convention, supply, demand, result));
  }
}

/** Why an offer is not taken, whatever the time; undefined when it is fine. */
export function offerFault(
  offer: Offer,
  rules: OfferRules,
  range: { floor: number; cap: number },
): string | undefined {
  if (!rules.participants.includes(offer.deraId)) return `${offer.deraId} is no participant of this market`;
  if (offer.segments.length > rules.maxSegments) {
    return `${offer.segments.length} segments, at most ${rules.maxSegments} are taken`;
  }
  let last = Number.NEGATIVE_INFINITY;
  let total_W = 0;
  for (const { price_uUSD_per_MWh: price, quantity_W } of offer.segments) {
    if (price < last) return 'the prices of the segments must not decrease';
    if (price < range.floor || price > range.cap) {
      return `a price of ${price} µ$/MWh is outside ${range.floor} ... ${range.cap}`;
    }
    last = price;
    total_W += quantity_W;
  }
  if (total_W < rules.minimumOffer_W)
    return `${total_W} W is below the minimum offer of ${rules.minimumOffer_W} W`;
  return undefined;
}

function offerIdOf(message: unknown): string {
  const id =
    typeof message === 'object' && message !== null && 'offerId' in message ? message.offerId : undefined;
  return matches(Id, id) ? id : 'unknown';
}

function offerSteps(offer: Offer): Step[] {
  return offer.segments.map((segment, i) => ({ id: segmentId(offer, i), ...segment }));
}

function segmentId(offer: Offer, i: number): string {
  return `${offer.deraId}#${i}`;
}

function clearedOffer(offer: Offer, result: ClearingResult): ClearedOffer {
  const segments_W = offer.segments.map((_, i) => result.supply_W.get(segmentId(offer, i)) ?? 0);
  return {
    offerId: offer.offerId,
    deraId: offer.deraId,
    intervalId: offer.intervalId,
    price_uUSD_per_MWh: result.price_uUSD_per_MWh,
    cleared_W: segments_W.reduce((sum, part) => sum + part, 0),
    segments_W,
  };
}

function publication(
  intervalId: string,
  convention: string,
  supply: Step[],
  demand: Step[],
  result: ClearingResult,
): Clearing {
  const curve = (steps: Step[], order: (a: Step, b: Step) => number) =>
    [...steps].sort(order).map(({ id, price_uUSD_per_MWh, quantity_W }) => ({
      party: id.replace(/#\d+$/, ''),
      price_uUSD_per_MWh,
      quantity_W,
    }));
  const byId = (a: Step, b: Step) => (a.id < b.id ? -1 : 1);
  return {
    intervalId,
    price_uUSD_per_MWh: result.price_uUSD_per_MWh,
    cleared_W: result.cleared_W,
    convention,
    outcome: result.outcome,
    supply: curve(supply, (a, b) => a.price_uUSD_per_MWh - b.price_uUSD_per_MWh || byId(a, b)),
    demand: curve(demand, (a, b) => b.price_uUSD_per_MWh - a.price_uUSD_per_MWh || byId(a, b)),
  };
}
