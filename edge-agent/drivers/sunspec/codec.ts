/**
 * Points ↔ registers (SunSpec Device Information Model Specification, "Data types"). Big-endian words; every
 * type has a pattern that says "not implemented", read here as null. A value without a usable scale factor is
 * null as well: its magnitude is not known.
 */
import { isUtf8 } from 'node:buffer';
import { FieldbidError } from '@fieldbid/core/errors';
import type { PointDefinition, PointType } from './models.ts';

export type Words = ArrayLike<number>;
/** Integers beyond 2^53 come as bigint; texts as string; what the device does not implement as null. */
export type PointValue = number | bigint | string | null;

/** Exponents that the specification allows. */
const LARGEST_EXPONENT = 10;

interface IntegerType {
  readonly bits: 16 | 32 | 64;
  readonly signed: boolean;
  /** The pattern, read as unsigned. */
  readonly notImplemented: bigint;
}

const u = (bits: 16 | 32 | 64): IntegerType => ({
  bits,
  signed: false,
  notImplemented: (1n << BigInt(bits)) - 1n,
});
const s = (bits: 16 | 32 | 64): IntegerType => ({
  bits,
  signed: true,
  notImplemented: 1n << BigInt(bits - 1),
});
/** Accumulators and addresses: 0 is "not implemented". */
const zero = (bits: 16 | 32 | 64): IntegerType => ({ bits, signed: false, notImplemented: 0n });

const INTEGERS: Partial<Record<PointType, IntegerType>> = {
  int16: s(16),
  uint16: u(16),
  count: u(16),
  acc16: zero(16),
  enum16: u(16),
  bitfield16: u(16),
  sunssf: s(16),
  int32: s(32),
  uint32: u(32),
  acc32: zero(32),
  enum32: u(32),
  bitfield32: u(32),
  ipaddr: zero(32),
  int64: s(64),
  uint64: u(64),
  acc64: zero(64),
};

/** Raw value of a point, no scale factor applied. `words` are exactly the point's registers. */
export function decodeRaw(type: PointType, words: Words): PointValue {
  const integer = INTEGERS[type];
  if (integer !== undefined) return decodeInteger(integer, words);
  switch (type) {
    case 'string':
      return decodeText(words);
    case 'float32': {
      const value = bytesOf(words).getFloat32(0);
      return Number.isNaN(value) ? null : value;
    }
    case 'ipv6addr':
    case 'eui48':
      return decodeAddress(type, words);
    default:
      return null; // pad
  }
}

/** raw · 10^exponent, as the decimal number that the device means (15.1, never 15.100000000000001). */
export function scale(raw: number, exponent: number): number {
  return exponent < 0 ? raw / 10 ** -exponent : raw * 10 ** exponent;
}

/** A scale factor as read: its exponent, or null when it is not implemented or out of the allowed range. */
export function exponentOf(raw: PointValue): number | null {
  return typeof raw === 'number' && Math.abs(raw) <= LARGEST_EXPONENT ? raw : null;
}

/**
 * Registers of a raw value; null writes the type's "not implemented".
 * @throws FieldbidError `SUNSPEC_RANGE` when it does not fit or would read as "not implemented".
 */
export function encodeRaw(
  point: Pick<PointDefinition, 'name' | 'type' | 'size'>,
  value: PointValue,
): number[] {
  const { type, size } = point;
  const integer = INTEGERS[type];
  if (integer !== undefined) return encodeInteger(point.name, type, integer, value);
  if (type === 'string' && (value === null || typeof value === 'string')) {
    const bytes = Buffer.alloc(size * 2);
    const text = Buffer.from(value ?? '', 'utf8');
    if (text.length > bytes.length) throw outOfRange(point.name, type, value);
    text.copy(bytes);
    return Array.from({ length: size }, (_, i) => bytes.readUInt16BE(2 * i));
  }
  if (type === 'float32' && (value === null || typeof value === 'number')) {
    const view = new DataView(new ArrayBuffer(4));
    if (value === null) view.setUint32(0, 0x7fc00000);
    else view.setFloat32(0, value);
    return [view.getUint16(0), view.getUint16(2)];
  }
  if (type === 'pad') return Array.from({ length: size }, () => 0x8000);
  throw outOfRange(point.name, type, value);
}

/**
 * Registers of a value in units, by its scale factor's exponent, rounded to the nearest step.
 * @throws FieldbidError `SUNSPEC_RANGE`.
 */
export function encodeScaled(point: PointDefinition, value: number | null, exponent: number): number[] {
  if (value === null) return encodeRaw(point, null);
  if (!Number.isFinite(value)) throw outOfRange(point.name, point.type, value);
  return encodeRaw(point, Math.round(scale(value, -exponent)));
}

function decodeInteger({ bits, signed, notImplemented }: IntegerType, words: Words): number | bigint | null {
  if (bits < 64) {
    const high = words[0] ?? 0;
    const unsigned = bits === 16 ? high : high * 65_536 + (words[1] ?? 0);
    if (unsigned === Number(notImplemented)) return null;
    return signed && unsigned >= 2 ** (bits - 1) ? unsigned - 2 ** bits : unsigned;
  }
  let unsigned = 0n;
  for (let i = 0; i < bits / 16; i++) unsigned = (unsigned << 16n) | BigInt(words[i] ?? 0);
  if (unsigned === notImplemented) return null;
  const value = signed ? BigInt.asIntN(bits, unsigned) : unsigned;
  const exact = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
  return exact ? Number(value) : value;
}

function encodeInteger(name: string, type: PointType, integer: IntegerType, value: PointValue): number[] {
  const { bits, signed, notImplemented } = integer;
  if (typeof value === 'string' || (typeof value === 'number' && !Number.isInteger(value))) {
    throw outOfRange(name, type, value);
  }
  const lowest16 = signed ? -0x7fff : 0;
  const highest16 = signed ? 0x7fff : notImplemented === 0n ? 0xffff : 0xfffe;
  if (bits === 16 && typeof value === 'number' && value >= lowest16 && value <= highest16) {
    return [value & 0xffff]; // nearly all points of a device: worth a way without bigint
  }
  const count = bits / 16;
  let unsigned = notImplemented;
  if (value !== null) {
    const whole = BigInt(value);
    const lowest = signed ? -(1n << BigInt(bits - 1)) : 0n;
    const highest = (1n << BigInt(signed ? bits - 1 : bits)) - 1n;
    unsigned = BigInt.asUintN(bits, whole);
    // An accumulator may stand at 0, although it then reads as "not implemented".
    const reserved = unsigned === notImplemented && notImplemented !== 0n;
    if (whole < lowest || whole > highest || reserved) throw outOfRange(name, type, value);
  }
  return Array.from({ length: count }, (_, i) =>
    Number((unsigned >> BigInt(16 * (count - 1 - i))) & 0xffffn),
  );
}

/** UTF-8, or Latin-1 where it is not; what stands behind it is padding. First byte 0: not implemented. */
function decodeText(words: Words): string | null {
  const bytes = new Uint8Array(bytesOf(words).buffer);
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  if (end === 0 || bytes[0] === 0) return null;
  const text = bytes.subarray(0, end);
  return isUtf8(text) ? Buffer.from(text).toString('utf8') : Buffer.from(text).toString('latin1');
}

/** `00:11:22:33:44:55`, or an IPv6 address as four groups; all zeros, and a MAC of all ones, are "not implemented". */
function decodeAddress(type: 'ipv6addr' | 'eui48', words: Words): string | null {
  const hex = Array.from({ length: words.length }, (_, i) => hexWord(words[i])).join('');
  const own = type === 'eui48' ? hex.slice(-12) : hex;
  if (/^0*$/.test(hex) || (type === 'eui48' && /^f*$/.test(own))) return null;
  const digits = type === 'eui48' ? 2 : 8;
  return (
    own
      .toUpperCase()
      .match(new RegExp(`.{${digits}}`, 'g'))
      ?.join(':') ?? null
  );
}

function bytesOf(words: Words): DataView {
  const view = new DataView(new ArrayBuffer(words.length * 2));
  for (let i = 0; i < words.length; i++) view.setUint16(2 * i, words[i] ?? 0);
  return view;
}

function hexWord(word = 0): string {
  return word.toString(16).padStart(4, '0');
}

function outOfRange(name: string, type: PointType, value: PointValue): FieldbidError {
  return new FieldbidError('SUNSPEC_RANGE', `${name} (${type}) cannot hold ${String(value)}`);
}
