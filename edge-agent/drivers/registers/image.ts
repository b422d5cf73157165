/**
 * Step 1 · Points looked up in the registers of one image; value and scale factor from the same request, or from
 * requests around which the factor was seen to stand still (image-reader.ts).
 */
import type { RawRead } from '../../device/der-device.ts';
import type { PointValue, Words } from '../sunspec/codec.ts';
import { exponentIn, extentOf, type PointRef, rawOf, scaled } from './point-ref.ts';

export class RegisterImage {
  readonly reads: readonly RawRead[];
  readonly #steadyFactors: readonly RawRead[];

  /** @param steadyFactors scale factors that were the same before and after the reads. */
  constructor(reads: readonly RawRead[], steadyFactors: readonly RawRead[] = []) {
    this.reads = reads;
    this.#steadyFactors = steadyFactors;
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

  /** The exponent that applies to the point in this image. */
  exponent(point: PointRef): number | null {
    const { sf } = point;
    if (typeof sf === 'number') return sf;
    const words = wordsIn(this.#readOf(point), sf) ?? wordsIn(holding(this.#steadyFactors, sf), sf);
    return words === undefined ? null : exponentIn(sf, words);
  }

  /** A point's registers, from the request that also holds its scale factor. */
  words(point: PointRef): Words | undefined {
    return wordsIn(this.#readOf(point), point);
  }

  #readOf(point: PointRef): RawRead | undefined {
    const whole = holding(this.reads, extentOf(point));
    const { sf } = point;
    if (whole !== undefined || typeof sf === 'number') return whole;
    return holding(this.#steadyFactors, sf) === undefined ? undefined : holding(this.reads, point);
  }
}

type Extent = Pick<PointRef, 'table' | 'address'> & ({ readonly size: number } | { readonly count: number });

function holding(reads: readonly RawRead[], extent: Extent): RawRead | undefined {
  const count = 'count' in extent ? extent.count : extent.size;
  return reads.find(
    ({ table = 'holding', address, words }) =>
      table === extent.table && extent.address >= address && extent.address + count <= address + words.length,
  );
}

function wordsIn(read: RawRead | undefined, { address, size }: PointRef): Words | undefined {
  if (read === undefined) return undefined;
  const from = address - read.address;
  return from < 0 || from + size > read.words.length ? undefined : read.words.slice(from, from + size);
}
