/**
 * Step 9 · Uniform-price clearing of one interval (M22, decision A8). Everybody who trades does so at one
 * price; the traded quantity is the largest at which the supply curve does not lie above the demand curve.
 * Integer watts and integer µ$/MWh throughout, so the result is exact and independent of the order of offers.
 */
import { splitProRata } from '@fieldbid/core/market/pro-rata';

/** One step of somebody's curve: a quantity offered at `price` or better. */
export interface Step {
  /** Unique over the interval. */
  readonly id: string;
  readonly price_uUSD_per_MWh: number;
  readonly quantity_W: number;
}

/**
 * Where the price is not unique (the curves cross between two steps), it may be anything between the last
 * accepted supply and the first refused one, on the supply side, and likewise on the demand side.
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
  /** Lowest and highest price that would clear the same quantity. */
  readonly priceRange_uUSD_per_MWh: readonly [number, number];
  /** W accepted of each supply step, by id. */
  readonly supply_W: ReadonlyMap<string, number>;
  /** W accepted of each demand step, by id. */
  readonly demand_W: ReadonlyMap<string, number>;
}

export interface ClearingRules {
  readonly convention: PriceConvention;
  /** Inelastic demand is demand at this price; no price exceeds it. */
  readonly cap_uUSD_per_MWh: number;
  /** Varies who gets the odd watt of a tie from interval to interval. */
  readonly intervalId: string;
}

/** Steps of one price, which are treated alike. */
interface Level {
  readonly price: number;
  readonly quantity_W: number;
  readonly steps: Step[];
  accepted_W: number;
}

/** @throws RangeError for a step that is no integer quantity >= 0, no integer price, or a repeated id. */
export function clear(
  supply: readonly Step[],
  demand: readonly Step[],
  rules: ClearingRules,
): ClearingResult {
  const sellers = levels(supply, (a, b) => a - b);
  const buyers = levels(demand, (a, b) => b - a);
  const cleared_W = match(sellers, buyers);
  const range = priceRange(sellers, buyers);
  const outcome = outcomeOf(sellers, buyers, cleared_W, rules);
  return {
    outcome,
    price_uUSD_per_MWh: priceOf(outcome, range, rules),
    cleared_W,
    priceRange_uUSD_per_MWh: range,
    supply_W: accepted(sellers, rules.intervalId),
    demand_W: accepted(buyers, rules.intervalId),
  };
}

function levels(steps: readonly Step[], order: (a: number, b: number) => number): Level[] {
  const byPrice = new Map<number, Step[]>();
  const ids = new Set<string>();
  for (const step of steps) {
    const { id, price_uUSD_per_MWh: price, quantity_W } = step;
    if (!Number.isSafeInteger(price) || !Number.isSafeInteger(quantity_W) || quantity_W < 0) {
      throw new RangeError(`the step ${id} (${quantity_W} W at ${price} µ$/MWh) is not in integers`);
    }
    if (ids.has(id)) throw new RangeError(`two steps are called ${id}`);
    ids.add(id);
    const level = byPrice.get(price);
    if (level === undefined) byPrice.set(price, [step]);
    else level.push(step);
  }
  return [...byPrice]
    .map(([price, members]) => ({
      price,
      steps: members,
      quantity_W: members.reduce((sum, step) => sum + step.quantity_W, 0),
      accepted_W: 0,
    }))
    .sort((a, b) => order(a.price, b.price));
}

/** Takes the cheapest supply for the dearest demand until they no longer agree on a price. */
function match(sellers: Level[], buyers: Level[]): number {
  let cleared_W = 0;
  let s = 0;
  let b = 0;
  for (;;) {
    const seller = sellers[s];
    const buyer = buyers[b];
    if (seller === undefined || buyer === undefined || seller.price > buyer.price) return cleared_W;
    const traded_W = Math.min(seller.quantity_W - seller.accepted_W, buyer.quantity_W - buyer.accepted_W);
    seller.accepted_W += traded_W;
    buyer.accepted_W += traded_W;
    cleared_W += traded_W;
    if (seller.accepted_W === seller.quantity_W) s++;
    if (buyer.accepted_W === buyer.quantity_W) b++;
  }
}

/**
 * Every price in the range leaves nobody wanting: accepted sellers ask at most it, refused ones at least it;
 * accepted buyers pay at least it, refused ones at most it. A partly accepted level is both.
 */
function priceRange(sellers: readonly Level[], buyers: readonly Level[]): [number, number] {
  let low = Number.NEGATIVE_INFINITY;
  let high = Number.POSITIVE_INFINITY;
  for (const { price, accepted_W, quantity_W } of sellers) {
    if (accepted_W > 0) low = Math.max(low, price);
    if (accepted_W < quantity_W) high = Math.min(high, price);
  }
  for (const { price, accepted_W, quantity_W } of buyers) {
    if (accepted_W > 0) high = Math.min(high, price);
    if (accepted_W < quantity_W) low = Math.max(low, price);
  }
  return [low, high];
}

function outcomeOf(
  sellers: Level[],
  buyers: Level[],
  cleared_W: number,
  rules: ClearingRules,
): ClearingOutcome {
  const wants = (side: Level[]): boolean => side.some((level) => level.quantity_W > 0);
  const unserved = buyers.some(
    ({ price, accepted_W, quantity_W }) => price >= rules.cap_uUSD_per_MWh && accepted_W < quantity_W,
  );
  if (cleared_W > 0) return unserved ? 'SHORTAGE' : 'CLEARED';
  if (!wants(sellers) && !wants(buyers)) return 'EMPTY';
  if (!wants(buyers)) return 'NO_DEMAND';
  return wants(sellers) ? 'NO_TRADE' : 'NO_SUPPLY';
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
      // All supply taken and no demand refused (or the reverse) leaves one end open: the other end holds.
      if (!Number.isFinite(low)) return high;
      if (!Number.isFinite(high)) return low;
      if (rules.convention === 'last-accepted-supply') return low;
      if (rules.convention === 'marginal-buyer') return high;
      return midpoint(low, high);
  }
}

function midpoint(low: number, high: number): number {
  const sum = BigInt(low) + BigInt(high);
  const half = sum / 2n; // towards zero
  return Number(sum % 2n === 0n ? half : half + (sum > 0n ? 1n : -1n));
}

function accepted(side: readonly Level[], intervalId: string): Map<string, number> {
  const out = new Map<string, number>();
  for (const level of side) {
    const whole = level.accepted_W === level.quantity_W;
    const shares = whole ? undefined : splitProRata(level.accepted_W, level.steps, intervalId);
    for (const step of level.steps) out.set(step.id, shares?.get(step.id) ?? (whole ? step.quantity_W : 0));
  }
  return out;
}
