/** Config of `fieldbid bench run`: the bench alone, the market's programs elsewhere. */

import { Calendar } from '@fieldbid/core/market/calendar';
import { BrokerConfig, GatewayConfig } from '@fieldbid/core/service-config';
import Type, { type Static } from 'typebox';

export const BenchConfig = Type.Object(
  {
    scenarioFile: Type.String(),
    /** Replaces the scenario's calendar, so that all programs have the same one. */
    calendar: Calendar,
    seed: Type.Integer({ minimum: 0 }),
    broker: BrokerConfig,
    /** With an operator's key: the bench reads the records for its report. */
    gateway: GatewayConfig,
    /** Port of the first simulated inverter; the others follow. */
    firstPort: Type.Integer({ minimum: 1024, maximum: 60_000 }),
    /** Certificates, password and mappings of simulated OPC UA inverters, as `bench split` makes them. */
    opcuaFolder: Type.Optional(Type.String()),
    /** Market seconds per real second. */
    speed: Type.Number({ exclusiveMinimum: 0, maximum: 10_000, default: 60 }),
    /** Real seconds before the first bid, in which the other programs come up. */
    lead_s: Type.Number({ minimum: 0, maximum: 3600, default: 20 }),
  },
  { additionalProperties: false },
);
export type BenchConfig = Static<typeof BenchConfig>;
