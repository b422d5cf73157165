/** Config of `fieldbid aggregator run`. */

import { DerRegistration } from '@fieldbid/core/gateway-api/schemas';
import { Calendar } from '@fieldbid/core/market/calendar';
import { Id } from '@fieldbid/core/market/messages';
import { SettlementRules } from '@fieldbid/core/market/settlement/rules';
import { MetricsConfig } from '@fieldbid/core/metrics/config';
import { BrokerConfig, GatewayConfig } from '@fieldbid/core/service-config';
import { ClockConfig } from '@fieldbid/core/time/bus-clock';
import Type, { type Static } from 'typebox';
import { BaselineSection } from './settlement/baselines.ts';

const closed = { additionalProperties: false } as const;
const { deraId: _, ...registration } = DerRegistration.properties;

export const AggregatorConfig = Type.Object(
  {
    deraId: Id,
    broker: BrokerConfig,
    gateway: GatewayConfig,
    clock: ClockConfig,
    /** Prometheus metrics; absent: nothing listens. */
    metrics: Type.Optional(MetricsConfig),
    calendar: Calendar,
    /** Most price-quantity segments that the ISO takes per offer. */
    maxSegments: Type.Integer({ minimum: 1, maximum: 1000, default: 10 }),
    /**
     * Codes and keys of devices (`fieldbid aggregator enrol-code`), its owner's alone; beside this file,
     * `DERAID.keys.ndjson`.
     */
    keysFile: Type.Optional(Type.String({ minLength: 1 })),
    /** Whether DERs that were never enrolled may not bid. An enrolled DER's bids are always checked. */
    requireSignatures: Type.Boolean({ default: false }),
    /** How intervals are settled. */
    settlement: Type.Object(SettlementRules.properties, { ...closed, default: {} }),
    /** Absent: every DER is settled by its meter. */
    baseline: Type.Optional(
      Type.Object(
        {
          ...BaselineSection.properties,
          /** What was committed and is not opened yet, its owner's alone; beside this file, `DERAID.openings.ndjson`. */
          openingsFile: Type.Optional(Type.String({ minLength: 1 })),
        },
        closed,
      ),
    ),
    /** The DERs of this aggregator. */
    portfolio: Type.Array(Type.Object(registration, closed), { minItems: 1, maxItems: 10_000 }),
  },
  closed,
);
export type AggregatorConfig = Static<typeof AggregatorConfig>;
