/**
 * Step 9 · Uniform-price clearing of one interval (M22, decision A8). Everybody who trades does so at one
 * price; the traded quantity is the largest at which the supply curve does not lie above the demand curve.
 * Integer watts and integer µ$/MWh throughout, so the result is exact and independent of the order of offers.
 */
import { proRataParts, repeatedId } from '@fieldbid/core/market/pro-rata';

/** One step of somebody's curve: a quantity offered at `price` or better. */
export interface Step {
  /** Unique over the interval. */
  readonly id: string;
  readonly price_uUSD_per_MWh: number;
  readonly quantity_W: number;
}

/**
 * Where the price is not unique (the curves cross between two steps), it may be anything that leaves nobody
 * wanting: accepted sellers ask at most it and refused ones at least it, accepted buyers pay at least it and
 * refused ones at most it.
 * - `midpoint`: the middle of that range, half away from zero.
 * - `last-accepted-supply`: its lower end.
 * - `marginal-buyer`: its upper end.
 */
export const PRICE_CONVENTIONS = ['midpoint', 'last-accepted-supply', 'marginal-buyer'] as const;
export type PriceConvention = (typeof PRICE_CONVENTIONS)[number];

/**
 * - `CLEARED`: curves cross, price within the accepted and refused steps.
 * - `SHORTAGE`: all supply is taken and demand at the cap is left over; price is the cap.
 * - `NO_TRADE`: both sides are there, but even the cheapest supply asks more than any demand pays.
 * - `NO_DEMAND`: nothing is bought; price is what the cheapest supply asks.
 * - `NO_SUPPLY`: nothing is sold; price is what the dearest demand pays.
 * - `EMPTY`: neither side; price 0.
 */
export type ClearingOutcome = 'CLEARED' | 'SHORTAGE' | 'NO_TRADE' | 'NO_DEMAND' | 'NO_SUPPLY' | 'EMPTY';

export interface ClearingResult {
  readonly outcome: ClearingOutcome;
  readonly price_uUSD_per_MWh: number;
  readonly cleared_W: number;
  /** Lowest and highest price that would clear the same quantity; infinite where nothing bounds it. */
  readonly priceRange_uUSD_per_MWh: readonly [number, number];
  /** W accepted of each supply step, by id. */
  readonly supply_W: ReadonlyMap<string, number>;
  /** W accepted of each demand step, by id. */
  readonly demand_W: ReadonlyMap<string, number>;
}

export interface ClearingRules {
  readonly convention: PriceConvention;
  /** Inelastic demand is demand at this price, and so is demand that would pay more; no price exceeds it. */
  readonly cap_uUSD_per_MWh: number;
  /** Varies who gets the odd watt of a tie from interval to interval. */
  readonly intervalId: string;
}

/** What of one side is taken, and the prices next to the cut. */
interface Cut {
  /** W accepted of each step, by id. */
  readonly accepted_W: Map<string, number>;
  /** Price of the last step that is taken at least in part; undefined when none is. */
  readonly lastAccepted: number | undefined;
  /** Price of the first step of which something is refused; undefined when none is. */
  readonly firstRefused: number | undefined;
}

/** @throws RangeError for a step that is no integer quantity >= 0, no integer price, or a repeated id. */
export function clear(
  supply: readonly Step[],
  demand: readonly Step[],
  rules: ClearingRules,
): ClearingResult {
  const cap = rules.cap_uUSD_per_MWh;
  const sellers = checked(supply).toSorted((a, b) => a.price_uUSD_per_MWh - b.price_uUSD_per_MWh);
  const buyers = checked(demand)
    .map((step) => (step.price_uUSD_per_MWh > cap ? { ...step, price_uUSD_per_MWh: cap } : step))
    .sort((a, b) => b.price_uUSD_per_MWh - a.price_uUSD_per_MWh);
  const cleared_W = match(sellers, buyers);
  const sold = take(cleared_W, sellers, rules.intervalId);
  const bought = take(cleared_W, buyers, rules.intervalId);
  const range = priceRange(sold, bought, cap);
  const outcome = outcomeOf(sold, bought, cap);
  return {
    outcome,
    price_uUSD_per_MWh: priceOf(outcome, range, rules),
    cleared_W,
    priceRange_uUSD_per_MWh: range,
    supply_W: sold.accepted_W,
    demand_W: bought.accepted_W,
  };
}

function checked(side: readonly Step[]): readonly Step[] {
  let total_W = 0;
  for (const { id, price_uUSD_per_MWh: price, quantity_W } of side) {
    if (!Number.isSafeInteger(price) || !Number.isSafeInteger(quantity_W) || quantity_W < 0) {
      throw new RangeError(`the step ${id} (${quantity_W} W at ${price} µ$/MWh) is not in integers`);
    }
    total_W += quantity_W;
  }
  if (!Number.isSafeInteger(total_W)) throw new RangeError(`${total_W} W in all is more than is exact`);
  return side;
}

/** Takes the cheapest supply for the dearest demand until they no longer agree on a price. */
function match(sellers: readonly Step[], buyers: readonly Step[]): number {
  let cleared_W = 0;
  let s = 0;
  let b = 0;
  let offered_W = sellers[0]?.quantity_W ?? 0;
  let wanted_W = buyers[0]?.quantity_W ?? 0;
  while (s < sellers.length && b < buyers.length) {
    if (sellers[s]!.price_uUSD_per_MWh > buyers[b]!.price_uUSD_per_MWh) break;
    const traded_W = Math.min(offered_W, wanted_W);
    cleared_W += traded_W;
    offered_W -= traded_W;
    wanted_W -= traded_W;
    if (offered_W === 0) offered_W = sellers[++s]?.quantity_W ?? 0;
    if (wanted_W === 0) wanted_W = buyers[++b]?.quantity_W ?? 0;
  }
  return cleared_W;
}

/**
 * Cuts a sorted side after `cleared_W`. Steps of one price are treated alike: where the cut goes through them,
 * they share pro rata. Only there is anything hashed.
 * @throws RangeError when two steps have one id.
 */
function take(cleared_W: number, side: readonly Step[], intervalId: string): Cut {
  const accepted_W = new Map<string, number>();
  let lastAccepted: number | undefined;
  let firstRefused: number | undefined;
  let left_W = cleared_W;
  for (let from = 0, to = 0; from < side.length; from = to) {
    const price = side[from]!.price_uUSD_per_MWh;
    let level_W = 0;
    for (; side[to]?.price_uUSD_per_MWh === price; to++) level_W += side[to]!.quantity_W;
    const taken_W = Math.min(level_W, left_W);
    left_W -= taken_W;
    if (taken_W > 0) lastAccepted = price;
    if (taken_W < level_W) firstRefused ??= price;
    const isCut = taken_W > 0 && taken_W < level_W;
    const parts_W = isCut ? proRataParts(taken_W, side.slice(from, to), intervalId) : undefined;
    for (let i = from; i < to; i++) {
      const { id, quantity_W } = side[i]!;
      accepted_W.set(id, parts_W?.[i - from] ?? (taken_W > 0 ? quantity_W : 0));
    }
  }
  if (accepted_W.size < side.length) throw new RangeError(`two steps are called ${repeatedId(side)}`);
  return { accepted_W, lastAccepted, firstRefused };
}

/** A level that the cut goes through is both accepted and refused: then the price is unique. */
function priceRange(sold: Cut, bought: Cut, cap: number): [number, number] {
  const none = Number.POSITIVE_INFINITY;
  return [
    Math.max(sold.lastAccepted ?? -none, bought.firstRefused ?? -none),
    Math.min(sold.firstRefused ?? none, bought.lastAccepted ?? none, cap),
  ];
}

/** Of a side with nothing to trade, nothing is accepted and nothing refused. */
function outcomeOf(sold: Cut, bought: Cut, cap: number): ClearingOutcome {
  if (sold.lastAccepted !== undefined) return bought.firstRefused === cap ? 'SHORTAGE' : 'CLEARED';
  if (bought.firstRefused === undefined) return sold.firstRefused === undefined ? 'EMPTY' : 'NO_DEMAND';
  return sold.firstRefused === undefined ? 'NO_SUPPLY' : 'NO_TRADE';
}

function priceOf(outcome: ClearingOutcome, [low, high]: [number, number], rules: ClearingRules): number {
  switch (outcome) {
    case 'EMPTY':
      return 0;
    case 'NO_DEMAND':
      return high;
    case 'NO_SUPPLY':
      return low;
    default:
      // Both ends are there: with a trade from those who trade, without one from those who do not.
      if (rules.convention === 'last-accepted-supply') return low;
      if (rules.convention === 'marginal-buyer') return high;
      return midpoint(low, high);
  }
}

/** Half away from zero; in BigInt, because a sum of two prices may not be exact. */
function midpoint(low: number, high: number): number {
  const sum = BigInt(low) + BigInt(high);
  const half = sum / 2n; // towards zero
  return Number(sum % 2n === 0n ? half : half + (sum > 0n ? 1n : -1n));
}
