/**
 * Step 1 · A model's registers → its points, by the definition, repeating groups included: for people and scripts.
 * A point whose scale factor is not implemented is shown as it stands, with `sf` null, as pysunspec2 does; the
 * agent itself takes no such value (registers/image.ts), because its magnitude is not known.
 */
import { decodeRaw, exponentOf, type PointValue, scale } from './codec.ts';
import { type GroupDefinition, modelDefinition, type PointDefinition } from './models.ts';

export interface DecodedPoint {
  /** As in the registers, no scale factor applied; null: not implemented, or not read. */
  readonly raw: PointValue;
  /** In the point's units; null: not implemented, or its magnitude is not known. */
  readonly value: PointValue;
  /** The exponent that was applied; null: the point has none. */
  readonly sf: number | null;
}

export interface DecodedGroup {
  readonly name: string;
  /** By point name; points beyond what the device serves are left out. */
  readonly points: ReadonlyMap<string, DecodedPoint>;
  /** Nested groups in the order of the registers, each repetition by itself. */
  readonly groups: readonly DecodedGroup[];
}

/** Registers of a model from its ID register on; undefined where one could not be read. */
export type ModelWords = ArrayLike<number | undefined>;

interface Scope {
  readonly raw: Map<string, PointValue>;
}

/**
 * Decodes a whole model. Points beyond the end of `words` are left out (a model shorter than its definition, as
 * old devices have).
 * @returns undefined for a model that is not in the table.
 */
export function decodeModel(id: number, words: ModelWords): DecodedGroup | undefined {
  const definition = modelDefinition(id);
  if (definition === undefined) return undefined;
  return decodeGroup(definition, words, 0, [])[0];
}

function decodeGroup(
  definition: GroupDefinition,
  words: ModelWords,
  start: number,
  around: readonly Scope[],
): [DecodedGroup, end: number] {
  const own: Scope = { raw: new Map() };
  for (const point of definition.points) {
    const at = start + point.offset;
    if (at + point.size > words.length) continue;
    const found = slice(words, at, point.size);
    own.raw.set(point.name, found === undefined ? null : decodeRaw(point.type, found));
  }
  const scopes = [own, ...around];
  const points = new Map<string, DecodedPoint>();
  for (const point of definition.points) {
    const raw = own.raw.get(point.name);
    if (raw !== undefined && point.type !== 'pad') points.set(point.name, scaled(point, raw, scopes));
  }
  let at = start + definition.size;
  const groups: DecodedGroup[] = [];
  for (const nested of definition.groups) {
    const times = repetitions(nested, scopes, words.length - at);
    for (let i = 0; i < times && at < words.length; i++) {
      const [group, end] = decodeGroup(nested, words, at, scopes);
      groups.push(group);
      at = end;
    }
  }
  return [{ name: definition.name, points, groups }, at];
}

function scaled(point: PointDefinition, raw: PointValue, scopes: readonly Scope[]): DecodedPoint {
  const sf = typeof point.sf === 'string' ? lookUp(point.sf, scopes) : point.sf;
  if (raw === null || typeof raw === 'string' || typeof sf !== 'number')
    return { raw, value: raw, sf: exponentOf(sf ?? null) };
  const exponent = exponentOf(sf);
  return { raw, value: exponent === null ? null : scale(Number(raw), exponent), sf: exponent };
}

/** How often a group repeats: a fixed number, what a counting point says, or as often as the model is long. */
function repetitions(group: GroupDefinition, scopes: readonly Scope[], left: number): number {
  if (group.count === 0) return group.size === 0 ? 0 : Math.floor(left / sizeOf(group));
  const count = typeof group.count === 'number' ? group.count : lookUp(group.count, scopes);
  return typeof count === 'number' ? count : 0;
}

/** Registers of one repetition, nested groups of fixed number included. */
function sizeOf(group: GroupDefinition): number {
  return group.groups.reduce(
    (sum, nested) => sum + (typeof nested.count === 'number' ? nested.count * sizeOf(nested) : 0),
    group.size,
  );
}

function lookUp(name: string, scopes: readonly Scope[]): PointValue | undefined {
  return scopes.find(({ raw }) => raw.has(name))?.raw.get(name);
}

function slice(words: ModelWords, start: number, count: number): number[] | undefined {
  const found: number[] = [];
  for (let i = start; i < start + count; i++) {
    const word = words[i];
    if (word === undefined) return undefined;
    found.push(word);
  }
  return found;
}
