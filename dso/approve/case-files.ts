/**
 * `fieldbid dso approve` · DERs and bids from files: JSON or YAML, a list or an object with the list in it, or CSV with
 * the same names as columns.
 */
import { extname } from 'node:path';
import { oneOf, readCsvInput, readInput, readRows } from '@fieldbid/core/cli/file-input';
import { InputError } from '@fieldbid/core/errors';
import { Phases } from '@fieldbid/core/gateway-api/schemas';
import { Id } from '@fieldbid/core/market/messages';
import Type, { type Static, type TObject } from 'typebox';
import type { Request } from '../feasibility/policy.ts';
import type { FeederDer } from '../feeder/feeder.ts';
import type { Phase } from '../power-flow/power-flow.ts';

const closed = { additionalProperties: false } as const;
const MOST = 10_000;
const LARGEST_W = 1_000_000_000;
const ObjectName = Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_.:-]{0,63}$' });
const Power_W = Type.Integer({ minimum: 0, maximum: LARGEST_W });
const Power_kW = Type.Number({ minimum: 0, maximum: LARGEST_W / 1000 });

const DerRow = Type.Object(
  {
    derId: Id,
    /** Node or load of the model. */
    bus: ObjectName,
    /** All phases of the bus by default. */
    phases: Type.Optional(Phases),
    nameplate_W: Type.Optional(Power_W),
    nameplate_kW: Type.Optional(Power_kW),
  },
  closed,
);

const BidRow = Type.Object(
  {
    derId: Id,
    /** Names the bid where a DER has several; the DER's id by default. */
    uid: Type.Optional(Id),
    quantity_W: Type.Optional(Power_W),
    quantity_kW: Type.Optional(Power_kW),
    /** Only its order counts: the check is done on ranks. */
    price_USD_per_MWh: Type.Optional(Type.Number({ minimum: -1e6, maximum: 1e6 })),
    /** Place in the merit order, instead of a price. */
    rank: Type.Optional(Type.Integer({ minimum: 0 })),
    /** Aggregator; all are treated alike. */
    deraId: Type.Optional(Id),
  },
  closed,
);

/** DERs as the file says. @param phasesOfBus phases of a bus of the model. @throws InputError naming the place. */
export function readDers(file: string, phasesOfBus: (bus: string) => Phase[] | undefined): FeederDer[] {
  const rows = readList(file, 'ders', DerRow);
  const seen = new Set<string>();
  return rows.map(({ row, place }) => {
    const fault = (key: string, found: string, expected: string) =>
      new InputError({ ...place(key), found, expected });
    if (seen.has(row.derId)) throw fault('derId', `${row.derId} again`, 'each DER once');
    seen.add(row.derId);
    const has = phasesOfBus(row.bus);
    if (has === undefined) throw fault('bus', row.bus, 'a node or load of the model that hangs on no other');
    const phases = row.phases === undefined ? has : ([...row.phases] as Phase[]);
    const lacking = phases.filter((phase) => !has.includes(phase));
    if (lacking.length > 0 || phases.length === 0) {
      throw fault('phases', `${phases.join('')} at ${row.bus}`, `phases out of ${has.join('')}`);
    }
    const nameplate_W = oneOf(row, { nameplate_W: 1, nameplate_kW: 1000 }, place) ?? LARGEST_W;
    return { derId: row.derId, bus: row.bus, phases, nameplate_W, deviceIds: [row.derId] };
  });
}

export interface BidCase {
  readonly requests: readonly Request[];
  /** False: no bid has a price or a rank, so nothing is known of the order of the clearing. */
  readonly ranked: boolean;
}

/** Bids with ranks for prices. @throws InputError naming the place. */
export function readBids(file: string, ders: ReadonlyMap<string, FeederDer>): BidCase {
  const rows = readList(file, 'bids', BidRow);
  const seen = new Set<string>();
  const priced = rows.filter(({ row }) => row.price_USD_per_MWh !== undefined);
  const order = [...new Set(priced.map(({ row }) => row.price_USD_per_MWh!))].sort((a, b) => a - b);
  const ranked = rows.filter(({ row }) => row.rank !== undefined || row.price_USD_per_MWh !== undefined);
  const requests = rows.map(({ row, place }): Request => {
    const fault = (key: string, found: string, expected: string) =>
      new InputError({ ...place(key), found, expected });
    const { derId, uid = derId, price_USD_per_MWh: price, rank } = row;
    const der = ders.get(derId);
    if (der === undefined)
      throw fault('derId', derId, `one of the DERs: ${[...ders.keys()].slice(0, 20).join(', ')}`);
    if (seen.has(uid))
      throw fault('derId', `${uid} again`, 'each bid once (name several bids of a DER by uid)');
    seen.add(uid);
    if (price !== undefined && rank !== undefined)
      throw fault('rank', 'a price and a rank', 'one of the two');
    if (ranked.length > 0 && price === undefined && rank === undefined) {
      throw fault('price_USD_per_MWh', 'nothing', 'a price or a rank in every bid, or in none');
    }
    if (rank !== undefined && priced.length > 0)
      throw fault('rank', 'a rank', 'a price, as the other bids have');
    const quantity_W = oneOf(row, { quantity_W: 1, quantity_kW: 1000 }, place);
    if (quantity_W === undefined)
      throw fault('quantity_W', 'nothing', 'quantity_W or quantity_kW, one of the two');
    if (quantity_W > der.nameplate_W) {
      throw fault('quantity_W', `${quantity_W} W`, `at most the nameplate, ${der.nameplate_W} W`);
    }
    const rankOfPrice = price === undefined ? rank : order.indexOf(price);
    return { uid, derId, quantity_W, ...(rankOfPrice === undefined ? {} : { rank: rankOfPrice }) };
  });
  return { requests, ranked: ranked.length > 0 };
}

interface Row<T> {
  readonly row: T;
  /** Where one of its values stands. */
  readonly place: (key: string) => { source: string; path: string };
}

/** The rows of a CSV file, of a list, or of an object with the list under `name`. */
function readList<T extends TObject>(file: string, name: string, row: T): Row<Static<T>>[] {
  const List = Type.Array(row, { maxItems: MOST });
  const Wrapped = Type.Object({ [name]: List });
  const csv = extname(file).toLowerCase() === '.csv';
  const bare = !csv && Array.isArray(readInput(Type.Unknown(), file).value);
  if (bare) {
    const { value, place } = readInput(List, file);
    return value.map((one, i) => ({ row: one, place: (key) => place(`/${i}/${key}`) }));
  }
  const { value, place } = csv
    ? readCsvInput(Wrapped, file, name, readRows(file, columnsOf(row), ['derId']))
    : readInput(Wrapped, file);
  const rows = (value as Record<string, Static<T>[]>)[name]!;
  return rows.map((one, i) => ({ row: one, place: (key) => place(`/${name}/${i}/${key}`) }));
}

function columnsOf({ properties }: TObject): Record<string, 'text' | 'number'> {
  const numeric = /_(k?W|USD_per_MWh)$|^rank$/;
  return Object.fromEntries(
    Object.keys(properties).map((key) => [key, numeric.test(key) ? 'number' : 'text'] as const),
  );
}
