/** Registers of a family's own, outside of SunSpec: holding and input, each point where its profile says. */
import { mapped } from '@fieldbid/edge-agent/drivers/registers/bind-map';
import { type PointRef, rawOf, wordsOf } from '@fieldbid/edge-agent/drivers/registers/point-ref';
import { encodeRaw } from '@fieldbid/edge-agent/drivers/sunspec/codec';
import type { MappedPoint } from '@fieldbid/edge-agent/profiles/register-map';
import type { InverterPhysics } from '../inverter-physics.ts';
import { ILLEGAL_ADDRESS, ILLEGAL_VALUE, ModbusRefusal } from '../modbus-answers.ts';
import type { Present } from './part.ts';

export interface OwnPoint {
  readonly name: string;
  readonly point: MappedPoint;
  /** In its units: what it shows now. A writable point without it shows what was written. */
  readonly show?: (present: Present) => number | string;
  /** Value at the start, in its units. */
  readonly value?: number;
  /** May be written, within these values in its units. */
  readonly takes?: readonly [least: number, most: number];
}

export interface OwnMap {
  readonly points: readonly OwnPoint[];
  /** Passes on what was written; `value` looks a point up, in its units. */
  readonly obey: (
    names: readonly string[],
    value: (name: string) => number,
    physics: InverterPhysics,
  ) => void;
}

export class OwnRegisters {
  readonly #map: OwnMap;
  readonly #words = { holding: new Map<number, number>(), input: new Map<number, number>() };
  readonly #refs: readonly (OwnPoint & { ref: PointRef })[];

  constructor(map: OwnMap) {
    this.#map = map;
    this.#refs = map.points.map((point) => ({ ...point, ref: mapped(point.name, point.point) }));
    for (const { ref, value } of this.#refs) this.#put(ref, value ?? (ref.type === 'string' ? '' : 0));
  }

  /** Whether the register is one of these. */
  covers(table: 'holding' | 'input', address: number): boolean {
    return this.#words[table].has(address);
  }

  /** @throws ModbusRefusal 2 over a hole. */
  read(table: 'holding' | 'input', address: number, count: number): number[] {
    return Array.from({ length: count }, (_, i) => {
      const word = this.#words[table].get(address + i);
      if (word === undefined) throw new ModbusRefusal(ILLEGAL_ADDRESS, `no register ${address + i}`);
      return word;
    });
  }

  /** Takes all words or none. @returns names of the points written. @throws ModbusRefusal. */
  write(address: number, words: readonly number[], keep: boolean): string[] {
    const touched = this.#refs.filter(
      ({ ref }) =>
        ref.table === 'holding' && ref.address < address + words.length && address < ref.address + ref.size,
    );
    const covered = touched.reduce((sum, { ref }) => sum + ref.size, 0);
    if (touched.length === 0 || covered < words.length) {
      throw new ModbusRefusal(ILLEGAL_ADDRESS, `registers from ${address} cannot be written`);
    }
    const changes = touched.map(({ name, ref, takes }) => {
      const own = this.read('holding', ref.address, ref.size);
      for (const [i, word] of words.entries()) {
        const at = address + i - ref.address;
        if (at >= 0 && at < ref.size) own[at] = word;
      }
      const value = inUnits(ref, own);
      if (takes === undefined) throw new ModbusRefusal(ILLEGAL_ADDRESS, `${name} cannot be written`);
      // A 32-bit value written register by register passes through values of its own.
      const whole = ref.size <= words.length;
      if (whole && !(value >= takes[0] && value <= takes[1])) {
        throw new ModbusRefusal(ILLEGAL_VALUE, `${value} in ${name}`);
      }
      return { name, ref, own };
    });
    if (keep) for (const { ref, own } of changes) this.#putWords(ref, own);
    return changes.map(({ name }) => name);
  }

  show(present: Present): void {
    for (const { ref, show } of this.#refs) if (show !== undefined) this.#put(ref, show(present));
  }

  obey(names: readonly string[], physics: InverterPhysics): void {
    this.#map.obey(names, (name) => this.#value(name), physics);
  }

  #value(name: string): number {
    const found = this.#refs.find((point) => point.name === name);
    if (found === undefined) throw new RangeError(`no point ${name}`);
    return inUnits(found.ref, this.read(found.ref.table, found.ref.address, found.ref.size));
  }

  #put(ref: PointRef, value: number | string): void {
    if (typeof value === 'string') this.#putWords(ref, encodeRaw(ref, value));
    else if (ref.type === 'float32') this.#putWords(ref, wordsOf(ref, value));
    else this.#putWords(ref, wordsOf(ref, Math.round(value / 10 ** Number(ref.sf))));
  }

  #putWords(ref: PointRef, words: readonly number[]): void {
    words.forEach((word, i) => void this.#words[ref.table].set(ref.address + i, word));
  }
}

function inUnits(ref: PointRef, words: readonly number[]): number {
  const raw = rawOf(ref, words);
  return typeof raw === 'number' ? raw * 10 ** Number(ref.sf) : Number.NaN;
}
