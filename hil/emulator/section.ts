/** The scenario's `emulators`: which grid emulator feeds which DER, and how far it may go. */
import { Id } from '@fieldbid/core/market/messages';
import { OpcUaAccess } from '@fieldbid/edge-agent/drivers/opcua/access';
import Type, { type Static } from 'typebox';

const closed = { additionalProperties: false } as const;

export const EmulatorLimits = Type.Object(
  {
    /**
     * Nothing outside of these is ever sent, pu of `nominal_V`. The defaults reach a little beyond what a DER has to ride
     * through without end, 0.88 to 1.10 pu (IEEE 1547-2018, 6.4.2, tables 14 to 16): a feeder that breaks its limits is
     * felt by the inverter, and none is harmed by it.
     */
    low_pu: Type.Number({ minimum: 0.5, maximum: 1, default: 0.85 }),
    high_pu: Type.Number({ minimum: 1, maximum: 1.3, default: 1.15 }),
    /** Largest change of one write, pu; a larger one is walked, each step confirmed before the next. */
    step_pu: Type.Number({ exclusiveMinimum: 0, maximum: 0.1, default: 0.02 }),
    /** Measured and set may differ by so much, pu: the emulator's accuracy, and that of what measures it. */
    tolerance_pu: Type.Number({ exclusiveMinimum: 0, maximum: 0.05, default: 0.005 }),
    /** Within so long the output has followed a setpoint, s. */
    settle_s: Type.Number({ minimum: 0.1, maximum: 20, default: 2 }),
    /** A sign of life for its watchdog at least so often, s; a third of the watchdog's own time where that is less. */
    refresh_s: Type.Number({ minimum: 0.5, maximum: 3600, default: 20 }),
  },
  { ...closed, default: {} },
);
export type EmulatorLimits = Static<typeof EmulatorLimits>;

export const EmulatorSection = Type.Object(
  {
    name: Id,
    /** The DER whose terminals hang on it. */
    der: Id,
    /** `simulated`, or where it is: `tcp://HOST:PORT?unit=N`, `rtu+tcp://…`, `rtu:///dev/…`, `opc.tcp://HOST:PORT/PATH`. */
    device: Type.String({
      pattern: '^(simulated|(tcp|rtu|rtu\\+tcp|opc\\.tcp)://.+)$',
      default: 'simulated',
    }),
    /** What a simulated one speaks. */
    protocol: Type.Enum(['modbus', 'opcua'], { default: 'modbus' }),
    /** Of a physical one: what its registers or nodes are (docs/how-to/grid-emulator.md), relative to this file. */
    mapping: Type.Optional(Type.String()),
    opcua: Type.Optional(OpcUaAccess),
    /** Phase to neutral, V: what 1 pu is at the DER's terminals. */
    nominal_V: Type.Number({ minimum: 1, maximum: 1000 }),
    /** Which node and phase of the feeder each channel follows; the DER's phases on channels 1, 2, … by default. */
    outputs: Type.Optional(
      Type.Array(
        Type.Object(
          {
            node: Type.String({ pattern: '^.+\\.[ABC]$' }),
            channel: Type.Integer({ minimum: 1, maximum: 3 }),
          },
          closed,
        ),
        { minItems: 1, maxItems: 3 },
      ),
    ),
    /** The bench closes its output at the beginning. Without it a person does, and the bench only sets voltages. */
    enable: Type.Boolean({ default: false }),
    /** What it is left at: nominal voltage, with its output as it is, or its output opened. */
    safe: Type.Enum(['nominal', 'off'], { default: 'nominal' }),
    limits: EmulatorLimits,
  },
  closed,
);
export type EmulatorSection = Static<typeof EmulatorSection>;
