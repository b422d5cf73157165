/** Config of `fieldbid iso run`. */

import { Calendar } from '@fieldbid/core/market/calendar';
import { Id } from '@fieldbid/core/market/messages';
import { MetricsConfig } from '@fieldbid/core/metrics/config';
import { BrokerConfig } from '@fieldbid/core/service-config';
import { ClockConfig } from '@fieldbid/core/time/bus-clock';
import Type, { type Static } from 'typebox';
import { PRICE_CONVENTIONS } from './clearing/clear.ts';

const closed = { additionalProperties: false } as const;

/** The market's rules and the rest of the market; also a section of a bench scenario. */
export const IsoMarket = Type.Object(
  {
    /** Aggregators that may offer. */
    participants: Type.Array(Id, { minItems: 1 }),
    convention: Type.Enum([...PRICE_CONVENTIONS], { default: 'midpoint' }),
    maxSegments: Type.Integer({ minimum: 1, maximum: 1000, default: 10 }),
    /** FERC Order 2222: at most 100 kW. */
    minimumOffer_W: Type.Integer({ minimum: 0, default: 100_000 }),
    /** `party,price_USD_per_MWh,quantity_W` */
    supplyFile: Type.String(),
    /** `start,party,price_USD_per_MWh,quantity_W`; an empty price is inelastic demand. */
    demandFile: Type.String(),
    /** Standard deviation of actual demand around the table, percent. */
    demandDeviation_pct: Type.Number({ minimum: 0, maximum: 50, default: 0 }),
  },
  closed,
);
export type IsoMarket = Static<typeof IsoMarket>;

export const IsoConfig = Type.Object(
  {
    broker: BrokerConfig,
    clock: ClockConfig,
    /** Prometheus metrics; absent: nothing listens. */
    metrics: Type.Optional(MetricsConfig),
    calendar: Calendar,
    market: IsoMarket,
    seed: Type.Integer({ minimum: 0, default: 1 }),
  },
  closed,
);
export type IsoConfig = Static<typeof IsoConfig>;
