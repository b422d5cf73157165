/** `npm run bench -- clearing`: one interval with 100,000 offers, beside only sorting their prices. */
import { seededRandom } from '@fieldbid/core/random';
import { type ClearingRules, clear, type Step } from '@fieldbid/iso-sim/clearing/clear';

const OFFERS = 100_000;
const LIMIT_MS = 100;
const RUNS = 15;
const RULES: ClearingRules = {
  convention: 'midpoint',
  cap_uUSD_per_MWh: 2_000_000_000,
  intervalId: '2026-06-21T12:00Z',
};

export async function clearingFigures(): Promise<[what: string, measured: string, beside: string][]> {
  const supply = offers('s', -20, 100);
  const demand = offers('d', 0, 200);
  const tied = [...supply, ...demand.slice(1)].map((step) => ({ ...step, price_uUSD_per_MWh: 30_000_000 }));
  const quantity_W = Math.floor(tied.reduce((sum, step) => sum + step.quantity_W, 0) / 2);
  const load: Step = { id: 'load', price_uUSD_per_MWh: 2_000_000_000, quantity_W };
  const prices = [...supply, ...demand].map((step) => step.price_uUSD_per_MWh);
  const count = OFFERS.toLocaleString('en');
  const sorting = median_ms(() => prices.toSorted((a, b) => a - b));
  return [
    [
      `clearing ${count} offers, half of them demand`,
      `${median_ms(() => clear(supply, demand, RULES))} ms`,
      `limit ${LIMIT_MS} ms; only sorting their prices ${sorting} ms`,
    ],
    [
      `the same when ${tied.length.toLocaleString('en')} of them tie at the margin`,
      `${median_ms(() => clear(tied, [load], RULES))} ms`,
      `limit ${LIMIT_MS} ms`,
    ],
  ];
}

function offers(prefix: string, low_USD: number, high_USD: number): Step[] {
  const random = seededRandom(1, `clearing ${prefix}`);
  return Array.from({ length: OFFERS / 2 }, (_, i) => ({
    id: `${prefix}${i}`,
    price_uUSD_per_MWh: Math.round((low_USD + random.uniform() * (high_USD - low_USD)) * 1e6),
    quantity_W: 1 + Math.floor(random.uniform() * 1_000_000),
  }));
}

/** The first run of a program is slower than all others: the median says what a clearing takes. */
function median_ms(work: () => unknown): string {
  const times_ms = Array.from({ length: RUNS }, () => {
    const began = performance.now();
    work();
    return performance.now() - began;
  });
  return times_ms.sort((a, b) => a - b)[Math.floor(RUNS / 2)]!.toFixed(1);
}
