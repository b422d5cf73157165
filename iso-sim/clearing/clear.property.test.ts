/** What must hold of any clearing, whatever is offered. */
import test from 'ava';
import fc from 'fast-check';
import { type ClearingResult, type ClearingRules, clear, PRICE_CONVENTIONS, type Step } from './clear.ts';

const USD = 1_000_000;
const CAP = 60 * USD;

/** Few prices and small quantities: ties, cuts through ties and inelastic demand happen often. */
const side = (prefix: string, maxLength: number, most_W = 50) =>
  fc
    .array(fc.record({ usd: fc.integer({ min: -20, max: 61 }), quantity_W: fc.nat(most_W) }), { maxLength })
    .map((list) =>
      list.map(
        ({ usd, quantity_W }, i): Step => ({
          id: `${prefix}${i}`,
          // Prices that are multiples of 5 $/MWh tie; odd µ$ exercise the rounding of the midpoint.
          price_uUSD_per_MWh: usd % 2 === 0 ? Math.trunc(usd / 5) * 5 * USD : usd * USD + 1,
          quantity_W,
        }),
      ),
    );
const anyRules = fc.record({
  convention: fc.constantFrom(...PRICE_CONVENTIONS),
  cap_uUSD_per_MWh: fc.constant(CAP),
  intervalId: fc.constantFrom('2026-06-21T12:00Z', '2026-06-21T12:15Z'),
});
const market = fc.tuple(side('s', 20), side('d', 20), anyRules);

const bytes = ({ supply_W, demand_W, ...rest }: ClearingResult): string =>
  JSON.stringify([rest, [...supply_W].sort(), [...demand_W].sort()]);
const total = (parts: ReadonlyMap<string, number>): number =>
  [...parts.values()].reduce((sum, part_W) => sum + part_W, 0);
/** What a buyer pays at most: no more than the cap. */
const worth = (step: Step): number => Math.min(step.price_uUSD_per_MWh, CAP);

test('10,000 shuffles give the same bytes, the odd watts of ties included', (t) => {
  const shuffled = market.chain(([supply, demand, rules]) =>
    fc.tuple(
      fc.constant({ supply, demand, rules }),
      fc.shuffledSubarray(supply, { minLength: supply.length }),
      fc.shuffledSubarray(demand, { minLength: demand.length }),
    ),
  );
  fc.assert(
    fc.property(
      shuffled,
      ([{ supply, demand, rules }, otherSupply, otherDemand]) =>
        bytes(clear(supply, demand, rules)) === bytes(clear(otherSupply, otherDemand, rules)),
    ),
    { numRuns: 10_000 },
  );
  t.pass();
});

test('supply meets demand to the watt, and the price is one that each of them would have chosen', (t) => {
  fc.assert(
    fc.property(market, ([supply, demand, rules]) => {
      const result = clear(supply, demand, rules);
      const { price_uUSD_per_MWh: price, cleared_W, supply_W, demand_W } = result;
      if (total(supply_W) !== cleared_W || total(demand_W) !== cleared_W) return false;
      if (supply_W.size !== supply.length || demand_W.size !== demand.length) return false;
      // Without demand or supply the price is what the best of the other side asks: nobody trades at it.
      const [low, high] = result.priceRange_uUSD_per_MWh;
      if (result.outcome !== 'EMPTY' && !(low <= price && price <= high)) return false;
      const sellersAgree = supply.every(({ id, price_uUSD_per_MWh, quantity_W }) => {
        const part_W = supply_W.get(id)!;
        if (part_W > 0 && price_uUSD_per_MWh > price) return false;
        return price_uUSD_per_MWh >= price || part_W === quantity_W || cleared_W === 0;
      });
      const buyersAgree = demand.every((step) => {
        const part_W = demand_W.get(step.id)!;
        if (part_W > 0 && worth(step) < price) return false;
        return worth(step) <= price || part_W === step.quantity_W || cleared_W === 0;
      });
      return sellersAgree && buyersAgree;
    }),
    { numRuns: 5000 },
  );
  t.pass();
});

test('both ends of the price range support the quantities, and beyond them somebody would act otherwise', (t) => {
  fc.assert(
    fc.property(market, ([supply, demand, rules]) => {
      const result = clear(supply, demand, rules);
      if (result.cleared_W === 0) return true;
      const supports = (price: number): boolean =>
        price <= CAP &&
        supply.every(({ id, price_uUSD_per_MWh: ask, quantity_W }) => {
          const part_W = result.supply_W.get(id)!;
          return (part_W === 0 || ask <= price) && (part_W === quantity_W || ask >= price);
        }) &&
        demand.every((step) => {
          const part_W = result.demand_W.get(step.id)!;
          return (
            (part_W === 0 || worth(step) >= price) && (part_W === step.quantity_W || worth(step) <= price)
          );
        });
      const [low, high] = result.priceRange_uUSD_per_MWh;
      return supports(low) && supports(high) && !supports(low - 1) && !supports(high + 1);
    }),
    { numRuns: 5000 },
  );
  t.pass();
});

test('steps of one price share alike: each within a watt of its part of the level, never above its own', (t) => {
  fc.assert(
    fc.property(market, ([supply, demand, rules]) => {
      const result = clear(supply, demand, rules);
      const fair = (steps: readonly Step[], parts: ReadonlyMap<string, number>, at: (s: Step) => number) =>
        steps.every((step) => {
          const level = steps.filter((other) => at(other) === at(step));
          const level_W = level.reduce((sum, other) => sum + other.quantity_W, 0);
          const taken_W = level.reduce((sum, other) => sum + parts.get(other.id)!, 0);
          const part_W = parts.get(step.id)!;
          // |part − taken·quantity/level| <= 1, without the division.
          const off = Math.abs(part_W * level_W - taken_W * step.quantity_W);
          return part_W <= step.quantity_W && off <= level_W;
        });
      return (
        fair(supply, result.supply_W, (step) => step.price_uUSD_per_MWh) &&
        fair(demand, result.demand_W, worth)
      );
    }),
    { numRuns: 5000 },
  );
  t.pass();
});

/**
 * The largest gain from trade by trying everything: every quantity of every step, of at most four steps.
 * Independent of sorting and of the matching above.
 */
function bestWelfare(supply: readonly Step[], demand: readonly Step[]): number {
  const reach = (steps: readonly Step[], sign: 1 | -1): Map<number, number> => {
    let best = new Map([[0, 0]]);
    for (const step of steps) {
      const next = new Map<number, number>();
      for (const [sum_W, value] of best) {
        for (let part_W = 0; part_W <= step.quantity_W; part_W++) {
          const gain = value + sign * part_W * worth(step);
          next.set(sum_W + part_W, Math.max(next.get(sum_W + part_W) ?? Number.NEGATIVE_INFINITY, gain));
        }
      }
      best = next;
    }
    return best;
  };
  const costs = reach(supply, -1);
  let best = 0;
  for (const [sum_W, value] of reach(demand, 1)) {
    best = Math.max(best, value + (costs.get(sum_W) ?? Number.NEGATIVE_INFINITY));
  }
  return best;
}

test('no other allocation gains more: against trying all of them on small markets', (t) => {
  const small = fc.tuple(side('s', 4, 4), side('d', 4, 4), anyRules);
  fc.assert(
    fc.property(small, ([supply, demand, rules]) => {
      const result = clear(supply, demand, rules as ClearingRules);
      const value = demand.reduce((sum, step) => sum + result.demand_W.get(step.id)! * worth(step), 0);
      const cost = supply.reduce(
        (sum, step) => sum + result.supply_W.get(step.id)! * step.price_uUSD_per_MWh,
        0,
      );
      return value - cost === bestWelfare(supply, demand);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});
