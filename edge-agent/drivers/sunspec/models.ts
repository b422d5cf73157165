/**
 * The SunSpec models as data: what each register means. Read from `generated/models.json`, a facts-only table
 * made by `generate-models.ts` from the official definitions; NOTICE beside it says whose they are.
 */
import { readFileSync } from 'node:fs';

/** SunSpec Device Information Model Specification, point types. */
export type PointType =
  | 'int16'
  | 'uint16'
  | 'count'
  | 'acc16'
  | 'enum16'
  | 'bitfield16'
  | 'pad'
  | 'int32'
  | 'uint32'
  | 'acc32'
  | 'enum32'
  | 'bitfield32'
  | 'ipaddr'
  | 'int64'
  | 'uint64'
  | 'acc64'
  | 'ipv6addr'
  | 'float32'
  | 'string'
  | 'sunssf'
  | 'eui48';

export interface StoredPoint {
  /** Name, type, size in registers. */
  n: string;
  t: PointType;
  s: number;
  /** Name of the scale-factor point, or the exponent itself. */
  f?: string | number;
  u?: string;
  /** 1: may be written. */
  w?: 1;
  /** 1: mandatory. */
  m?: 1;
  /** Symbols: value of an enum, bit number of a bitfield. */
  y?: Record<string, number>;
}

export interface StoredGroup {
  n: string;
  /** Repetitions: a number (0: as many as fit), or the name of the point that counts them. */
  c?: string | number;
  p: StoredPoint[];
  g?: StoredGroup[];
}

export type StoredTable = Record<string, StoredGroup>;

export interface PointDefinition {
  readonly name: string;
  readonly type: PointType;
  /** Registers from the start of the group it belongs to (in a model's fixed part: from its ID register). */
  readonly offset: number;
  /** Registers. */
  readonly size: number;
  /** Name of the scale-factor point in this group or one around it, or a fixed exponent of ten. */
  readonly sf: string | number | undefined;
  readonly units: string | undefined;
  readonly writable: boolean;
  readonly mandatory: boolean;
  readonly symbols: Readonly<Record<string, number>>;
}

export interface GroupDefinition {
  readonly name: string;
  readonly count: string | number;
  readonly points: readonly PointDefinition[];
  readonly groups: readonly GroupDefinition[];
  /** Registers of the points, nested groups not counted. */
  readonly size: number;
}

const TABLE_FILE = new URL('./generated/models.json', import.meta.url);
let stored: StoredTable | undefined;
const definitions = new Map<number, GroupDefinition>();

/** A model's definition; undefined for vendor models and others that the table does not have. */
export function modelDefinition(id: number): GroupDefinition | undefined {
  const known = definitions.get(id);
  if (known !== undefined) return known;
  stored ??= JSON.parse(readFileSync(TABLE_FILE, 'utf8')) as StoredTable;
  const group = stored[String(id)];
  if (group === undefined) return undefined;
  const definition = groupDefinition(group);
  definitions.set(id, definition);
  return definition;
}

/** A point of a model's fixed part. @throws RangeError for a name the model does not have (a bug). */
export function pointDefinition(modelId: number, name: string): PointDefinition {
  const point = modelDefinition(modelId)?.points.find((p) => p.name === name);
  if (point === undefined) throw new RangeError(`SunSpec model ${modelId} has no point ${name}`);
  return point;
}

/** The symbol of an enum's value, e.g. `MPPT`; undefined for a value without one. */
export function symbolOf(point: PointDefinition, value: number): string | undefined {
  return Object.entries(point.symbols).find(([, v]) => v === value)?.[0];
}

function groupDefinition(group: StoredGroup): GroupDefinition {
  let offset = 0;
  const points = group.p.map((point): PointDefinition => {
    const at = offset;
    offset += point.s;
    return {
      name: point.n,
      type: point.t,
      offset: at,
      size: point.s,
      sf: point.f,
      units: point.u,
      writable: point.w === 1,
      mandatory: point.m === 1,
      symbols: point.y ?? {},
    };
  });
  return {
    name: group.n,
    count: group.c ?? 1,
    points,
    groups: (group.g ?? []).map(groupDefinition),
    size: offset,
  };
}
