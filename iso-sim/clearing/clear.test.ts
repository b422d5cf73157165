import test from 'ava';
import fc from 'fast-check';
import { type ClearingRules, clear, PRICE_CONVENTIONS, type Step } from './clear.ts';

const USD = 1_000_000;
const rules: ClearingRules = {
  convention: 'midpoint',
  cap_uUSD_per_MWh: 2000 * USD,
  intervalId: '2026-06-21T12:00Z',
};
const step = (id: string, usd: number, quantity_W: number): Step => ({
  id,
  price_uUSD_per_MWh: usd * USD,
  quantity_W,
});

test('textbook crossing: the marginal seller is partly accepted and sets the price', (t) => {
  // Supply 10 kW at 10, 10 kW at 20, 10 kW at 30; demand 15 kW that pays 25: the second step is cut in half.
  const result = clear(
    [step('s1', 10, 10_000), step('s2', 20, 10_000), step('s3', 30, 10_000)],
    [step('d', 25, 15_000)],
    rules,
  );
  t.like(result, { outcome: 'CLEARED', price_uUSD_per_MWh: 20 * USD, cleared_W: 15_000 });
  t.deepEqual(
    [...result.supply_W],
    [
      ['s1', 10_000],
      ['s2', 5000],
      ['s3', 0],
    ],
  );
});

test('curves that cross in a vertical gap: each convention has its price', (t) => {
  // 10 kW trade at any price between 20 (last accepted supply) and 41 (the buyer); the next seller asks 50.
  const sides: [Step[], Step[]] = [[step('s1', 20, 10_000), step('s2', 50, 10_000)], [step('d', 41, 10_000)]];
  const price = (convention: ClearingRules['convention']) =>
    clear(...sides, { ...rules, convention }).price_uUSD_per_MWh / USD;
  t.is(price('midpoint'), 30.5);
  t.is(price('last-accepted-supply'), 20);
  t.is(price('marginal-buyer'), 41);
});

test('a refused buyer lifts the low end of the range, a refused seller lowers the high end', (t) => {
  const result = clear(
    [step('s1', 20, 10_000), step('s2', 35, 1000)],
    [step('d1', 60, 10_000), step('d2', 30, 1000)],
    rules,
  );
  t.deepEqual(result.priceRange_uUSD_per_MWh, [30 * USD, 35 * USD]);
  t.is(result.price_uUSD_per_MWh, 32.5 * USD);
});

test('inelastic demand above all supply: everybody is taken at the cap', (t) => {
  const result = clear([step('s', 10, 5000)], [step('d', 2000, 9000)], rules);
  t.like(result, { outcome: 'SHORTAGE', price_uUSD_per_MWh: 2000 * USD, cleared_W: 5000 });
});

test('no demand, no supply, neither, and sides that never meet', (t) => {
  t.like(clear([step('s', 12, 5000)], [], rules), {
    outcome: 'NO_DEMAND',
    price_uUSD_per_MWh: 12 * USD,
    cleared_W: 0,
  });
  t.like(clear([], [step('d', 70, 5000)], rules), {
    outcome: 'NO_SUPPLY',
    price_uUSD_per_MWh: 70 * USD,
    cleared_W: 0,
  });
  t.like(clear([], [], rules), { outcome: 'EMPTY', price_uUSD_per_MWh: 0, cleared_W: 0 });
  t.like(clear([step('s', 50, 1)], [step('d', 40, 1)], rules), {
    outcome: 'NO_TRADE',
    price_uUSD_per_MWh: 45 * USD,
    cleared_W: 0,
  });
});

test('negative prices clear like any other', (t) => {
  const result = clear([step('wind', -20, 8000), step('pv', -5, 8000)], [step('d', 2000, 10_000)], rules);
  t.like(result, { price_uUSD_per_MWh: -5 * USD, cleared_W: 10_000 });
  t.is(result.supply_W.get('pv'), 2000);
});

test('a tie at the margin is shared pro rata to the watt', (t) => {
  const result = clear([step('a', 30, 3000), step('b', 30, 6000)], [step('d', 2000, 3000)], rules);
  t.is(result.supply_W.get('a'), 1000);
  t.is(result.supply_W.get('b'), 2000);
});

test('what is not in integers, or named twice, is refused', (t) => {
  t.throws(() => clear([step('a', 1, 0.5)], [], rules), { instanceOf: RangeError });
  t.throws(() => clear([step('a', 1, 1), step('a', 2, 1)], [], rules), { message: /two steps are called a/ });
});

const steps = (prefix: string) =>
  fc
    .array(fc.record({ price: fc.integer({ min: -20, max: 60 }), quantity_W: fc.nat(50_000) }), {
      maxLength: 25,
    })
    .map((list) => list.map(({ price, quantity_W }, i) => step(`${prefix}${i}`, price, quantity_W)));

test('supply meets demand, nobody trades at a loss, nobody who would is left out, in any order', (t) => {
  const market = fc.tuple(steps('s'), steps('d'), fc.constantFrom(...PRICE_CONVENTIONS), fc.nat());
  fc.assert(
    fc.property(market, ([supply, demand, convention, turn]) => {
      const result = clear(supply, demand, { ...rules, convention });
      const price = result.price_uUSD_per_MWh;
      const total = (parts: ReadonlyMap<string, number>) =>
        [...parts.values()].reduce((sum, part) => sum + part, 0);
      t.is(total(result.supply_W), result.cleared_W);
      t.is(total(result.demand_W), result.cleared_W);
      for (const { id, price_uUSD_per_MWh, quantity_W } of supply) {
        if (price_uUSD_per_MWh > price) t.is(result.supply_W.get(id), 0);
        if (price_uUSD_per_MWh < price) t.is(result.supply_W.get(id), quantity_W);
      }
      for (const { id, price_uUSD_per_MWh, quantity_W } of demand) {
        if (price_uUSD_per_MWh < price) t.is(result.demand_W.get(id), 0);
        if (price_uUSD_per_MWh > price) t.is(result.demand_W.get(id), quantity_W);
      }
      const turned = <T>(list: T[]) => list.map((_, i) => list[(i + turn) % list.length]!);
      const again = clear(turned(supply), turned(demand), { ...rules, convention });
      t.is(again.price_uUSD_per_MWh, price);
      t.deepEqual(new Map([...again.supply_W].sort()), new Map([...result.supply_W].sort()));
    }),
    { numRuns: 500 },
  );
});
