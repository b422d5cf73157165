/**
 * Step 1 · Reads the points of one image in few requests, a value and its scale factor always in the same one.
 * Where a device gives too few registers at once for that (701.W stands 107 registers before its factor), the
 * factors are read before and after: a value counts only when they are the same.
 */
import { FieldbidError } from '@fieldbid/core/errors';
import type { RawRead } from '../../device/der-device.ts';
import { BlockReader } from '../modbus/block-reader.ts';
import { ModbusError } from '../modbus/errors.ts';
import type { RegisterLink } from '../modbus/register-link.ts';
import { RegisterImage } from './image.ts';
import { planReads, type Span } from './plan.ts';
import { extentOf, type PointRef } from './point-ref.ts';

export interface ImageReaderOptions {
  readonly link: RegisterLink;
  /** Registers in one request, at most, and of them that nobody asked for in a row. */
  readonly modbus: { readonly maxRead: number; readonly widestGap?: number };
  /** Market time, epoch ms. */
  readonly now: () => number;
}

/** A device that refuses an extent larger than this may take its parts. */
const CAUTIOUS_READ = 32;
const MOST_ATTEMPTS = 3;

export class ImageReader {
  readonly #options: ImageReaderOptions;
  readonly #blocks: BlockReader;
  #cautious = false;

  constructor(options: ImageReaderOptions) {
    this.#options = options;
    this.#blocks = new BlockReader(options.link);
  }

  /** @throws ModbusError; FieldbidError `SCALE_MOVES` (retryable) when scale factors do not stand still. */
  async read(points: readonly PointRef[]): Promise<RegisterImage> {
    try {
      return await this.#read(points);
    } catch (error) {
      const mayBeSize = error instanceof ModbusError && [2, 3].includes(error.exception ?? 0);
      if (!mayBeSize || this.#cautious || !points.some((p) => extentOf(p).count > CAUTIOUS_READ)) throw error;
      const image = await this.#with(CAUTIOUS_READ, points);
      this.#cautious = true;
      return image;
    }
  }

  #read(points: readonly PointRef[]): Promise<RegisterImage> {
    const { link, modbus } = this.#options;
    const most = Math.min(modbus.maxRead, link.maxRead);
    return this.#with(this.#cautious ? Math.min(most, CAUTIOUS_READ) : most, points);
  }

  async #with(most: number, points: readonly PointRef[]): Promise<RegisterImage> {
    const far = points.filter((point) => typeof point.sf !== 'number' && extentOf(point).count > most);
    const spans = points.map((point) => (far.includes(point) ? alone(point) : extentOf(point)));
    if (far.length === 0) return new RegisterImage(await this.#spans(spans, most));
    const factors = far.flatMap(({ sf }) => (typeof sf === 'number' ? [] : [alone(sf)]));
    let before = await this.#spans(factors, most);
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
      const reads = await this.#spans(spans, most);
      const after = await this.#spans(factors, most);
      if (sameWords(before, after)) return new RegisterImage(reads, after);
      before = after;
    }
    const text = `${this.#options.link.name}: scale factors move while their values are read`;
    throw new FieldbidError('SCALE_MOVES', text, { retryable: true });
  }

  async #spans(spans: readonly Span[], most: number): Promise<RawRead[]> {
    const { modbus, now } = this.#options;
    const { widestGap } = modbus;
    const atMost = Math.max(most, ...spans.map(({ count }) => count));
    const blocks = planReads(spans, { most: atMost, ...(widestGap === undefined ? {} : { widestGap }) });
    const reads = await this.#blocks.read(blocks, spans);
    return reads.map((read): RawRead => ({ ...read, readAt_ms: now() }));
  }
}

function alone({ table, address, size }: PointRef): Span {
  return { table, address, count: size };
}

function sameWords(a: readonly RawRead[], b: readonly RawRead[]): boolean {
  return a.length === b.length && a.every((read, i) => read.words.join() === b[i]?.words.join());
}
