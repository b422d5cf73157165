/**
 * The rest of the wholesale market: what other plants offer and what loads demand, from two tables. They
 * stand in for every participant that is not an aggregator.
 */
import { readCsv } from '@fieldbid/core/csv';
import { InputError } from '@fieldbid/core/errors';
import { type Interval, MINUTE_MS, minuteId } from '@fieldbid/core/interval';
import { priceFromUsd, roundHalfAway } from '@fieldbid/core/market/money';
import { seededRandom } from '@fieldbid/core/random';
import type { Step } from './clearing/clear.ts';

export interface MarketData {
  /** Steps of all other supply. */
  supply(interval: Interval): Step[];
  /** Steps of all demand. */
  demand(interval: Interval): Step[];
}

export interface MarketDataFiles {
  /** `party,price_USD_per_MWh,quantity_W`: the same stack in every interval. */
  supplyFile: string;
  /** `start,party,price_USD_per_MWh,quantity_W`; an empty price is inelastic demand, paid up to the cap. */
  demandFile: string;
  cap_uUSD_per_MWh: number;
  /** Actual demand deviates from the table by a seeded random factor of this standard deviation, percent. */
  demandDeviation_pct: number;
  seed: number | string;
}

/** Deviations beyond this many standard deviations are cut, so that no run depends on a freak. */
const LARGEST_DEVIATION_SIGMA = 2.5;

/** @throws InputError naming file and line. */
export function loadMarketData(files: MarketDataFiles): MarketData {
  const supply = readCsv(files.supplyFile, ['party', 'price_USD_per_MWh', 'quantity_W']).rows.map(
    (row, i) => ({
      id: `${row.text('party')}#${i}`,
      price_uUSD_per_MWh: priceFromUsd(row.number('price_USD_per_MWh')),
      quantity_W: watts(files.supplyFile, row.line, row.number('quantity_W')),
    }),
  );
  const demandTable = readCsv(files.demandFile, ['start', 'party', 'price_USD_per_MWh', 'quantity_W']);
  const demand = new Map<string, Step[]>();
  for (const row of demandTable.rows) {
    const id = minuteId(row.instant_ms('start'));
    const steps = demand.get(id) ?? [];
    steps.push({
      id: `${row.text('party')}#${steps.length}`,
      price_uUSD_per_MWh:
        row.text('price_USD_per_MWh') === ''
          ? files.cap_uUSD_per_MWh
          : priceFromUsd(row.number('price_USD_per_MWh')),
      quantity_W: watts(files.demandFile, row.line, row.number('quantity_W')),
    });
    demand.set(id, steps);
  }
  return {
    supply: () => supply,
    demand: (interval) => {
      const steps = demand.get(interval.id) ?? demand.get(latestBefore(demand, interval));
      if (steps === undefined) {
        throw new InputError({
          source: files.demandFile,
          path: '',
          found: `no row for ${interval.id} or before`,
          expected: 'demand from the first interval on',
        });
      }
      // A stream per interval: the deviation does not depend on which intervals were asked for before.
      const sigma = seededRandom(files.seed, `demand ${interval.id}`).normal();
      const bounded = Math.max(-LARGEST_DEVIATION_SIGMA, Math.min(LARGEST_DEVIATION_SIGMA, sigma));
      const factor = 1 + (bounded * files.demandDeviation_pct) / 100;
      return steps.map((step) => ({
        ...step,
        quantity_W: Math.max(0, roundHalfAway(step.quantity_W * factor)),
      }));
    },
  };
}

/** A row holds until the next one: hourly demand covers its quarter hours. Bounded to a day back. */
function latestBefore(demand: ReadonlyMap<string, unknown>, interval: Interval): string {
  for (let back_min = 1; back_min < 1440; back_min++) {
    const id = minuteId(interval.start_ms - back_min * MINUTE_MS);
    if (demand.has(id)) return id;
  }
  return '';
}

function watts(file: string, line: number, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InputError({
    source: `${file}:${line}`,
    path: '/quantity_W',
    found: String(value),
    expected: 'a whole number of watts >= 0',
  });
}
