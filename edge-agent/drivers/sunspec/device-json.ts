/** What `fieldbid edge read --json` prints: every point of every model, for scripts. */
import type { PointValue } from './codec.ts';
import type { DecodedGroup } from './decode.ts';
import { type GroupDefinition, modelDefinition } from './models.ts';
import type { DeviceReading } from './read-models.ts';

export interface PointJson {
  /** As in the registers; null: not implemented. 64-bit values beyond 2^53 come as text. */
  readonly raw: number | string | null;
  /** In the point's units. */
  readonly value: number | string | null;
  /** Exponent of ten that leads from raw to value; null: none. */
  readonly sf: number | null;
}

export interface GroupJson {
  readonly points: Readonly<Record<string, PointJson>>;
  /** Nested groups by name: a list where the definition lets the group repeat, else one. */
  readonly groups: Readonly<Record<string, GroupJson | GroupJson[]>>;
}

export interface ModelJson extends GroupJson {
  readonly id: number;
  readonly name: string | null;
  readonly address: number;
  readonly length: number;
  /** Registers after ID and L as they stand: models of vendors, and those that nobody knows. */
  readonly registers?: readonly (number | null)[];
}

export interface DeviceJson {
  readonly base: number;
  /** False: the chain of models ends early; `faults` says why. */
  readonly complete: boolean;
  readonly faults: readonly string[];
  readonly models: readonly ModelJson[];
}

export function deviceJson(
  { base, complete, fault }: { base: number; complete: boolean; fault: string | undefined },
  { models, faults }: DeviceReading,
): DeviceJson {
  return {
    base,
    complete,
    faults: [...(fault === undefined ? [] : [fault]), ...faults],
    models: models.map(({ id, address, length, content, words }) => {
      const definition = modelDefinition(id);
      const known =
        content === undefined || definition === undefined
          ? { points: {}, groups: {} }
          : groupJson(definition, content);
      const registers = words === undefined ? {} : { registers: words };
      return { id, name: definition?.name ?? null, address, length, ...known, ...registers };
    }),
  };
}

function groupJson(definition: GroupDefinition, { points, groups }: DecodedGroup): GroupJson {
  const nested: Record<string, GroupJson | GroupJson[]> = {};
  for (const inner of definition.groups) {
    const found = groups.filter(({ name }) => name === inner.name).map((group) => groupJson(inner, group));
    if (inner.count !== 1) nested[inner.name] = found;
    else if (found[0] !== undefined) nested[inner.name] = found[0];
  }
  return {
    points: Object.fromEntries(
      [...points].map(([name, { raw, value, sf }]) => [name, { raw: plain(raw), value: plain(value), sf }]),
    ),
    groups: nested,
  };
}

function plain(value: PointValue): number | string | null {
  return typeof value === 'bigint' ? String(value) : value;
}
