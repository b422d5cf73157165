/** What a bench tells everybody: what stands on it, and how the feeder is. */
import Type, { type Static } from 'typebox';
import { Calendar } from '../market/calendar.ts';
import { Id, Instant_ms } from '../market/messages.ts';

const closed = { additionalProperties: false } as const;

/** Once, retained. */
export const LabDescription = Type.Object(
  {
    scenario: Type.String({ maxLength: 80 }),
    feederId: Id,
    calendar: Calendar,
    deraIds: Type.Array(Id),
    /** fast, wall clock × 60, HELICS. */
    clock: Type.String({ maxLength: 80 }),
    /** Embedded, Hyperledger Fabric. */
    ledger: Type.String({ maxLength: 80 }),
    /** Voltage limits, pu. */
    limits_pu: Type.Tuple([Type.Number(), Type.Number()]),
    /** `node.phase`, in the order of the voltages of a GridState. */
    nodes: Type.Array(Type.String({ maxLength: 80 }), { maxItems: 100_000 }),
    /** In the order of the powers of a GridState. */
    ders: Type.Array(
      Type.Object(
        {
          derId: Id,
          deraId: Id,
          node: Type.String({ maxLength: 80 }),
          phases: Type.String({ pattern: '^[ABC]{1,3}$' }),
          nameplate_W: Type.Integer({ minimum: 0 }),
          /** simulated, replayed dump, physical. */
          device: Type.String({ maxLength: 200 }),
        },
        closed,
      ),
      { maxItems: 100_000 },
    ),
    /** One-line diagram, SVG; buses are found by `data-bus`. Empty: there is none. */
    oneLine_svg: Type.String({ maxLength: 900_000 }),
  },
  closed,
);
export type LabDescription = Static<typeof LabDescription>;

/** One power flow of the feeder as it really is. */
export const GridState = Type.Object(
  {
    at_ms: Instant_ms,
    /** Magnitudes, µpu of nominal; empty when it could not be solved. */
    voltages_upu: Type.Array(Type.Integer({ minimum: 0 })),
    /** Power at each DER's terminals, W, injection positive. */
    power_W: Type.Array(Type.Integer()),
    /** What each could deliver without a limit, W. */
    available_W: Type.Array(Type.Integer()),
  },
  closed,
);
export type GridState = Static<typeof GridState>;
