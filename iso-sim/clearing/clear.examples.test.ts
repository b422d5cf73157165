/** Double auctions in the form in which textbooks give them, each worked by hand. */
import test from 'ava';
import { type ClearingOutcome, clear, PRICE_CONVENTIONS } from './clear.ts';

type Row = [id: string, price_USD_per_MWh: number, quantity_W: number];

interface Example {
  readonly name: string;
  readonly arithmetic: string;
  readonly supply: readonly Row[];
  readonly demand: readonly Row[];
  readonly outcome: ClearingOutcome;
  /** In the order of `PRICE_CONVENTIONS`: midpoint, last accepted supply, marginal buyer. */
  readonly prices_USD_per_MWh: readonly [number, number, number];
  readonly cleared: Readonly<Record<string, number>>;
}

const EXAMPLES: readonly Example[] = [
  {
    name: 'unit auction, four buyers and four sellers',
    arithmetic: `Values 100, 80, 60, 40; costs 30, 50, 70, 90. Pairs: 100-30 and 80-50 gain, 60-70 would lose: two trade.
      Price at least the dearer of cost 50 and refused value 60 = 60; at most the cheaper of value 80 and refused cost
      70 = 70; middle 65.`,
    supply: [
      ['s1', 30, 1],
      ['s2', 50, 1],
      ['s3', 70, 1],
      ['s4', 90, 1],
    ],
    demand: [
      ['b1', 100, 1],
      ['b2', 80, 1],
      ['b3', 60, 1],
      ['b4', 40, 1],
    ],
    outcome: 'CLEARED',
    prices_USD_per_MWh: [65, 60, 70],
    cleared: { s1: 1, s2: 1, s3: 0, s4: 0, b1: 1, b2: 1, b3: 0, b4: 0 },
  },
  {
    name: 'merit order of a day-ahead hour: wind, nuclear, coal, gas, oil against a load that must be served',
    arithmetic: `Supply 20 + 30 + 30 + 20 + 10 MW cumulates to 20, 50, 80, 100, 110. A load of 90 MW ends within gas
      (80 ... 100): gas runs at 90 - 80 = 10 MW of 20 and sets its own 60 $/MWh, whatever the convention.`,
    supply: [
      ['oil', 150, 10_000_000],
      ['wind', 0, 20_000_000],
      ['gas', 60, 20_000_000],
      ['nuclear', 10, 30_000_000],
      ['coal', 35, 30_000_000],
    ],
    demand: [['load', 2000, 90_000_000]],
    outcome: 'CLEARED',
    prices_USD_per_MWh: [60, 60, 60],
    cleared: {
      wind: 20_000_000,
      nuclear: 30_000_000,
      coal: 30_000_000,
      gas: 10_000_000,
      oil: 0,
      load: 90_000_000,
    },
  },
  {
    name: 'the marginal buyer is cut and sets the price',
    arithmetic: `Supply 12 kW at 20 and 8 kW at 90. Demand 5 kW at 80, then 10 kW at 40: 5 + 10 = 15 exceeds 12, and the
      next supply asks 90 > 40. So 12 kW trade, the second buyer gets 12 - 5 = 7 of 10 kW, price 40.`,
    supply: [
      ['s1', 20, 12_000],
      ['s2', 90, 8000],
    ],
    demand: [
      ['b1', 80, 5000],
      ['b2', 40, 10_000],
    ],
    outcome: 'CLEARED',
    prices_USD_per_MWh: [40, 40, 40],
    cleared: { s1: 12_000, s2: 0, b1: 5000, b2: 7000 },
  },
  {
    name: 'the curves cross in a horizontal gap: quantity is unique, price is not',
    arithmetic: `10 kW at 20 meet 10 kW at 50 exactly; next seller 35, next buyer 25. Price within
      [max(20, 25), min(50, 35)] = [25, 35]; middle 30.`,
    supply: [
      ['s1', 20, 10_000],
      ['s2', 35, 1000],
    ],
    demand: [
      ['b1', 50, 10_000],
      ['b2', 25, 1000],
    ],
    outcome: 'CLEARED',
    prices_USD_per_MWh: [30, 25, 35],
    cleared: { s1: 10_000, s2: 0, b1: 10_000, b2: 0 },
  },
  {
    name: 'both sides meet at one price: what trades there is bounded by the smaller',
    arithmetic: `6 kW ask 30, 10 kW pay 30: traders at 30 gain nothing, but the larger quantity is taken: 6 kW, of
      which buyers of 4 and 6 kW share 6·4/10 = 2.4 and 6·6/10 = 3.6 kW.`,
    supply: [['s', 30, 6000]],
    demand: [
      ['b1', 30, 4000],
      ['b2', 30, 6000],
    ],
    outcome: 'CLEARED',
    prices_USD_per_MWh: [30, 30, 30],
    cleared: { s: 6000, b1: 2400, b2: 3600 },
  },
  {
    name: 'negative prices: two plants that pay to run and a load that takes less than both',
    arithmetic: `8 kW at -20 and 8 kW at -5; 10 kW are taken: the second runs at 10 - 8 = 2 kW and sets -5.`,
    supply: [
      ['wind', -20, 8000],
      ['pv', -5, 8000],
    ],
    demand: [['load', 2000, 10_000]],
    outcome: 'CLEARED',
    prices_USD_per_MWh: [-5, -5, -5],
    cleared: { wind: 8000, pv: 2000, load: 10_000 },
  },
  {
    name: 'a negative price range: the middle lies between the two',
    arithmetic: `10 kW at -20 meet 10 kW that must be paid 5 to take it: within [-20, -5], middle -12.5.`,
    supply: [['wind', -20, 10_000]],
    demand: [['store', -5, 10_000]],
    outcome: 'CLEARED',
    prices_USD_per_MWh: [-12.5, -20, -5],
    cleared: { wind: 10_000, store: 10_000 },
  },
  {
    name: 'shortage: loads that must be served share what there is, at the cap',
    arithmetic: `6 kW for loads of 4 and 8 kW: 6·4/12 = 2 kW and 6·8/12 = 4 kW; price is the cap, 2,000.`,
    supply: [['s', 10, 6000]],
    demand: [
      ['town', 2000, 4000],
      ['works', 2000, 8000],
    ],
    outcome: 'SHORTAGE',
    prices_USD_per_MWh: [2000, 2000, 2000],
    cleared: { s: 6000, town: 2000, works: 4000 },
  },
  {
    name: 'who would pay more than the cap counts as at the cap',
    arithmetic: `5,000 > cap 2,000: both loads stand at 2,000 and share 6 kW over 6 + 6 kW: 3 kW each.`,
    supply: [['s', 10, 6000]],
    demand: [
      ['keen', 5000, 6000],
      ['load', 2000, 6000],
    ],
    outcome: 'SHORTAGE',
    prices_USD_per_MWh: [2000, 2000, 2000],
    cleared: { s: 6000, keen: 3000, load: 3000 },
  },
  {
    name: 'no trade: the price lies between what is paid and what is asked',
    arithmetic: `Nobody pays more than 40, nobody asks less than 50: [40, 50], middle 45.`,
    supply: [['s', 50, 1000]],
    demand: [['b', 40, 1000]],
    outcome: 'NO_TRADE',
    prices_USD_per_MWh: [45, 40, 50],
    cleared: { s: 0, b: 0 },
  },
  {
    name: 'no demand, of which an offer of nothing is a kind: the price is what the cheapest supply asks',
    arithmetic: `0 W at 2,000 wants nothing; cheapest ask 12.`,
    supply: [
      ['s1', 30, 1000],
      ['s2', 12, 1000],
    ],
    demand: [['b', 2000, 0]],
    outcome: 'NO_DEMAND',
    prices_USD_per_MWh: [12, 12, 12],
    cleared: { s1: 0, s2: 0, b: 0 },
  },
  {
    name: 'no supply: the price is what the dearest demand pays',
    arithmetic: `dearest 70.`,
    supply: [],
    demand: [
      ['b1', 70, 1000],
      ['b2', 40, 1000],
    ],
    outcome: 'NO_SUPPLY',
    prices_USD_per_MWh: [70, 70, 70],
    cleared: { b1: 0, b2: 0 },
  },
];

const steps = (rows: readonly Row[]) =>
  rows.map(([id, usd, quantity_W]) => ({ id, price_uUSD_per_MWh: usd * 1_000_000, quantity_W }));

for (const { name, supply, demand, outcome, prices_USD_per_MWh, cleared } of EXAMPLES) {
  test(name, (t) => {
    for (const [i, convention] of PRICE_CONVENTIONS.entries()) {
      const result = clear(steps(supply), steps(demand), {
        convention,
        cap_uUSD_per_MWh: 2_000_000_000,
        intervalId: '2026-06-21T12:00Z',
      });
      t.is(result.outcome, outcome);
      t.is(result.price_uUSD_per_MWh / 1_000_000, prices_USD_per_MWh[i]!, convention);
      t.deepEqual(Object.fromEntries([...result.supply_W, ...result.demand_W]), cleared);
    }
  });
}
