/** Configuration of the DSO as a process of its own (`fieldbid dso run --config FILE`). */

import { Calendar } from '@fieldbid/core/market/calendar';
import { Id } from '@fieldbid/core/market/messages';
import { MetricsConfig } from '@fieldbid/core/metrics/config';
import { GatewayConfig } from '@fieldbid/core/service-config';
import Type, { type Static } from 'typebox';
import { CLEARING_SAFETIES } from './feasibility/clearing-outcomes.ts';
import { POLICY_NAMES } from './feasibility/policies.ts';

const closed = { additionalProperties: false } as const;

export const DsoConfig = Type.Object(
  {
    gateway: GatewayConfig,
    /** feeder.yaml, relative to this file. */
    feederFile: Type.String(),
    calendar: Calendar,
    /** Aggregators with DERs on the feeder. */
    deraIds: Type.Array(Id, { minItems: 1, maxItems: 1000 }),
    policy: Type.Enum([...POLICY_NAMES], { default: 'proportional' }),
    /** What the clearing may make of approved bids and still be feasible. */
    safety: Type.Enum([...CLEARING_SAFETIES], { default: 'merit-order' }),
    /** Kept inside the voltage limits, pu; the feeder's own by default. */
    margin_pu: Type.Optional(Type.Number({ minimum: 0, maximum: 0.05 })),
    /** Of a day-ahead hour one minute in so many is checked. */
    dayAheadStep_min: Type.Integer({ minimum: 1, maximum: 60, default: 5 }),
    /** false: approve everything as asked, and only compute what it does. */
    enforce: Type.Boolean({ default: true }),
    /** How long the others wait for an aggregator that is late, real seconds. */
    lateAfter_s: Type.Number({ minimum: 0.1, maximum: 3600, default: 20 }),
    /** Where to remember which event was handled last; without it, a restart passes over all of them again. */
    checkpointFile: Type.Optional(Type.String()),
    /** Prometheus metrics; absent: nothing listens. */
    metrics: Type.Optional(MetricsConfig),
  },
  closed,
);
export type DsoConfig = Static<typeof DsoConfig>;
