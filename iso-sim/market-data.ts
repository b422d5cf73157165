/**
 * The rest of the wholesale market: what other plants offer and what loads demand, from two tables. They
 * stand in for every participant that is not an aggregator.
 */
import { readCsv } from '@fieldbid/core/csv';
import { InputError } from '@fieldbid/core/errors';
import { type Interval, isDayAhead, MINUTE_MS, minuteId } from '@fieldbid/core/interval';
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
      // A day ahead nobody knows how the day will deviate: what is expected is bought, over the whole hour.
      if (isDayAhead(interval.id)) return meanDemand(demand, interval, files.demandFile);
      const steps = stepsAt(demand, interval.start_ms, files.demandFile);
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
function stepsAt(demand: ReadonlyMap<string, Step[]>, at_ms: number, source: string): Step[] {
  for (let back_min = 0; back_min < 1440; back_min++) {
    const steps = demand.get(minuteId(at_ms - back_min * MINUTE_MS));
    if (steps !== undefined) return steps;
  }
  throw new InputError({
    source,
    path: '',
    found: `no row for ${minuteId(at_ms)} or before`,
    expected: 'demand from the first interval on',
  });
}

/** Mean over the minutes of an interval, of each party at each of its prices. */
function meanDemand(demand: ReadonlyMap<string, Step[]>, interval: Interval, source: string): Step[] {
  const minutes = (interval.end_ms - interval.start_ms) / MINUTE_MS;
  const sums = new Map<string, Step>();
  for (let minute = 0; minute < minutes; minute++) {
    for (const step of stepsAt(demand, interval.start_ms + minute * MINUTE_MS, source)) {
      const party = step.id.replace(/#\d+$/, '');
      const key = `${party} ${step.price_uUSD_per_MWh}`;
      const before = sums.get(key) ?? { ...step, id: `${party}#${sums.size}`, quantity_W: 0 };
      sums.set(key, { ...before, quantity_W: before.quantity_W + step.quantity_W });
    }
  }
  return [...sums.values()].map((step) => ({
    ...step,
    quantity_W: roundHalfAway(step.quantity_W / minutes),
  }));
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
