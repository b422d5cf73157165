/**
 * Finds a device's SunSpec models: marker `SunS` at a known base, then the chain of models to the end model
 * (SunSpec Device Information Model Specification, "Device model discovery"). What was found is kept when a
 * later part fails. Big reads are tried first, because they show many headers at once.
 */
import { messageOf } from '@fieldbid/core/errors';
import { ModbusError } from '../modbus/errors.ts';
import { MAX_READ } from '../modbus/register-link.ts';
import type { PointValue } from './codec.ts';
import { decodeModel } from './decode.ts';

export interface FoundModel {
  readonly id: number;
  /** Of the model's ID register. */
  readonly address: number;
  /** The model's L: registers after ID and L. */
  readonly length: number;
}

export interface ScanResult {
  /** Address of the marker. */
  readonly base: number;
  readonly models: readonly FoundModel[];
  /** Points of the first common model (1): manufacturer Mn, model Md, serial SN, version Vr. */
  readonly common: ReadonlyMap<string, PointValue>;
  /** Whether the end model was reached; if not, `fault` says why. */
  readonly complete: boolean;
  readonly fault: string | undefined;
}

export type ScanOutcome = ScanResult | { readonly found: false; readonly fault: string };

interface ScanLink {
  read(address: number, count: number): Promise<number[]>;
}

/** Bases of the specification, then the same as devices get them wrong by one. */
export const BASES: readonly number[] = [40_000, 50_000, 0, 40_001, 50_001, 1, 39_999, 49_999];
const MARKER = [0x5375, 0x6e53]; // "SunS"
const END_MODEL = 0xffff;
/** No real device has more; a chain that goes on is noise. */
const MOST_MODELS = 200;

/**
 * @throws ModbusError `MODBUS_CONNECTION` when there is no connection at all. Everything else is in the result.
 */
export async function scan(
  link: ScanLink,
  options: { bases?: readonly number[]; maxRead?: number } = {},
): Promise<ScanOutcome> {
  const bases = options.bases ?? BASES;
  let lastFault = 'the registers there hold something else';
  for (const base of bases) {
    try {
      const words = await link.read(base, 2);
      if (words[0] === MARKER[0] && words[1] === MARKER[1]) {
        return await new ChainWalk(link, options.maxRead ?? MAX_READ).walk(base);
      }
    } catch (error) {
      if (!(error instanceof ModbusError) || error.fault === 'MODBUS_CONNECTION') throw error;
      lastFault = messageOf(error);
    }
  }
  return { found: false, fault: `no marker SunS at ${bases.join(', ')}: ${lastFault}` };
}

class ChainWalk {
  readonly #link: ScanLink;
  readonly #maxRead: number;
  /** The latest block read, and where it starts. */
  #block: number[] = [];
  #blockStart = 0;
  #bigReads = true;

  constructor(link: ScanLink, maxRead: number) {
    this.#link = link;
    this.#maxRead = maxRead;
  }

  async walk(base: number): Promise<ScanResult> {
    const models: FoundModel[] = [];
    let common: ReadonlyMap<string, PointValue> = new Map();
    let fault: string | undefined;
    let address = base + MARKER.length;
    try {
      while (fault === undefined) {
        const [id, length] = await this.#header(address);
        if (id === END_MODEL) break;
        if (length === undefined || id === 0) {
          fault = `at ${address} is ${id}, which is no model header`;
          break;
        }
        models.push({ id, address, length });
        if (id === 1 && common.size === 0) common = await this.#common(address, length);
        address += 2 + length;
        if (models.length >= MOST_MODELS) fault = `more than ${MOST_MODELS} models`;
        if (address > 65_534) fault = `the chain runs beyond register 65535`;
      }
    } catch (error) {
      if (!(error instanceof ModbusError)) throw error;
      fault = `after ${models.length} models, at register ${address}: ${error.message}`;
    }
    return { base, models, common, complete: fault === undefined, fault };
  }

  /** ID and L at an address; L undefined where the device serves an end model without it. */
  async #header(address: number): Promise<[id: number, length: number | undefined]> {
    const known = this.#known(address, 2);
    if (known !== undefined) return [known[0] ?? 0, known[1]];
    if (this.#bigReads) {
      try {
        await this.#load(address, Math.min(this.#maxRead, 65_536 - address));
        return [this.#block[0] ?? 0, this.#block[1]];
      } catch (error) {
        // Near the end of its map, or over a gap, a device refuses the big read: go on in small ones.
        if (!isRefusal(error)) throw error;
        this.#bigReads = false;
      }
    }
    try {
      await this.#load(address, 2);
      return [this.#block[0] ?? 0, this.#block[1]];
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const [id = 0] = await this.#link.read(address, 1);
      return [id, undefined];
    }
  }

  async #common(address: number, length: number): Promise<ReadonlyMap<string, PointValue>> {
    const count = length + 2;
    try {
      let words = this.#known(address, count);
      if (words === undefined && count <= this.#maxRead) {
        await this.#load(address, count);
        words = this.#block;
      }
      return decodeModel(1, words ?? [])?.points ?? new Map();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return new Map(); // the chain goes on without a name
    }
  }

  async #load(address: number, count: number): Promise<void> {
    this.#block = await this.#link.read(address, count);
    this.#blockStart = address;
  }

  #known(address: number, count: number): number[] | undefined {
    const from = address - this.#blockStart;
    if (from < 0 || from + count > this.#block.length) return undefined;
    return this.#block.slice(from, from + count);
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof ModbusError && error.fault === 'MODBUS_EXCEPTION';
}
