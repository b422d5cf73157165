/**
 * OPC UA devices as data: a mapping file binds the nodes of a kind of device to the points of the DerDevice port.
 * No information model of PV inverters is common among OPC UA servers, so each file names its nodes. Near to what
 * many servers have: the nameplate of OPC 10000-100 (Devices), 4.5.2: Manufacturer, Model, SerialNumber,
 * SoftwareRevision.
 */
import { isAbsolute, resolve } from 'node:path';
import { locate, readConfig } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import Type, { type Static } from 'typebox';
import { DeviceProfile } from '../../profiles/profile.ts';

const closed = { additionalProperties: false } as const;

/**
 * A node id (`ns=2;s=Inverter.W`, `ns=2;i=1001`) or a browse path from the root (`/Objects/2:Inverter/2:W`,
 * OPC 10000-4, A.2). In place of a namespace's index its name in `namespaces` may stand: `ns=inv;s=Inverter.W`.
 */
export const NodeName = Type.String({ pattern: '^((ns=[A-Za-z0-9_]+;)?[isgb]=.+|/.+)$' });

/** A node that holds a quantity. @param units the first is the default. */
export const numericNode = (units: string[]) =>
  Type.Object(
    {
      node: NodeName,
      /** What the node counts in. */
      unit: Type.Enum(units, { default: units[0]! }),
      /** Factor on the node's value; -1 where the device counts injection as negative. */
      scale: Type.Number({ default: 1 }),
    },
    closed,
  );
const Power = numericNode(['W', 'kW', 'MW']);
/** Text of a node, or what the file says in its place. */
export const TextNode = Type.Union([
  Type.Object({ node: NodeName }, closed),
  Type.Object({ value: Type.String({ minLength: 1 }) }, closed),
]);

const States = ['off', 'sleeping', 'starting', 'mppt', 'throttled', 'shutting-down', 'fault', 'standby'];
export const SwitchNode = Type.Object(
  {
    node: NodeName,
    /** What is written, and read, for on and off; true/1 and false/0 by the node's type. */
    on: Type.Optional(Type.Union([Type.Number(), Type.Boolean(), Type.String()])),
    off: Type.Optional(Type.Union([Type.Number(), Type.Boolean(), Type.String()])),
  },
  closed,
);

const Limit = Type.Object(
  {
    node: NodeName,
    /** Percent of the rating, or power. */
    unit: Type.Enum(['pct', 'W', 'kW', 'MW'], { default: 'pct' }),
    scale: Type.Number({ exclusiveMinimum: 0, default: 1 }),
    /** Smallest step of the node's own value; 1 for whole numbers and 0.01 else, when absent. */
    step: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    /** Puts the limit into force; without it the limit always is, and releasing writes 100 %. */
    enable: Type.Optional(SwitchNode),
    /** After so long the device drops the limit by itself. */
    revert: Type.Optional(
      Type.Object(
        {
          node: NodeName,
          unit: Type.Enum(['s', 'ms', 'min'], { default: 's' }),
          /** Longest time that the device takes; longer ones are shortened, which is the safer side. */
          longest_s: Type.Number({ exclusiveMinimum: 0, default: 65_534 }),
        },
        closed,
      ),
    ),
    /** Where the device wants a method called instead of nodes written: with these input arguments. */
    method: Type.Optional(
      Type.Object(
        {
          object: NodeName,
          method: NodeName,
          arguments: Type.Array(Type.Enum(['limit', 'revert', 'enable']), { minItems: 1 }),
        },
        closed,
      ),
    ),
  },
  closed,
);

export const OpcUaMapping = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,63}$' }),
    /** Name → namespace URI: indices are the server's, and may change when it is updated. */
    namespaces: Type.Record(Type.String({ pattern: '^[A-Za-z_]\\w*$' }), Type.String({ minLength: 1 }), {
      default: {},
    }),
    points: Type.Object(
      {
        manufacturer: Type.Optional(TextNode),
        model: Type.Optional(TextNode),
        serial: Type.Optional(TextNode),
        version: Type.Optional(TextNode),
        /** Active power at the terminals. */
        power: Power,
        /** What it could deliver without a limit. */
        available: Type.Optional(Power),
        /** What a limit of 100 % means: a node, or a number where no node says it. */
        rating: Type.Optional(
          Type.Union([Power, Type.Object({ value_W: Type.Number({ exclusiveMinimum: 0 }) }, closed)]),
        ),
        /** Line to neutral, one per phase. */
        voltages: Type.Array(numericNode(['V', 'kV']), { maxItems: 3, default: [] }),
        /** Lifetime energy delivered. */
        energy: Type.Optional(numericNode(['Wh', 'kWh', 'MWh'])),
        /** The node's value, as text → the state. */
        state: Type.Optional(
          Type.Object({ node: NodeName, values: Type.Record(Type.String(), Type.Enum(States)) }, closed),
        ),
        /** Connected to the grid. */
        connected: Type.Optional(SwitchNode),
        limit: Type.Optional(Limit),
      },
      closed,
    ),
    /** Nodes whose changes are worth a line in the log: alarms, messages. The state's are watched in any case. */
    watch: Type.Array(Type.Object({ name: Type.String({ minLength: 1 }), node: NodeName }, closed), {
      default: [],
    }),
    subscription: Type.Object(
      {
        publishing_ms: Type.Integer({ minimum: 20, maximum: 60_000, default: 1000 }),
        /** The server says that it is alive after so many publishing intervals without news. */
        keepAliveCount: Type.Integer({ minimum: 1, maximum: 1000, default: 10 }),
        /** Made anew after so many keep-alives that did not come. */
        missedKeepAlives: Type.Integer({ minimum: 1, maximum: 100, default: 3 }),
      },
      { ...closed, default: {} },
    ),
    /** Real ms for one answer. */
    deadline_ms: Type.Integer({ minimum: 50, maximum: 60_000, default: 5000 }),
    /**
     * Values whose source timestamp is older count as not said, s. Compared with the agent's clock: needs a device
     * whose clock is right. Without it values are taken as they come.
     */
    stale_s: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    /** How a limit of this kind of device is handled: as in a device profile. */
    rules: DeviceProfile.properties.limit,
    safeState: DeviceProfile.properties.safeState,
    notes: DeviceProfile.properties.notes,
  },
  closed,
);
export type OpcUaMapping = Static<typeof OpcUaMapping>;
export type LimitMapping = Static<typeof Limit>;
export type SwitchMapping = Static<typeof SwitchNode>;

/** A mapping, and where it was read from. */
export interface LoadedMapping extends NamedNodes {
  readonly mapping: OpcUaMapping;
}

/** A file that names nodes, whatever they mean: what it takes to find them at a server. */
export interface NamedNodes {
  readonly file: string;
  readonly mapping: {
    readonly namespaces: Readonly<Record<string, string>>;
    readonly points: object;
    readonly watch?: readonly object[];
  };
}

/** @throws InputError naming file, line, path, found and expected. */
export function loadMapping(name: string, beside: string = process.cwd()): LoadedMapping {
  const file = isAbsolute(name) ? name : resolve(beside, name);
  const loaded = { file, mapping: readConfig(OpcUaMapping, file) };
  checkNamespaces(loaded);
  return loaded;
}

/** @throws InputError for a node whose namespace has no index and no URI. */
export function checkNamespaces({ file, mapping }: NamedNodes): void {
  for (const { path, node } of nodesOf(mapping)) {
    const unknown = aliasesIn(node).find((alias) => !/^\d+$/.test(alias) && !(alias in mapping.namespaces));
    if (unknown === undefined) continue;
    throw new InputError({
      source: locate(file, path),
      path,
      found: `the namespace ${unknown} in ${node}`,
      expected: `an index, or one of: ${Object.keys(mapping.namespaces).join(', ') || '(namespaces is empty)'}`,
    });
  }
}

/** Every node that a mapping names, with its path in the file. */
export function nodesOf(mapping: NamedNodes['mapping']): { path: string; node: string }[] {
  const found: { path: string; node: string }[] = [];
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      const isNode = typeof inner === 'string' && ['node', 'object', 'method'].includes(key);
      if (isNode) found.push({ path: `${path}/${key}`, node: inner });
      else walk(inner, `${path}/${key}`);
    }
  };
  walk(mapping.points, '/points');
  walk(mapping.watch, '/watch');
  return found;
}

/** The namespace of a node id; those of a browse path's names. */
function aliasPattern(node: string): RegExp {
  return node.startsWith('/') ? /(?<=\/)\w+(?=:)/g : /(?<=^ns=)\w+(?=;)/g;
}

function aliasesIn(node: string): string[] {
  return node.match(aliasPattern(node)) ?? [];
}

/** The node with indices in place of names. @param indexOf the index at this server. */
export function withIndices(node: string, indexOf: (alias: string) => number): string {
  return node.replace(aliasPattern(node), (alias) => String(/^\d+$/.test(alias) ? alias : indexOf(alias)));
}
