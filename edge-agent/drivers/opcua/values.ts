/** Steps 1 and 11 · Values of OPC UA's built-in types (OPC 10000-6, 5.1.2) to and from plain ones (pure). */

/** Built-in types by their ids, as far as a mapping can use them. */
const TYPES = {
  1: 'Boolean',
  2: 'SByte',
  3: 'Byte',
  4: 'Int16',
  5: 'UInt16',
  6: 'Int32',
  7: 'UInt32',
  8: 'Int64',
  9: 'UInt64',
  10: 'Float',
  11: 'Double',
  12: 'String',
  13: 'DateTime',
  21: 'LocalizedText',
} as const;

const LARGEST: Readonly<Record<number, number>> = {
  2: 0x7f,
  3: 0xff,
  4: 0x7fff,
  5: 0xffff,
  6: 0x7fff_ffff,
  7: 0xffff_ffff,
  8: Number.MAX_SAFE_INTEGER,
  9: Number.MAX_SAFE_INTEGER,
};
/** W, V, VA, Wh or s that one of the unit is worth. */
const FACTORS: Readonly<Record<string, number>> = {
  ...{ W: 1, kW: 1e3, MW: 1e6, V: 1, kV: 1e3, Wh: 1, kWh: 1e3, MWh: 1e6 },
  ...{ VA: 1, kVA: 1e3, s: 1, ms: 1e-3, min: 60 },
};
const BOOLEAN = 1;
const FLOAT = 10;
const DOUBLE = 11;
const STRING = 12;
const LOCALIZED_TEXT = 21;
const TWO_32 = 2 ** 32;

export function factorOf(unit: string): number {
  return FACTORS[unit] ?? 1;
}

export function typeName(dataType: number): string {
  return TYPES[dataType as keyof typeof TYPES] ?? `built-in type ${dataType}`;
}

export function isNumeric(dataType: number): boolean {
  return dataType in LARGEST || dataType === FLOAT || dataType === DOUBLE;
}

export function isWhole(dataType: number): boolean {
  return dataType in LARGEST;
}

export function isText(dataType: number): boolean {
  return dataType === STRING || dataType === LOCALIZED_TEXT;
}

export function isBoolean(dataType: number): boolean {
  return dataType === BOOLEAN;
}

/** The largest number that a node of this type can hold. */
export function largestOf(dataType: number): number {
  return LARGEST[dataType] ?? (dataType === FLOAT ? 3.4e38 : Number.MAX_VALUE);
}

/** The largest value, not above `value` >= 0, that a node of this type holds exactly. */
export function heldAtMost(dataType: number, value: number): number {
  if (dataType !== FLOAT) return value;
  const held = new Float32Array([value]);
  // Of positive floats the next smaller one has the next smaller bit pattern.
  if (held[0]! > value) new Uint32Array(held.buffer)[0]! -= 1;
  return held[0]!;
}

/** A finite number; null for everything else. 64-bit ones come as [high, low] words. */
export function numberOf(dataType: number, value: unknown): number | null {
  if (!isNumeric(dataType)) return null;
  if (Array.isArray(value) && value.length === 2) {
    const [high, low] = value as [number, number];
    const signed = dataType === 8 && high >= 0x8000_0000 ? high - TWO_32 : high;
    return signed * TWO_32 + low;
  }
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** Text as a person would read it: the switch and state values of a mapping are compared with it. */
export function textOf(dataType: number, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (dataType === LOCALIZED_TEXT) return textOf(STRING, (value as { text?: unknown }).text);
  if (isNumeric(dataType)) return numberOf(dataType, value)?.toString() ?? null;
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'string' || typeof value === 'boolean' ? String(value) : null;
}

/** A plain value in the form that the library writes for this type. */
export function toWire(dataType: number, value: number | boolean | string): unknown {
  if (dataType === BOOLEAN) return value === true || value === 1;
  if (isText(dataType)) return dataType === STRING ? String(value) : { text: String(value) };
  const wanted = Number(value);
  if (dataType !== 8 && dataType !== 9) return wanted;
  return [Math.floor(wanted / TWO_32), wanted % TWO_32];
}
