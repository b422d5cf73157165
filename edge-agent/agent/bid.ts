/**
 * Step 2 · The price of a bid: P_bid = P_forecast · (1 + RF/100), eq. 1 of the paper (M14, M15; decisions A1
 * and A2), and the bid itself.
 */
import { bidUid } from '@fieldbid/core/digest';
import { type Interval, MINUTE_MS } from '@fieldbid/core/interval';
import { type Bid, type MeasuredState, productOf } from '@fieldbid/core/market/messages';
import { roundHalfAway } from '@fieldbid/core/market/money';

export interface PriceRange {
  /** µ$/MWh. */
  readonly floor: number;
  /** µ$/MWh; also the upper end of every bid. */
  readonly cap: number;
}

export interface BidPrice {
  readonly price_uUSD_per_MWh: number;
  /** Whether eq. 1 left the market's range and was held at its end. */
  readonly clampedTo: Bid['clampedTo'];
}

/** A higher RF on a negative forecast lowers the price: the rule is kept as it stands (decision A2). */
export function bidPrice(forecast_uUSD_per_MWh: number, riskFactor_pct: number, range: PriceRange): BidPrice {
  const price = roundHalfAway(forecast_uUSD_per_MWh * (1 + riskFactor_pct / 100));
  if (price < range.floor) return { price_uUSD_per_MWh: range.floor, clampedTo: 'floor' };
  if (price > range.cap) return { price_uUSD_per_MWh: range.cap, clampedTo: 'cap' };
  return { price_uUSD_per_MWh: price, clampedTo: 'none' };
}

export interface BidInputs {
  readonly derId: string;
  readonly deraId: string;
  readonly deviceIds: readonly string[];
  readonly interval: Interval;
  readonly quantity_W: number;
  readonly forecast_uUSD_per_MWh: number;
  readonly riskFactor_pct: number;
  readonly range: PriceRange;
  readonly state: MeasuredState;
  /** Market time, epoch ms. */
  readonly now_ms: number;
  /** After this the bid is worth nothing: the gate closure. */
  readonly expiresAt_ms: number;
  /** When bidding for the interval began, epoch ms: repetitions are numbered by the seconds since then. */
  readonly bid_ms: number;
}

/** Numbers per interval; a repetition takes a later one, and the next interval starts above them all. */
const NUMBERS_PER_INTERVAL = 1000;

export function buildBid(inputs: BidInputs): Bid {
  const { interval, range } = inputs;
  const { price_uUSD_per_MWh, clampedTo } = bidPrice(
    inputs.forecast_uUSD_per_MWh,
    inputs.riskFactor_pct,
    range,
  );
  const product = productOf(interval.id);
  return {
    uid: bidUid(inputs.derId, interval.id, product),
    derId: inputs.derId,
    deraId: inputs.deraId,
    deviceIds: [...inputs.deviceIds],
    intervalId: interval.id,
    product,
    sequence: bidSequence(interval, inputs.bid_ms, inputs.now_ms),
    quantity_W: inputs.quantity_W,
    price_uUSD_per_MWh,
    cap_uUSD_per_MWh: range.cap,
    forecast_uUSD_per_MWh: inputs.forecast_uUSD_per_MWh,
    riskFactor_pct: inputs.riskFactor_pct,
    clampedTo,
    state: inputs.state,
    submittedAt_ms: inputs.now_ms,
    expiresAt_ms: inputs.expiresAt_ms,
  };
}

/** From interval and time alone, so that it grows across restarts without anything being stored. */
export function bidSequence(interval: Interval, bid_ms: number, now_ms: number): number {
  const seconds = Math.max(0, Math.floor((now_ms - bid_ms) / 1000));
  return (interval.start_ms / MINUTE_MS) * NUMBERS_PER_INTERVAL + Math.min(NUMBERS_PER_INTERVAL - 1, seconds);
}
