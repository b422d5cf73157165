/** Step 9 · The file of `fieldbid iso clear`: offers of one interval, and the rules of the market. */

import { type Input, oneOf, readCsvInput, readInput, readRows } from '@fieldbid/core/cli/file-input';
import { describeFound, InputError } from '@fieldbid/core/errors';
import {
  DEFAULT_PRICE_CAP_UUSD_PER_MWH,
  DEFAULT_PRICE_FLOOR_UUSD_PER_MWH,
} from '@fieldbid/core/market/calendar';
import { IntervalId } from '@fieldbid/core/market/messages';
import { MICRO, priceFromUsd, priceInUsd } from '@fieldbid/core/market/money';
import Type, { type Static } from 'typebox';
import { PRICE_CONVENTIONS, type PriceConvention, type Step } from './clear.ts';

const closed = { additionalProperties: false } as const;

/** What a terminal would not just show is no part of a name. */
const OfferId = Type.String({ pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]{1,100}$' });
const Quantity = Type.Number({ minimum: 0 });
const Price = Type.Number({ minimum: -1_000_000, maximum: 1_000_000 });

export const OffersFile = Type.Object(
  {
    convention: Type.Enum([...PRICE_CONVENTIONS], { default: 'midpoint' }),
    cap_USD_per_MWh: Type.Number({ ...Price, default: priceInUsd(DEFAULT_PRICE_CAP_UUSD_PER_MWH) }),
    floor_USD_per_MWh: Type.Number({ ...Price, default: priceInUsd(DEFAULT_PRICE_FLOOR_UUSD_PER_MWH) }),
    /** Decides who gets the odd watts of a tie. */
    interval: Type.Optional(IntervalId),
    offers: Type.Array(
      Type.Object(
        {
          id: OfferId,
          side: Type.Enum(['supply', 'demand', 'sell', 'buy']),
          /** Absent of demand: it is served at any price up to the cap. */
          price_USD_per_MWh: Type.Optional(Price),
          price_uUSD_per_MWh: Type.Optional(Type.Integer()),
          /** As auctions without units have them: $/MWh and W. */
          price: Type.Optional(Price),
          quantity: Type.Optional(Quantity),
          quantity_W: Type.Optional(Quantity),
          quantity_kW: Type.Optional(Quantity),
          quantity_MW: Type.Optional(Quantity),
        },
        closed,
      ),
    ),
  },
  closed,
);
export type OffersFile = Static<typeof OffersFile>;

export interface OfferedStep extends Step {
  readonly side: 'supply' | 'demand';
}

/** One interval to clear. */
export interface OfferBook {
  readonly convention: PriceConvention;
  readonly cap_uUSD_per_MWh: number;
  readonly floor_uUSD_per_MWh: number;
  readonly interval: string | undefined;
  /** In the order of the file. */
  readonly steps: readonly OfferedStep[];
}

const COLUMNS = {
  id: 'text',
  side: 'text',
  price_USD_per_MWh: 'number',
  price_uUSD_per_MWh: 'number',
  price: 'number',
  quantity: 'number',
  quantity_W: 'number',
  quantity_kW: 'number',
  quantity_MW: 'number',
} as const;
const PRICES = { price_uUSD_per_MWh: 1, price_USD_per_MWh: MICRO, price: MICRO };
const QUANTITIES = { quantity_W: 1, quantity: 1, quantity_kW: 1000, quantity_MW: 1_000_000 };

/** @param file JSON, YAML, CSV by its extension; `-` for JSON on standard input. @throws InputError */
export function readOffers(file: string): OfferBook {
  const input = file.endsWith('.csv')
    ? readCsvInput(OffersFile, file, 'offers', readRows(file, COLUMNS, ['id', 'side']))
    : readInput(OffersFile, file);
  return bookOf(input);
}

function bookOf({ value, place }: Input<OffersFile>): OfferBook {
  const cap = priceFromUsd(value.cap_USD_per_MWh);
  const floor = priceFromUsd(value.floor_USD_per_MWh);
  if (floor > cap) {
    const found = `${value.floor_USD_per_MWh} $/MWh`;
    throw new InputError({
      ...place('/floor_USD_per_MWh'),
      found,
      expected: `at most the cap, ${value.cap_USD_per_MWh}`,
    });
  }
  const first = new Map<string, number>();
  let total_W = 0;
  const steps = value.offers.map((offer, i): OfferedStep => {
    const at = (key: string) => place(`/offers/${i}/${key}`);
    const before = first.get(offer.id);
    if (before !== undefined) {
      const found = `${describeFound(offer.id)}, as in offer ${before} (counted from 0)`;
      throw new InputError({ ...at('id'), found, expected: 'an id for each offer, also of one party' });
    }
    first.set(offer.id, i);
    const side = offer.side === 'supply' || offer.side === 'sell' ? 'supply' : 'demand';
    const price = oneOf(offer, PRICES, at) ?? (side === 'demand' ? cap : undefined);
    if (price === undefined) {
      const expected = 'a price (only demand may leave it out: at the cap)';
      throw new InputError({ ...at('price_USD_per_MWh'), found: 'nothing', expected });
    }
    if (price < floor || price > cap) {
      const keys = ['price_USD_per_MWh', 'price_uUSD_per_MWh', 'price'] as const;
      const key = keys.find((name) => offer[name] !== undefined) ?? 'price';
      const expected = `a price from ${value.floor_USD_per_MWh} (floor) to ${value.cap_USD_per_MWh} $/MWh (cap)`;
      throw new InputError({ ...at(key), found: describeFound(offer[key]), expected });
    }
    const quantity_W = oneOf(offer, QUANTITIES, at);
    if (quantity_W === undefined) {
      const expected = `one of ${Object.keys(QUANTITIES).join(', ')}`;
      throw new InputError({ ...at('quantity_W'), found: 'nothing', expected });
    }
    total_W += quantity_W;
    if (!Number.isSafeInteger(total_W)) {
      const expected = 'less than 2^53 W in all, to be exact';
      throw new InputError({ ...place('/offers'), found: `${total_W} W up to offer ${i}`, expected });
    }
    return { id: offer.id, side, price_uUSD_per_MWh: price, quantity_W };
  });
  return {
    ...{ convention: value.convention, interval: value.interval, steps },
    ...{ cap_uUSD_per_MWh: cap, floor_uUSD_per_MWh: floor },
  };
}
