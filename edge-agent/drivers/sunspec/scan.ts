/**
 * Finds a device's SunSpec models: marker `SunS` at a known base, then the chain of models to the end model
 * (SunSpec Device Information Model Specification, "Device model discovery"). What was found is kept when a
 * later part fails. Big reads are tried first: they show many headers at once, and what they brought is kept for
 * whoever wants the points.
 */
import { messageOf } from '@fieldbid/core/errors';
import { ModbusError } from '../modbus/errors.ts';
import { MAX_READ } from '../modbus/register-link.ts';
import { planReads, type Span } from '../registers/plan.ts';
import { type DecodedGroup, decodeModel } from './decode.ts';
import { modelDefinition } from './models.ts';

export interface FoundModel {
  readonly id: number;
  /** Of the model's ID register. */
  readonly address: number;
  /** The model's L: registers after ID and L. */
  readonly length: number;
}

/** The answer to one request. */
export interface Block {
  readonly address: number;
  readonly words: readonly number[];
}

export interface CommonModel {
  readonly address: number;
  /** Manufacturer Mn, model Md, version Vr, serial SN. */
  readonly points: DecodedGroup['points'];
}

export interface ScanResult {
  /** Address of the marker. */
  readonly base: number;
  readonly models: readonly FoundModel[];
  /** Every common model (1) of the chain: a gateway or meter in front may have one of its own. */
  readonly commons: readonly CommonModel[];
  /** Whether the end model was reached; if not, `fault` says why. */
  readonly complete: boolean;
  readonly fault: string | undefined;
  /** Everything that was read on the way. */
  readonly blocks: readonly Block[];
}

export type ScanOutcome = ScanResult | { readonly found: false; readonly fault: string };

interface ScanLink {
  read(address: number, count: number): Promise<number[]>;
}

/** Bases of the specification, then the same as devices get them wrong by one. */
export const BASES: readonly number[] = [40_000, 50_000, 0, 40_001, 50_001, 1, 39_999, 49_999];
const MARKER = [0x5375, 0x6e53]; // "SunS"
/** Longer than any text of the common model. */
const SMALL_READ = 32;
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
  const most = options.maxRead ?? MAX_READ;
  let lastFault = 'the registers there hold something else';
  let bigReads = true;
  for (const base of bases) {
    const reader = new BlockSource(link, most, bigReads);
    try {
      const words = await reader.atLeast(base, MARKER.length, most);
      if (words[0] === MARKER[0] && words[1] === MARKER[1]) return await walk(reader, base);
    } catch (error) {
      if (!(error instanceof ModbusError) || error.fault === 'MODBUS_CONNECTION') throw error;
      // What a silent unit is asked after its first silence fails with less to say.
      if (bigReads) lastFault = messageOf(error);
      // Silence costs a deadline each time: once is enough to know that size is not the reason.
      if (error.fault === 'MODBUS_TIMEOUT') bigReads = false;
    }
  }
  return { found: false, fault: `no marker SunS at ${bases.join(', ')}: ${lastFault}` };
}

async function walk(reader: BlockSource, base: number): Promise<ScanResult> {
  const models: FoundModel[] = [];
  const commons: CommonModel[] = [];
  let fault: string | undefined;
  let address = base + MARKER.length;
  try {
    while (fault === undefined) {
      const [id, length] = await header(reader, address);
      if (id === END_MODEL) break;
      if (length === undefined || id === 0) {
        fault = `at ${address} is ${id}, which is no model header`;
        break;
      }
      models.push({ id, address, length });
      if (id === 1) commons.push({ address, points: await commonPoints(reader, address, length) });
      address += 2 + length;
      if (models.length >= MOST_MODELS) fault = `more than ${MOST_MODELS} models`;
      if (address > 65_534) fault = `the chain runs beyond register 65535`;
    }
  } catch (error) {
    if (!(error instanceof ModbusError)) throw error;
    fault = `after ${models.length} models, at register ${address}: ${error.message}`;
  }
  return { base, models, commons, complete: fault === undefined, fault, blocks: reader.blocks };
}

/** ID and L at an address; L undefined where the device serves an end model without it. */
async function header(
  reader: BlockSource,
  address: number,
): Promise<[id: number, length: number | undefined]> {
  if (reader.known(address, 1)?.[0] === END_MODEL) return [END_MODEL, undefined];
  try {
    const words = await reader.atLeast(address, 2);
    return [words[0] ?? 0, words[1]];
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const [id = 0] = await reader.atLeast(address, 1, 1);
    return [id, undefined];
  }
}

async function commonPoints(
  reader: BlockSource,
  address: number,
  length: number,
  most = reader.most,
): Promise<CommonModel['points']> {
  try {
    const words: (number | undefined)[] = Array.from({ length: length + 2 });
    for (const part of partsOf(length + 2, most)) {
      const found = await reader.atLeast(address + part.address, part.count);
      for (const [i, word] of found.slice(0, part.count).entries()) words[part.address + i] = word;
    }
    return decodeModel(1, words)?.points ?? new Map();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // Some devices give no more than 64 registers, and the common model has 68: without it they have no name.
    if (most > SMALL_READ) return commonPoints(reader, address, length, SMALL_READ);
    return new Map(); // the chain goes on without a name
  }
}

/** The common model in reads that cut through no text. */
function partsOf(length: number, most: number): Span[] {
  if (length <= most) return [{ address: 0, count: length }];
  const points = modelDefinition(1)?.points.filter(({ offset, size }) => offset + size <= length) ?? [];
  return planReads(
    points.map(({ offset, size }) => ({ address: offset, count: size })),
    { most },
  );
}

/** Registers in blocks as large as the device gives them. */
class BlockSource {
  readonly blocks: Block[] = [];
  readonly #link: ScanLink;
  readonly most: number;
  #bigReads: boolean;

  constructor(link: ScanLink, most: number, bigReads: boolean) {
    this.#link = link;
    this.most = most;
    this.#bigReads = bigReads;
  }

  /**
   * `count` words from `address`, and with them as many as the device gives up to `wish`.
   * @throws ModbusError when not even `count` can be read.
   */
  async atLeast(address: number, count: number, wish = this.most): Promise<readonly number[]> {
    const known = this.known(address, count);
    if (known !== undefined) return known;
    const big = Math.min(Math.max(wish, count), this.most, 65_536 - address);
    if (this.#bigReads && big > count) {
      try {
        return await this.#load(address, big);
      } catch (error) {
        // Near the end of its map, or over a gap, a device refuses the big read, and some leave it unanswered: go
        // on in small ones.
        const silent = error instanceof ModbusError && error.fault === 'MODBUS_TIMEOUT';
        if (!isRefusal(error) && !silent) throw error;
        this.#bigReads = false;
      }
    }
    return this.#load(address, Math.min(count, this.most));
  }

  known(address: number, count: number): readonly number[] | undefined {
    const block = this.blocks.find(
      (b) => b.address <= address && address + count <= b.address + b.words.length,
    );
    const from = address - (block?.address ?? 0);
    return block?.words.slice(from, from + count);
  }

  async #load(address: number, count: number): Promise<readonly number[]> {
    const words = await this.#link.read(address, count);
    this.blocks.push({ address, words });
    return words;
  }
}

/** The device will not give these registers; a device that is busy would. */
export function isRefusal(error: unknown): error is ModbusError {
  return error instanceof ModbusError && error.fault === 'MODBUS_EXCEPTION' && !error.retryable;
}
