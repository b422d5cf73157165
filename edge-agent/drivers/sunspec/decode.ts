/**
 * Step 1 · A model's registers → its points, by the definition, repeating groups included. The registers
 * passed in come from one read, so a value always meets the scale factor of its own moment.
 */
import { decodeRaw, exponentOf, type PointValue, scale, type Words } from './codec.ts';
import { type GroupDefinition, modelDefinition, type PointDefinition } from './models.ts';

export interface DecodedGroup {
  readonly name: string;
  /** By point name, scale factor applied; null: not implemented. */
  readonly points: ReadonlyMap<string, PointValue>;
  readonly groups: readonly DecodedGroup[];
}

type Scope = ReadonlyMap<string, PointValue>;

/**
 * Decodes a whole model. `words` start at the model's ID register; those that are missing at the end (a model
 * shorter than its definition, as old devices have) leave their points out.
 * @returns undefined for a model that is not in the table.
 */
export function decodeModel(id: number, words: Words): DecodedGroup | undefined {
  const definition = modelDefinition(id);
  if (definition === undefined) return undefined;
  const [group] = decodeGroup(definition, words, 0, []);
  return group;
}

/** One point's value from words of one read. `wordsOf` gives a point's registers, undefined if not read. */
export function decodePoint(
  point: PointDefinition,
  wordsOf: (point: PointDefinition) => Words | undefined,
  find: (name: string) => PointDefinition | undefined,
): PointValue {
  const words = wordsOf(point);
  if (words === undefined) return null;
  const raw = decodeRaw(point.type, words);
  if (point.sf === undefined || raw === null || typeof raw === 'string') return raw;
  if (typeof point.sf === 'number') return scale(Number(raw), point.sf);
  const factor = find(point.sf);
  const factorWords = factor === undefined ? undefined : wordsOf(factor);
  const exponent = factorWords === undefined ? null : exponentOf(decodeRaw('sunssf', factorWords));
  return exponent === null ? null : scale(Number(raw), exponent);
}

function decodeGroup(
  definition: GroupDefinition,
  words: Words,
  start: number,
  around: readonly Scope[],
): [DecodedGroup, end: number] {
  const raw = new Map<string, PointValue>();
  for (const point of definition.points) {
    const at = start + point.offset;
    if (at + point.size > words.length) continue;
    raw.set(point.name, decodeRaw(point.type, slice(words, at, point.size)));
  }
  const scopes = [raw, ...around];
  const points = new Map<string, PointValue>();
  for (const point of definition.points) {
    const value = raw.get(point.name);
    if (value !== undefined && point.type !== 'pad') points.set(point.name, scaled(point, value, scopes));
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

function scaled(point: PointDefinition, raw: PointValue, scopes: readonly Scope[]): PointValue {
  if (point.sf === undefined || raw === null || typeof raw === 'string') return raw;
  const exponent = typeof point.sf === 'number' ? point.sf : exponentOf(lookUp(point.sf, scopes) ?? null);
  return exponent === null ? null : scale(Number(raw), exponent);
}

function repetitions(group: GroupDefinition, scopes: readonly Scope[], left: number): number {
  if (group.count === 0) return group.size === 0 ? 0 : Math.floor(left / group.size);
  const count = typeof group.count === 'number' ? group.count : lookUp(group.count, scopes);
  return typeof count === 'number' ? count : 0;
}

function lookUp(name: string, scopes: readonly Scope[]): PointValue | undefined {
  return scopes.find((scope) => scope.has(name))?.get(name);
}

function slice(words: Words, start: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => words[start + i] ?? 0);
}
