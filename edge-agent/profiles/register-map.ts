/** Schema of a family's own registers in its profile: what is where, in the terms of the port. */
import Type, { type Static } from 'typebox';

const closed = { additionalProperties: false } as const;

export const MappedPoint = Type.Object(
  {
    /** The family's own name for it, for plans and messages; the key in the map when left out. */
    name: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$' })),
    /** As it goes over the wire, counted from 0. */
    register: Type.Integer({ minimum: 0, maximum: 65_535 }),
    /** Function 3 or function 4. */
    table: Type.Enum(['holding', 'input'], { default: 'holding' }),
    type: Type.Enum(['int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float32', 'string']),
    /** Registers of a text. */
    words: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
    /** Exponent of ten that takes the register's value to the unit. */
    sf: Type.Integer({ minimum: -10, maximum: 10, default: 0 }),
    /** 32-bit values with the low word first. */
    wordSwap: Type.Boolean({ default: false }),
    /** Value that means "not implemented", beside the pattern of the type. */
    notImplemented: Type.Optional(Type.Number()),
  },
  closed,
);
export type MappedPoint = Static<typeof MappedPoint>;

const STATES = [
  'off',
  'sleeping',
  'starting',
  'mppt',
  'throttled',
  'shutting-down',
  'fault',
  'standby',
] as const;

export const MappedControl = Type.Object(
  {
    limit: MappedPoint,
    /** What the limit counts: percent of the rating, or watts. */
    unit: Type.Enum(['pct', 'W'], { default: 'pct' }),
    /** Finest step that the device obeys, in that unit; the register's own by default. */
    step: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    /** The register that puts the limit into force; without it the limit always is. */
    enable: Type.Optional(
      Type.Object({ point: MappedPoint, on: Type.Integer(), off: Type.Integer() }, closed),
    ),
    /** The device's own timer, s: it drops the limit when the command is not repeated. */
    revert: Type.Optional(
      Type.Object({ point: MappedPoint, longest_s: Type.Integer({ minimum: 1 }) }, closed),
    ),
    /** Settings that a limit needs, in their units, in the order of writing. */
    companions: Type.Array(Type.Object({ point: MappedPoint, value: Type.Number() }, closed), {
      default: [],
    }),
  },
  closed,
);
export type MappedControl = Static<typeof MappedControl>;

export const RegisterMapSchema = Type.Object(
  {
    /** Registers that hold a known value on this family: nothing is believed, and nothing written, without. */
    guards: Type.Array(Type.Object({ point: MappedPoint, raw: Type.Integer() }, closed), { default: [] }),
    manufacturer: Type.Optional(Type.String()),
    model: Type.Optional(MappedPoint),
    serial: Type.Optional(MappedPoint),
    version: Type.Optional(MappedPoint),
    power_W: Type.Optional(MappedPoint),
    available_W: Type.Optional(MappedPoint),
    rating_W: Type.Optional(MappedPoint),
    /** Line to neutral, one per phase. */
    voltages_V: Type.Array(MappedPoint, { default: [], maxItems: 3 }),
    energy_Wh: Type.Optional(MappedPoint),
    state: Type.Optional(
      Type.Object(
        {
          point: MappedPoint,
          states: Type.Record(Type.String({ pattern: '^\\d{1,10}$' }), Type.Enum([...STATES])),
        },
        closed,
      ),
    ),
    control: Type.Optional(MappedControl),
  },
  closed,
);
export type RegisterMap = Static<typeof RegisterMapSchema>;
