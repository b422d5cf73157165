/** Step 1 · Points looked up in the registers of one image; value and scale factor from the same request. */
import type { RawRead } from '../../device/der-device.ts';
import { decodeRaw, exponentOf, type PointValue, type Words } from './codec.ts';
import { decodePoint } from './decode.ts';
import { modelDefinition, type PointDefinition, pointDefinition } from './models.ts';
import type { FoundModel } from './scan.ts';

export class SunSpecImage {
  readonly reads: readonly RawRead[];

  constructor(reads: readonly RawRead[]) {
    this.reads = reads;
  }

  /** A point's value in its units; null when not implemented or not read. */
  value(model: FoundModel, name: string): PointValue {
    const point = pointDefinition(model.id, name);
    if (point.offset + point.size > model.length + 2) return null; // an old, shorter model
    const read = this.#readWith(model, point);
    const find = (factor: string): PointDefinition | undefined =>
      modelDefinition(model.id)?.points.find((p) => p.name === factor);
    return decodePoint(point, (p) => wordsIn(read, model.address + p.offset, p.size), find);
  }

  /** The same for numbers. */
  number(model: FoundModel, name: string): number | null {
    const value = this.value(model, name);
    return value === null || typeof value === 'string' ? null : Number(value);
  }

  /** A scale-factor point's exponent of ten. */
  exponent(model: FoundModel, name: string): number | null {
    const point = pointDefinition(model.id, name);
    const words = wordsIn(this.#readWith(model, point), model.address + point.offset, point.size);
    return words === undefined ? null : exponentOf(decodeRaw('sunssf', words));
  }

  /** The request that holds a point together with its scale factor. */
  #readWith(model: FoundModel, point: PointDefinition): RawRead | undefined {
    const factor = typeof point.sf === 'string' ? pointDefinition(model.id, point.sf) : point;
    return this.reads.find(
      (read) =>
        holds(read, model.address + point.offset, point.size) &&
        holds(read, model.address + factor.offset, factor.size),
    );
  }
}

function holds({ address, words }: RawRead, from: number, count: number): boolean {
  return from >= address && from + count <= address + words.length;
}

function wordsIn(read: RawRead | undefined, from: number, count: number): Words | undefined {
  if (read === undefined || !holds(read, from, count)) return undefined;
  return read.words.slice(from - read.address, from - read.address + count);
}
