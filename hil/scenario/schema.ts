/**
 * One scenario file describes a run: feeder, who owns which DER, market calendar, the rest of the market,
 * weather and load noise, clock and seed. Swapping a simulated inverter for a physical one is one line.
 */
import { BaselineSection } from '@fieldbid/aggregator/settlement/baselines';
import { Calendar } from '@fieldbid/core/market/calendar';
import { Id } from '@fieldbid/core/market/messages';
import { SettlementRules } from '@fieldbid/core/market/settlement/rules';
import { CLEARING_SAFETIES } from '@fieldbid/dso/feasibility/clearing-outcomes';
import { POLICY_NAMES } from '@fieldbid/dso/feasibility/policies';
import { OpcUaAccess } from '@fieldbid/edge-agent/drivers/opcua/access';
import { IsoMarket } from '@fieldbid/iso-sim/config';
import Type, { type Static } from 'typebox';
import { FAMILIES, type FamilyName } from '../devices/twins/families.ts';
import { EmulatorSection } from '../emulator/section.ts';
import { FaultRule } from '../faults/rules.ts';
import { FaultEntry } from '../faults/timeline.ts';

const closed = { additionalProperties: false } as const;

/** What a scenario may ask for of hil/devices/simulated-inverter.ts. */
const Flag = Type.Optional(Type.Boolean());
const QuirksSection = Type.Object(
  {
    refusesWriteSingle: Flag,
    refusesWriteMultiple: Flag,
    noRevertTimer: Flag,
    noAvailablePower: Flag,
    readsBackZero: Flag,
    enableStuck: Flag,
    movingScales: Flag,
    nightSentinels: Flag,
  },
  closed,
);

/** What starts the name of a register dump that stands for a device. */
export const DUMP = 'dump:';

/** Whether hardware may stand there: an address on this machine too, since nothing tells a simulator from a forwarded port. */
export function isPhysical({ device }: { readonly device: string }): boolean {
  return device !== 'simulated' && !device.startsWith(DUMP);
}

/** A DER's owner and what stands at its bus. Bus, phases and rating are the feeder file's. */
export const DerInScenario = Type.Object(
  {
    derId: Id,
    /** The DERA that it is registered with; the scenario's by default. */
    deraId: Type.Optional(Id),
    /** RF of eq. 1, percent: what the owner adds to the forecast price. */
    riskFactor_pct: Type.Number({ minimum: -1000, maximum: 1000 }),
    /**
     * `simulated`; or where a device is: `tcp://HOST:PORT?unit=N`, `rtu+tcp://…`, `rtu:///dev/…`, `opc.tcp://HOST:PORT/PATH`;
     * or `dump:FILE`, registers taken from a real device and served again (`fieldbid edge dump`), relative to this file.
     */
    device: Type.String({
      pattern: '^(simulated|dump:.+|(tcp|rtu|rtu\\+tcp|opc\\.tcp)://.+)$',
      default: 'simulated',
    }),
    /** How a simulated device is spoken to: SunSpec over Modbus TCP, OPC UA, or in process by calls, without a socket. */
    protocol: Type.Enum(['modbus', 'opcua', 'in-process'], { default: 'modbus' }),
    /** Device profile of the edge agent: one of its own by name, or a .yaml file relative to this one. */
    profile: Type.String({ default: 'generic-1xx' }),
    /** Whose registers and ways a simulated Modbus device has; those that fit the profile by default. */
    twin: Type.Optional(Type.Enum(Object.keys(FAMILIES) as FamilyName[])),
    /** Ways of real devices that a simulated Modbus device shows (hil/devices/simulated-inverter.ts). */
    quirks: Type.Optional(QuirksSection),
    /** Of a physical OPC UA device: its mapping file and how to reach it, relative to this file. */
    mapping: Type.Optional(Type.String()),
    opcua: Type.Optional(OpcUaAccess),
    /** What happens between its agent and its simulated inverter, by market time (hil/faults/rules.ts). */
    faults: Type.Optional(Type.Array(FaultRule)),
  },
  closed,
);

export const Scenario = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 80 }),
    seed: Type.Integer({ minimum: 0, default: 1 }),
    /** feeder.yaml, relative to this file. */
    feederFile: Type.String(),
    calendar: Calendar,
    /** Of the DERs that name no other. */
    deraId: Id,
    /** `start,price_USD_per_MWh`, known a day ahead; relative to this file. */
    priceForecastFile: Type.String(),
    market: IsoMarket,
    ders: Type.Array(DerInScenario, { minItems: 1, maxItems: 10_000 }),
    /** Grid emulators that give DERs the feeder's voltage (docs/how-to/grid-emulator.md). */
    emulators: Type.Optional(Type.Array(EmulatorSection, { maxItems: 100 })),
    /** What goes wrong on demand, by market time (docs/how-to/faults.md). */
    faults: Type.Optional(Type.Array(FaultEntry, { maxItems: 1000 })),
    dso: Type.Object(
      {
        policy: Type.Enum([...POLICY_NAMES], { default: 'proportional' }),
        /** What the clearing may make of approved bids and still be feasible. */
        safety: Type.Enum([...CLEARING_SAFETIES], { default: 'merit-order' }),
        /** Kept inside the voltage limits because forecasts are not exact, pu; the feeder's own by default. */
        margin_pu: Type.Optional(Type.Number({ minimum: 0, maximum: 0.05 })),
      },
      { ...closed, default: {} },
    ),
    /** What is paid for what was sold and what was delivered. */
    settlement: Type.Object(SettlementRules.properties, { ...closed, default: {} }),
    /** Which DERs are settled against a baseline; the file is relative to this one. */
    baseline: Type.Optional(BaselineSection),
    /** How the actual day differs from the forecast: bounded, and the same for the same seed. */
    deviations: Type.Object(
      {
        /** Largest deviation of a customer's load from its pattern, percent. */
        load_pct: Type.Number({ minimum: 0, maximum: 50, default: 3 }),
        /** Mean share of clear-sky irradiance, and how far clouds pull it down at most. */
        clearness: Type.Number({ minimum: 0, maximum: 1, default: 0.97 }),
        cloud_pct: Type.Number({ minimum: 0, maximum: 100, default: 8 }),
      },
      { ...closed, default: {} },
    ),
    agents: Type.Object(
      {
        /** The agents' cycle: read, decide, write. Seconds of market time. */
        cycle_s: Type.Integer({ minimum: 1, maximum: 3600, default: 60 }),
        /** DERs of one DERA that share an agent, its connection and its key. */
        ders_per_agent: Type.Integer({ minimum: 1, maximum: 1000, default: 1 }),
        /** What of its clear-sky energy a DER bids a day ahead, percent. */
        dayAheadShare_pct: Type.Number({ exclusiveMinimum: 0, maximum: 100, default: 90 }),
      },
      { ...closed, default: {} },
    ),
    /** What market time goes by; the command line's `--clock` comes before it. */
    clock: Type.Object(
      {
        /** As fast as the work allows, by the wall clock, or as a HELICS federation grants it. */
        source: Type.Enum(['fast', 'realtime', 'helics'], { default: 'fast' }),
        helics: Type.Object(
          {
            /** Where the broker listens, HOST:PORT; a free port of this machine by default. */
            listen: Type.Optional(Type.String({ pattern: '^[^:\\s]+:[0-9]{1,5}$' })),
            /** Every DER that runs here in a process of its own. */
            processes: Type.Boolean({ default: false }),
            /** DERs that run on other machines. */
            elsewhere: Type.Array(Id, { default: [] }),
            /** Federates of others that the federation waits for. */
            observers: Type.Integer({ minimum: 0, maximum: 1000, default: 0 }),
            /**
             * Instants of HELICS time with one broker; then the federation is given a new one (decision 21). Of 65,536
             * rounds an instant takes three by our measurement: the default leaves room for six.
             */
            renewAfterInstants: Type.Integer({ minimum: 100, maximum: 20_000, default: 10_000 }),
          },
          { ...closed, default: {} },
        ),
      },
      { ...closed, default: {} },
    ),
    powerFlow: Type.Object(
      {
        step_s: Type.Integer({ minimum: 1, maximum: 3600, default: 60 }),
        /** The feeder is solved this long after each whole step, when setpoints have settled. */
        offset_s: Type.Integer({ minimum: 0, maximum: 3599, default: 30 }),
      },
      { ...closed, default: {} },
    ),
  },
  closed,
);
export type Scenario = Static<typeof Scenario>;

/** The DERA that a DER is registered with. */
export function deraOf({ deraId }: Pick<Scenario, 'deraId'>, der: { readonly deraId?: string }): string {
  return der.deraId ?? deraId;
}

/** Each DERA of the scenario with its DERs, in the order in which they first appear. */
export function deraPortfolios(scenario: Pick<Scenario, 'deraId' | 'ders'>): Map<string, string[]> {
  const portfolios = new Map<string, string[]>();
  for (const der of scenario.ders) {
    const own = deraOf(scenario, der);
    portfolios.set(own, [...(portfolios.get(own) ?? []), der.derId]);
  }
  return portfolios;
}
