/**
 * Grid emulators as data: there is no standard for their registers or nodes, so a mapping file binds those of a kind of
 * emulator to the points of the port. The same points for Modbus and OPC UA; a point is a register or a node.
 */
import { isAbsolute, resolve } from 'node:path';
import { locate, readConfig } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import {
  checkNamespaces,
  NodeName,
  numericNode,
  SwitchNode,
  TextNode,
} from '@fieldbid/edge-agent/drivers/opcua/mapping';
import { DeviceProfile } from '@fieldbid/edge-agent/profiles/profile';
import { MappedPoint } from '@fieldbid/edge-agent/profiles/register-map';
import Type, { type Static, type TSchema } from 'typebox';

const closed = { additionalProperties: false } as const;

/** What the points of both protocols have in common. */
function points<
  V extends TSchema,
  A extends TSchema,
  T extends TSchema,
  S extends TSchema,
  P extends object,
>(one: { volts: V; voltamperes: A; text: T; onOff: S; place: P }) {
  const { volts, voltamperes, text, onOff, place } = one;
  return Type.Object(
    {
      manufacturer: Type.Optional(text),
      model: Type.Optional(text),
      serial: Type.Optional(text),
      /** Phase to neutral: a point, or a number where no point says it. Compared with the scenario's before anything is set. */
      nominal: Type.Union([volts, Type.Object({ value_V: Type.Number({ exclusiveMinimum: 0 }) }, closed)]),
      /** Highest setpoint that it takes. */
      highest: Type.Union([volts, Type.Object({ value_V: Type.Number({ exclusiveMinimum: 0 }) }, closed)]),
      /** Apparent power that it sources or sinks. */
      rating: Type.Optional(
        Type.Union([voltamperes, Type.Object({ value_VA: Type.Number({ exclusiveMinimum: 0 }) }, closed)]),
      ),
      /** One per output phase: what is set, and what it measures at its terminals. */
      channels: Type.Array(Type.Object({ setpoint: volts, measured: volts }, closed), {
        minItems: 1,
        maxItems: 3,
      }),
      /** Smallest step of a setpoint, V, where it is coarser than its register, or a floating-point number. */
      resolution_V: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 10 })),
      /** Where setpoints come into force by a write of their own: what is written there, after them. */
      apply: Type.Optional(Type.Object({ ...place, value: Type.Integer() }, closed)),
      /** Its output is closed. */
      output: onOff,
      /** On: it takes what comes over the wire. Without it nobody can see that somebody works at its front panel. */
      remote: Type.Optional(onOff),
      /** Anything but `none` is an alarm; `texts`: value → what it means. */
      alarm: Type.Optional(
        Type.Object(
          {
            ...place,
            none: Type.String({ default: '0' }),
            texts: Type.Record(Type.String(), Type.String(), { default: {} }),
          },
          closed,
        ),
      ),
      /** A counter that has to move within `timeout_s`, or the emulator falls back by itself. */
      watchdog: Type.Optional(Type.Object({ ...place, timeout_s: Type.Number({ minimum: 1 }) }, closed)),
    },
    closed,
  );
}

const Scaled = Type.Object(
  {
    ...MappedPoint.properties,
    /** Factor on the value, after `sf`: 0.57735 for one that counts line to line. */
    scale: Type.Number({ exclusiveMinimum: 0, default: 1 }),
  },
  closed,
);
const Common = {
  name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,63}$' }),
  /** For people: which emulators. */
  title: Type.String({ default: '' }),
  /** Where the facts in it are from; what a person should know. */
  sources: DeviceProfile.properties.sources,
  notes: DeviceProfile.properties.notes,
};

export const ModbusEmulatorMapping = Type.Object(
  {
    ...Common,
    protocol: Type.Literal('modbus'),
    modbus: DeviceProfile.properties.modbus,
    /** Registers that hold a known value on this kind of emulator: nothing is believed, and nothing written, without. */
    guards: Type.Array(Type.Object({ point: MappedPoint, raw: Type.Integer() }, closed), { default: [] }),
    points: points({
      volts: Scaled,
      voltamperes: Scaled,
      text: Type.Union([MappedPoint, Type.Object({ value: Type.String({ minLength: 1 }) }, closed)]),
      onOff: Type.Object(
        {
          ...MappedPoint.properties,
          on: Type.Integer({ default: 1 }),
          off: Type.Integer({ default: 0 }),
        },
        closed,
      ),
      place: MappedPoint.properties,
    }),
  },
  closed,
);

export const OpcUaEmulatorMapping = Type.Object(
  {
    ...Common,
    protocol: Type.Literal('opcua'),
    /** Name → namespace URI, as in the mapping of a DER. */
    namespaces: Type.Record(Type.String({ pattern: '^[A-Za-z_]\\w*$' }), Type.String({ minLength: 1 }), {
      default: {},
    }),
    /** Real ms for one answer. */
    deadline_ms: Type.Integer({ minimum: 50, maximum: 60_000, default: 5000 }),
    points: points({
      volts: numericNode(['V', 'kV']),
      voltamperes: numericNode(['VA', 'kVA']),
      text: TextNode,
      onOff: SwitchNode,
      place: { node: NodeName },
    }),
  },
  closed,
);

export const EmulatorMapping = Type.Union([ModbusEmulatorMapping, OpcUaEmulatorMapping]);
export type ModbusEmulatorMapping = Static<typeof ModbusEmulatorMapping>;
export type OpcUaEmulatorMapping = Static<typeof OpcUaEmulatorMapping>;
export type EmulatorMapping = ModbusEmulatorMapping | OpcUaEmulatorMapping;

export interface LoadedEmulatorMapping<M extends EmulatorMapping = EmulatorMapping> {
  readonly file: string;
  readonly mapping: M;
}

const Protocol = Type.Object({ protocol: Type.Enum(['modbus', 'opcua']) });

/** @throws InputError naming file, line, path, found and expected. */
export function loadEmulatorMapping(name: string, beside: string = process.cwd()): LoadedEmulatorMapping {
  const file = isAbsolute(name) ? name : resolve(beside, name);
  // One schema at a time: a union could only say that neither fits.
  if (readConfig(Protocol, file).protocol === 'modbus') {
    return { file, mapping: readConfig(ModbusEmulatorMapping, file) };
  }
  const loaded = { file, mapping: readConfig(OpcUaEmulatorMapping, file) };
  checkNamespaces(loaded);
  return loaded;
}

/** @throws InputError when the file is for another protocol than the endpoint's. */
export function loadMappingFor(endpoint: string, file: string): LoadedEmulatorMapping {
  const loaded = loadEmulatorMapping(file);
  const needed = endpoint.startsWith('opc.tcp://') ? 'opcua' : 'modbus';
  if (loaded.mapping.protocol === needed) return loaded;
  throw new InputError({
    source: locate(loaded.file, '/protocol'),
    path: '/protocol',
    found: `${loaded.mapping.protocol} for ${endpoint}`,
    expected: needed,
  });
}
