/**
 * Steps 1 and 11 · A point of a device: where it stands, how its registers are read and written. SunSpec points
 * and the registers of a family's own map are the same thing from here on.
 */
import { FieldbidError } from '@fieldbid/core/errors';
import { decodeRaw, encodeRaw, exponentOf, type PointValue, scale, type Words } from '../sunspec/codec.ts';
import type { PointType } from '../sunspec/models.ts';

/** Modbus tables that hold 16-bit registers: function 3 and function 4. */
export type RegisterTable = 'holding' | 'input';

export interface PointRef {
  /** The device's own name for it: `123.WMaxLimPct`, or the profile's. */
  readonly name: string;
  readonly table: RegisterTable;
  readonly address: number;
  /** Registers. */
  readonly size: number;
  readonly type: PointType;
  /** Exponent of ten, or the point that holds it. */
  readonly sf: number | PointRef;
  /** The low word comes first, as in some families' 32-bit values. */
  readonly wordSwap: boolean;
  /** A raw value that means "not implemented", beside the type's own pattern. */
  readonly notImplemented: number | undefined;
}

/** Raw value, no scale factor applied; null: not implemented. `words` are the point's registers. */
export function rawOf(point: PointRef, words: Words): PointValue {
  const raw = decodeRaw(point.type, inOrder(point, words));
  return raw === point.notImplemented ? null : raw;
}

/**
 * Registers of a raw value.
 * @throws FieldbidError `SUNSPEC_RANGE` when it does not fit or would read as "not implemented".
 */
export function wordsOf(point: PointRef, raw: number): number[] {
  if (raw === point.notImplemented) {
    throw new FieldbidError('SUNSPEC_RANGE', `${point.name} would read ${raw} as "not implemented"`);
  }
  return inOrder(point, encodeRaw(point, raw));
}

/** The number in its units; null when it, or its scale factor, is not implemented. */
export function scaled(raw: PointValue, exponent: number | null): number | null {
  if (raw === null || typeof raw === 'string' || exponent === null) return null;
  return scale(Number(raw), exponent);
}

/** What a scale-factor point's registers say; null when not implemented or out of the allowed range. */
export function exponentIn(point: PointRef, words: Words): number | null {
  return exponentOf(decodeRaw('sunssf', inOrder(point, words)));
}

/** The registers that must come from one request for the value to mean anything. */
export function extentOf(point: PointRef): { table: RegisterTable; address: number; count: number } {
  const parts = typeof point.sf === 'number' ? [point] : [point, point.sf];
  const address = Math.min(...parts.map((part) => part.address));
  const end = Math.max(...parts.map((part) => part.address + part.size));
  return { table: point.table, address, count: end - address };
}

function inOrder(point: PointRef, words: Words): number[] {
  const list = Array.from(words);
  return point.wordSwap && point.type !== 'string' ? list.reverse() : list;
}
