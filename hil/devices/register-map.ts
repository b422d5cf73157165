/**
 * The registers of a simulated SunSpec device: a chain of models laid out from the model definitions, every
 * point present, those without a value "not implemented".
 */
import {
  decodeRaw,
  encodeRaw,
  encodeScaled,
  type PointValue,
} from '@fieldbid/edge-agent/drivers/sunspec/codec';
import {
  modelDefinition,
  type PointDefinition,
  pointDefinition,
} from '@fieldbid/edge-agent/drivers/sunspec/models';
import { ILLEGAL_ADDRESS, ModbusRefusal } from './modbus-answers.ts';

interface PlacedPoint {
  readonly modelId: number;
  readonly definition: PointDefinition;
  readonly address: number;
}

/** A point that a client writes, as it would then stand. */
export interface PointChange {
  readonly modelId: number;
  readonly name: string;
  readonly address: number;
  readonly words: readonly number[];
  /** null: not implemented, or no number. */
  readonly raw: number | null;
}

export interface ModelContent {
  readonly id: number;
  /** Exponents of the scale factors, by point name. */
  readonly exponents: Readonly<Record<string, number>>;
  /** Points that keep their value, in their units; texts as they are. Points left out: not implemented. */
  readonly fixed: Readonly<Record<string, number | string>>;
}

export class RegisterMap {
  readonly base: number;
  readonly #words: number[] = [];
  readonly #points = new Map<string, PlacedPoint>();
  readonly #byAddress = new Map<number, PlacedPoint>();
  readonly #exponents = new Map<string, number>();

  constructor(base: number, chain: readonly ModelContent[]) {
    this.base = base;
    this.#words.push(0x5375, 0x6e53); // "SunS"
    for (const content of chain) this.#place(content);
    this.#words.push(0xffff, 0); // end model
  }

  /** @throws ModbusRefusal 2 outside of the map. */
  read(address: number, count: number): number[] {
    this.#mustExist(address, count);
    return this.#words.slice(address - this.base, address - this.base + count);
  }

  /** Puts a value, in its units, into a point; null: not implemented. */
  set(modelId: number, name: string, value: number | null): void {
    const point = this.#point(modelId, name);
    const sf = point.definition.sf;
    const exponent = typeof sf === 'string' ? (this.#exponents.get(`${modelId}.${sf}`) ?? 0) : (sf ?? 0);
    this.setWords(point.address, encodeScaled(point.definition, value, exponent));
  }

  /** Raw words, no questions asked. */
  setWords(address: number, words: readonly number[]): void {
    for (const [i, word] of words.entries()) this.#words[address - this.base + i] = word;
  }

  addressOf(modelId: number, name: string): number {
    return this.#point(modelId, name).address;
  }

  wordAt(modelId: number, name: string): number {
    return this.#words[this.addressOf(modelId, name) - this.base] ?? 0;
  }

  /** Smallest step of a point's value, in its units. */
  step(modelId: number, name: string): number {
    const { sf } = this.#point(modelId, name).definition;
    return typeof sf === 'string' ? 10 ** (this.#exponents.get(`${modelId}.${sf}`) ?? 0) : 1;
  }

  /**
   * The points that a write would change, and the words that each would then hold; of a wide point a single
   * register may be written.
   * @throws ModbusRefusal 2 when a register does not exist or may not be written.
   */
  changes(address: number, words: readonly number[]): PointChange[] {
    this.#mustExist(address, words.length);
    const found = new Map<PlacedPoint, number[]>();
    for (const [i, word] of words.entries()) {
      const point = this.#byAddress.get(address + i);
      if (point === undefined || !point.definition.writable) {
        throw new ModbusRefusal(ILLEGAL_ADDRESS, `register ${address + i} cannot be written`);
      }
      const own = found.get(point) ?? this.read(point.address, point.definition.size);
      own[address + i - point.address] = word;
      found.set(point, own);
    }
    return [...found].map(([{ modelId, definition, address: at }, own]) => {
      const raw = decodeRaw(definition.type, own);
      const name = definition.name;
      return { modelId, name, address: at, words: own, raw: typeof raw === 'number' ? raw : null };
    });
  }

  /** Moves a scale factor; values put in from then on follow it. */
  setExponent(modelId: number, name: string, exponent: number): void {
    this.#exponents.set(`${modelId}.${name}`, exponent);
    this.setWords(this.addressOf(modelId, name), [exponent & 0xffff]);
  }

  /** Makes every point of a model but its scale factors "not implemented". */
  blank(modelId: number): void {
    for (const { modelId: id, definition, address } of this.#points.values()) {
      if (id !== modelId || definition.offset < 2 || definition.type === 'sunssf') continue;
      this.setWords(address, encodeRaw(definition, null));
    }
  }

  /** A point's value in its units; null: not implemented. */
  value(modelId: number, name: string): number | null {
    const { address, definition } = this.#point(modelId, name);
    const raw = decodeRaw(definition.type, this.read(address, definition.size));
    return typeof raw === 'number' ? raw * this.step(modelId, name) : null;
  }

  #place({ id, exponents, fixed }: ModelContent): void {
    const definition = modelDefinition(id);
    if (definition === undefined) throw new RangeError(`SunSpec model ${id} is not in the table`);
    const start = this.base + this.#words.length;
    for (const point of definition.points) {
      const placed = { modelId: id, definition: point, address: start + point.offset };
      this.#points.set(`${id}.${point.name}`, placed);
      for (let i = 0; i < point.size; i++) this.#byAddress.set(placed.address + i, placed);
      this.#words.push(...encodeRaw(point, this.#initial(id, point, definition.size, exponents)));
    }
    for (const [name, value] of Object.entries(fixed)) {
      if (typeof value === 'number') this.set(id, name, value);
      else this.setWords(this.addressOf(id, name), encodeRaw(pointDefinition(id, name), value));
    }
  }

  #initial(
    id: number,
    point: PointDefinition,
    size: number,
    exponents: ModelContent['exponents'],
  ): PointValue {
    if (point.name === 'ID') return id;
    if (point.name === 'L') return size - 2;
    const exponent = point.type === 'sunssf' ? exponents[point.name] : undefined;
    if (exponent === undefined) return null;
    this.#exponents.set(`${id}.${point.name}`, exponent);
    return exponent;
  }

  #point(modelId: number, name: string): PlacedPoint {
    const point = this.#points.get(`${modelId}.${name}`);
    if (point === undefined) throw new RangeError(`this device has no ${name} in model ${modelId}`);
    return point;
  }

  #mustExist(address: number, count: number): void {
    if (address < this.base || address + count > this.base + this.#words.length) {
      throw new ModbusRefusal(ILLEGAL_ADDRESS, `no registers ${address} ... ${address + count - 1}`);
    }
  }
}
