/** Config of `fieldbid edge run`: which market, which broker, which devices. Paths are relative to the file. */
import { besideFile } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import { Calendar } from '@fieldbid/core/market/calendar';
import { Id } from '@fieldbid/core/market/messages';
import { MetricsConfig } from '@fieldbid/core/metrics/config';
import { BrokerConfig } from '@fieldbid/core/service-config';
import { ClockConfig } from '@fieldbid/core/time/bus-clock';
import Type, { type Static } from 'typebox';
import { DEFAULT_DAY_AHEAD_SHARE_PCT, LONGEST_REVERT_S } from './agent/device-setup.ts';
import { DEFAULT_RESERVE_PCT } from './agent/quantity.ts';
import { OpcUaAccess } from './drivers/opcua/access.ts';
import { DEFAULT_PROFILE } from './profiles/profile.ts';
import { UplinkConfig } from './uplink/config.ts';

const closed = { additionalProperties: false } as const;

export const EdgeDeviceConfig = Type.Object(
  {
    derId: Id,
    /** Names under which the DER's devices are registered with the DERA. */
    deviceIds: Type.Array(Id, { minItems: 1, maxItems: 64 }),
    /** Modbus: `tcp://HOST:PORT?unit=N`, `rtu+tcp://…`, `rtu:///dev/ttyUSB0?baud=9600&unit=N`; OPC UA: `opc.tcp://HOST:PORT/PATH`. */
    endpoint: Type.String(),
    /** A profile that comes with the agent, or the path of a .yaml file. */
    profile: Type.String({ default: DEFAULT_PROFILE }),
    /** OPC UA: the file that says what the device's nodes mean. */
    mapping: Type.Optional(Type.String()),
    /** OPC UA: security, certificates, user. */
    opcua: Type.Optional(OpcUaAccess),
    /** RF of eq. 1: what the owner adds to the forecast price, percent. */
    riskFactor_pct: Type.Number({ minimum: -1000, maximum: 1000 }),
    /** A battery behind the device: its owner's reserve, percent of its capacity, that is never bid. */
    reserve_pct: Type.Number({ minimum: 0, maximum: 100, default: DEFAULT_RESERVE_PCT }),
    /** Inside the market's hours without an award: run by the default below, or deliver nothing. */
    withoutAward: Type.Enum(['default', 'zero'], { default: 'default' }),
    /** The owner's default outside of awards: a limit, W; without it the limit is released. */
    defaultLimit_W: Type.Optional(Type.Integer({ minimum: 0 })),
    /** Seconds after which the device drops a limit that nobody renews; two intervals by default. */
    revert_s: Type.Optional(Type.Integer({ minimum: 10, maximum: LONGEST_REVERT_S })),
  },
  closed,
);

export const EdgeConfig = Type.Object(
  {
    agentId: Id,
    broker: BrokerConfig,
    clock: ClockConfig,
    market: Type.Object(
      {
        deraId: Id,
        calendar: Calendar,
        /** `start,price_USD_per_MWh`, known a day ahead. */
        forecastFile: Type.String(),
        /** `minute,clear_sky`: per unit of rating by minute of day; without it present power is carried on. */
        clearSkyFile: Type.Optional(Type.String()),
        /** Where the calendar has a day-ahead market: the share of a clear sky that is bid in it, percent. */
        dayAheadShare_pct: Type.Number({
          exclusiveMinimum: 0,
          maximum: 100,
          default: DEFAULT_DAY_AHEAD_SHARE_PCT,
        }),
      },
      closed,
    ),
    /**
     * The device key, made when absent: signs bids and readings. `AGENTID.key.pem` beside this file; null: nothing is
     * signed.
     */
    keyFile: Type.Optional(Type.Union([Type.String({ minLength: 1 }), Type.Null()])),
    /** What becomes of measurements and verdicts while the broker is away. */
    uplink: UplinkConfig,
    /** SQLite file, made when absent: awards outlive a restart; null: they do not. `AGENTID.awards.sqlite`. */
    awardsFile: Type.Optional(Type.Union([Type.String({ minLength: 1 }), Type.Null()])),
    /** The cycle: read, judge, write. Seconds of market time. */
    cycle_s: Type.Integer({ minimum: 1, maximum: 3600, default: 60 }),
    /** A command must be proved within this, seconds of market time. */
    verdictDeadline_s: Type.Integer({ minimum: 5, maximum: 3600, default: 90 }),
    /** Prometheus metrics over HTTP; nothing listens without it. */
    metrics: Type.Optional(MetricsConfig),
    devices: Type.Array(EdgeDeviceConfig, { minItems: 1, maxItems: 64 }),
  },
  closed,
);
export type EdgeConfig = Static<typeof EdgeConfig>;

/** The device key's file as the config says. @throws InputError when it says that there is none. */
export function keyFileOf(
  { keyFile, agentId }: Pick<EdgeConfig, 'keyFile' | 'agentId'>,
  file: string,
): string {
  if (keyFile !== null) return besideFile(file, keyFile ?? `${agentId}.key.pem`);
  throw new InputError({
    source: file,
    path: '/keyFile',
    found: 'null',
    expected: 'the file of a device key',
  });
}
