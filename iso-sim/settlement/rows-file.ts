/** Step 13 · The file of `fieldbid iso settle`: what each DER sold, was told and delivered, a row per interval. */

import { type Input, readCsvInput, readInput, readRows, wholeUnits } from '@fieldbid/core/cli/file-input';
import { describeFound, InputError } from '@fieldbid/core/errors';
import { Id, IntervalId } from '@fieldbid/core/market/messages';
import { MICRO } from '@fieldbid/core/market/money';
import { ISO } from '@fieldbid/core/market/settlement/postings';
import { DEFAULT_SETTLEMENT_RULES, SettlementRules } from '@fieldbid/core/market/settlement/rules';
import type { DerQuantities, IntervalToSettle } from '@fieldbid/core/market/settlement/settle';
import Type, { type Static } from 'typebox';

const closed = { additionalProperties: false } as const;
/** As of one DER in a message: ±1 GW. */
const SignedPower_W = Type.Integer({ minimum: -1_000_000_000, maximum: 1_000_000_000 });
const Price = Type.Number({ minimum: -1_000_000, maximum: 1_000_000 });

const Row = Type.Object(
  {
    interval: IntervalId,
    dera: Id,
    der: Id,
    dayAhead_USD_per_MWh: Type.Number({ ...Price, default: 0 }),
    realTime_USD_per_MWh: Price,
    /** Sold a day ahead, injection positive. */
    dayAhead_W: Type.Integer({ ...SignedPower_W, default: 0 }),
    /** Cleared in real time. */
    realTime_W: SignedPower_W,
    /** Absent when the DSO curtailed nothing after clearing: `realTime_W`. */
    dispatched_W: Type.Optional(SignedPower_W),
    /** Absent or null: unmetered. */
    metered_Wh: Type.Optional(
      Type.Union([Type.Integer({ minimum: -24_000_000_000, maximum: 24_000_000_000 }), Type.Null()]),
    ),
  },
  closed,
);
type Row = Static<typeof Row>;

export const SettlementFile = Type.Object(
  {
    interval_min: Type.Integer({ minimum: 1, maximum: 1440, default: 15 }),
    rules: Type.Optional(SettlementRules),
    rows: Type.Array(Row),
  },
  closed,
);
export type SettlementFile = Static<typeof SettlementFile>;

const COLUMNS = {
  interval: 'text',
  dera: 'text',
  der: 'text',
  dayAhead_USD_per_MWh: 'number',
  realTime_USD_per_MWh: 'number',
  dayAhead_W: 'number',
  realTime_W: 'number',
  dispatched_W: 'number',
  metered_Wh: 'number',
} as const;
const REQUIRED = ['interval', 'dera', 'der', 'realTime_USD_per_MWh', 'realTime_W'];

export interface PeriodToSettle {
  readonly rules: SettlementRules;
  /** In the order of time. */
  readonly intervals: readonly IntervalToSettle[];
}

export interface SettleOptions {
  /** YAML or JSON file with the rules, in place of the file's. */
  readonly rulesFile?: string | undefined;
  /** Duration of an interval, in place of the file's. */
  readonly interval_min?: number | undefined;
}

/** @param file JSON, YAML, CSV by its extension; `-` for JSON on standard input. @throws InputError */
export function readPeriod(file: string, options: SettleOptions = {}): PeriodToSettle {
  const input = file.endsWith('.csv')
    ? readCsvInput(SettlementFile, file, 'rows', readRows(file, COLUMNS, REQUIRED))
    : readInput(SettlementFile, file);
  const rules =
    options.rulesFile === undefined ? input.value.rules : readInput(SettlementRules, options.rulesFile).value;
  return {
    rules: rules ?? DEFAULT_SETTLEMENT_RULES,
    intervals: intervalsOf(input, options.interval_min ?? input.value.interval_min),
  };
}

function intervalsOf({ value, place }: Input<SettlementFile>, interval_min: number): IntervalToSettle[] {
  const intervals = new Map<string, { first: number; ders: Map<string, DerQuantities>; interval: Prices }>();
  const deraOf = new Map<string, string>();
  const deras = new Set(value.rows.map(({ dera }) => dera));
  for (const [i, row] of value.rows.entries()) {
    const fault = (key: keyof Row, found: string, expected: string) =>
      new InputError({ ...place(`/rows/${i}/${key}`), found, expected });
    if (row.dera === ISO) throw fault('dera', ISO, 'another name: this is the ISO itself');
    if (row.der === ISO) throw fault('der', ISO, 'another name: this is the ISO itself');
    if (deras.has(row.der)) throw fault('der', row.der, 'a name that no DERA has');
    const dera = deraOf.get(row.der) ?? row.dera;
    if (dera !== row.dera) throw fault('dera', row.dera, `${dera}, as in the first row of ${row.der}`);
    deraOf.set(row.der, dera);
    const prices: Prices = {
      dayAhead_uUSD_per_MWh: price(row, 'dayAhead_USD_per_MWh', fault),
      realTime_uUSD_per_MWh: price(row, 'realTime_USD_per_MWh', fault),
    };
    const entry = intervals.get(row.interval) ?? { first: i, ders: new Map(), interval: prices };
    for (const key of ['dayAhead', 'realTime'] as const) {
      if (entry.interval[`${key}_uUSD_per_MWh`] === prices[`${key}_uUSD_per_MWh`]) continue;
      const expected = `${value.rows[entry.first]?.[`${key}_USD_per_MWh`]}, as in row ${entry.first} of ${row.interval}`;
      throw fault(`${key}_USD_per_MWh`, describeFound(row[`${key}_USD_per_MWh`]), expected);
    }
    if (entry.ders.has(row.der))
      throw fault('der', `${row.der} again in ${row.interval}`, 'one row for each');
    entry.ders.set(row.der, quantities(row));
    intervals.set(row.interval, entry);
  }
  return [...intervals]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([intervalId, { ders, interval }]) => ({
      ...{ intervalId, interval_min, ...interval },
      ders: [...ders.values()],
    }));
}

type Prices = Pick<IntervalToSettle, 'dayAhead_uUSD_per_MWh' | 'realTime_uUSD_per_MWh'>;

function price(
  row: Row,
  key: 'dayAhead_USD_per_MWh' | 'realTime_USD_per_MWh',
  fault: (key: keyof Row, found: string, expected: string) => InputError,
): number {
  const price_uUSD_per_MWh = wholeUnits(row[key], MICRO);
  if (price_uUSD_per_MWh !== undefined) return price_uUSD_per_MWh;
  throw fault(key, describeFound(row[key]), 'a price of whole µ$/MWh (at most six decimals)');
}

function quantities(row: Row): DerQuantities {
  return {
    ...{ derId: row.der, deraId: row.dera, dayAhead_W: row.dayAhead_W, realTime_W: row.realTime_W },
    dispatched_W: row.dispatched_W ?? row.realTime_W,
    metered_Wh: row.metered_Wh ?? null,
  };
}
