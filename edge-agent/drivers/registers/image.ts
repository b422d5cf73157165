/** Step 1 · Points looked up in the registers of one image; value and scale factor from the same request. */
import type { RawRead } from '../../device/der-device.ts';
import type { PointValue, Words } from '../sunspec/codec.ts';
import { exponentIn, extentOf, type PointRef, rawOf, scaled } from './point-ref.ts';

export class RegisterImage {
  readonly reads: readonly RawRead[];

  constructor(reads: readonly RawRead[]) {
    this.reads = reads;
  }

  /** Raw value; null when not implemented or not read. */
  raw(point: PointRef): PointValue {
    const words = this.words(point);
    return words === undefined ? null : rawOf(point, words);
  }

  /** In its units; null when not implemented, not read, or without a usable scale factor. */
  number(point: PointRef): number | null {
    return scaled(this.raw(point), this.exponent(point));
  }

  /** The first of several that says something: a device may offer one value in two places. */
  first(points: readonly PointRef[]): number | null {
    for (const point of points) {
      const value = this.number(point);
      if (value !== null) return value;
    }
    return null;
  }

  text(point: PointRef | undefined): string | null {
    const value = point === undefined ? null : this.raw(point);
    return typeof value === 'string' && value !== '' ? value : null;
  }

  /** The exponent that applies to the point in this image. */
  exponent(point: PointRef): number | null {
    if (typeof point.sf === 'number') return point.sf;
    const words = this.words(point.sf, point);
    return words === undefined ? null : exponentIn(point.sf, words);
  }

  /** A point's registers from the request that also holds what belongs to `with`. */
  words(point: PointRef, together: PointRef = point): Words | undefined {
    const extent = extentOf(together);
    const read = this.reads.find(
      ({ table, address, words }) =>
        table === extent.table &&
        extent.address >= address &&
        extent.address + extent.count <= address + words.length,
    );
    if (read === undefined) return undefined;
    const from = point.address - read.address;
    if (from < 0 || from + point.size > read.words.length) return undefined;
    return read.words.slice(from, from + point.size);
  }
}
