/**
 * Step 1 · Every point of every model that a device has, in few requests: what a scan has brought is used, the
 * rest is read in blocks that never cut through a point. Vendor models are kept as raw registers.
 */
import { messageOf } from '@fieldbid/core/errors';
import { BlockReader } from '../modbus/block-reader.ts';
import type { ModbusError } from '../modbus/errors.ts';
import type { RegisterLink } from '../modbus/register-link.ts';
import { planReads, type Span } from '../registers/plan.ts';
import { type DecodedGroup, decodeModel } from './decode.ts';
import { type GroupDefinition, modelDefinition, type PointDefinition } from './models.ts';
import { type Block, type FoundModel, isRefusal } from './scan.ts';

export interface ModelReading extends FoundModel {
  /** Undefined for a model that is not in the table. */
  readonly content: DecodedGroup | undefined;
  /** Registers after ID and L as they stand, for models of vendors (64000 and above) and unknown ones. */
  readonly words: readonly (number | null)[] | undefined;
}

export interface DeviceReading {
  readonly models: readonly ModelReading[];
  /** Registers that the device refused, and why; their points have no value. */
  readonly faults: readonly string[];
  readonly blocks: readonly Block[];
}

type ReadLink = Pick<RegisterLink, 'read' | 'maxRead'>;

/** SunSpec assigns 64000 and above to vendors. */
const FIRST_VENDOR_MODEL = 64_000;
const MOST_ATTEMPTS = 3;
/** A text of 16 registers is not cut. */
const SMALLEST_READ = 16;
/** Registers of ID and L. */
const HEADER = 2;

/** Reads the same models again and again; how often their groups repeat is found out the first time. */
export class ModelReader {
  readonly #link: ReadLink;
  readonly #reader: BlockReader;
  readonly #models: readonly FoundModel[];
  /** Blocks that hold the counting points. */
  #counted: readonly Block[];

  /** @param known blocks of the scan just made. */
  constructor(link: ReadLink, models: readonly FoundModel[], known: readonly Block[] = []) {
    this.#link = link;
    this.#reader = new BlockReader(link);
    this.#models = models;
    this.#counted = known;
  }

  /**
   * @param known blocks of this very moment that need not be read again.
   * @throws ModbusError when the device stops answering; what it refuses is in the result.
   */
  async read(known: readonly Block[] = []): Promise<DeviceReading> {
    const { maxRead } = this.#link;
    const store = new BlockStore(this.#link, this.#reader, known);
    const counts = this.#counted.length > 0 ? this.#counted : await this.#headers(store);
    const parts = this.#models.map((model) => ({
      model,
      ...unitsOf(model, maxRead, (address) => wordIn(counts, address)),
    }));
    await store.readAll(parts.flatMap(({ spans }) => spans));
    this.#counted = store.blocks;
    // The device takes smaller requests than thought: what fits into one is another matter now.
    const largest = Math.max(0, ...store.blocks.map(({ words }) => words.length));
    if (store.holes.some(({ count }) => count > largest)) {
      this.#link.maxRead = Math.min(this.#link.maxRead, Math.max(largest, SMALLEST_READ));
    }
    if (this.#link.maxRead < maxRead) return this.read(store.blocks);
    const faults = [...store.faults];
    const readings: ModelReading[] = [];
    for (const part of parts) {
      const { words, fault } = await this.#wordsOf(part, store);
      if (fault !== undefined) faults.push(fault);
      readings.push(modelReading(part.model, words));
    }
    return { models: readings, faults, blocks: store.blocks };
  }

  /** A model's words, all under scale factors of one moment; read once more where they moved meanwhile. */
  async #wordsOf(
    part: {
      model: FoundModel;
      spans: readonly Span[];
      factors: readonly number[];
      farFactors: readonly Span[];
    },
    first: BlockStore,
  ): Promise<{ words: (number | undefined)[]; fault?: string }> {
    const { model, spans, factors, farFactors } = part;
    let store = first;
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
      if (store.agree(factors) && (await store.unchanged(farFactors))) {
        return { words: wordsOf(model, (address) => store.word(address)) };
      }
      store = new BlockStore(this.#link, this.#reader, []);
      if (attempt < MOST_ATTEMPTS) await store.readAll(spans);
    }
    return {
      words: wordsOf(model, () => undefined),
      fault: `model ${model.id} at ${model.address}: a scale factor moves while its values are read`,
    };
  }

  /** The fixed parts of models whose groups repeat. */
  async #headers(store: BlockStore): Promise<readonly Block[]> {
    const repeating = this.#models.flatMap(({ id, address, length }): Span[] => {
      const definition = modelDefinition(id);
      const counted = definition?.groups.some(({ count }) => typeof count === 'string') === true;
      if (!counted) return [];
      return [{ address, count: Math.min(definition.size, length + 2, this.#link.maxRead) }];
    });
    await store.readAll(repeating);
    return store.blocks;
  }
}

/** A model's registers, ID and L first; undefined where one could not be read. */
function wordsOf(
  { id, address, length }: FoundModel,
  wordAt: (address: number) => number | undefined,
): (number | undefined)[] {
  const content = Array.from({ length }, (_, i) => wordAt(address + HEADER + i));
  return [wordAt(address) ?? id, wordAt(address + 1) ?? length, ...content];
}

function modelReading(model: FoundModel, words: readonly (number | undefined)[]): ModelReading {
  const content = decodeModel(model.id, words);
  const raw = content === undefined || model.id >= FIRST_VENDOR_MODEL;
  return { ...model, content, words: raw ? words.slice(2).map((word) => word ?? null) : undefined };
}

/** What of a model has to be read in one piece, and scale factors too far from their values for that. */
function unitsOf(
  model: FoundModel,
  most: number,
  wordAt: (address: number) => number | undefined,
): { spans: Span[]; factors: number[]; farFactors: Span[] } {
  const end = model.address + model.length + 2;
  const spans: Span[] = [];
  const factors = new Set<number>();
  const far = new Map<number, Span>();
  const definition = modelDefinition(model.id);
  let covered = model.address;
  if (definition !== undefined) {
    const walk = { end, wordAt, visit };
    covered = walkPoints(definition, model.address, [], walk);
  }
  // A vendor's registers, and what stands behind the known points, register by register.
  for (let address = covered; address < end; address++) spans.push({ address, count: 1 });
  return { spans, factors: [...factors], farFactors: [...far.values()] };

  function visit({ size }: PointDefinition, at: number, factorAt: number | undefined): void {
    // ID and L are what the scan went by: they are read along where they lie, not for their own sake.
    if (at < model.address + HEADER) return;
    if (factorAt !== undefined) factors.add(factorAt);
    const from = Math.min(at, factorAt ?? at);
    const to = Math.max(at + size, factorAt === undefined ? 0 : factorAt + 1);
    const whole = to - from <= most;
    spans.push(whole ? { address: from, count: to - from } : { address: at, count: size });
    if (!whole && factorAt !== undefined) far.set(factorAt, { address: factorAt, count: 1 });
  }
}

interface Walk {
  /** First address that is not the model's any more. */
  readonly end: number;
  /** What a counting point says. */
  readonly wordAt: (address: number) => number | undefined;
  readonly visit: (point: PointDefinition, at: number, factorAt: number | undefined) => void;
}

/** Calls back for each point of a group and the groups in it. @returns the first address not visited. */
export function walkPoints(
  group: GroupDefinition,
  start: number,
  around: readonly ReadonlyMap<string, number>[],
  walk: Walk,
): number {
  const own = new Map(group.points.map((point) => [point.name, start + point.offset]));
  const scopes = [own, ...around];
  const addressOf = (name: string | number | undefined): number | undefined => {
    const at = scopes.find((scope) => scope.has(String(name)))?.get(String(name));
    return at !== undefined && at < walk.end ? at : undefined;
  };
  for (const point of group.points) {
    const at = start + point.offset;
    if (at + point.size <= walk.end) walk.visit(point, at, addressOf(point.sf));
  }
  let at = Math.min(walk.end, start + group.size);
  for (const nested of group.groups) {
    const counting = typeof nested.count === 'string' ? addressOf(nested.count) : undefined;
    const times = counting === undefined ? Number(nested.count) : (walk.wordAt(counting) ?? 0);
    const most = times > 0 ? times : nested.count === 0 ? Number.POSITIVE_INFINITY : 0;
    for (let i = 0; i < most && nested.size > 0 && at + nested.size <= walk.end; i++) {
      at = walkPoints(nested, at, scopes, walk);
    }
  }
  return at;
}

function wordIn(blocks: readonly Block[], address: number): number | undefined {
  const block = blocks.findLast((b) => b.address <= address && address < b.address + b.words.length);
  return block?.words[address - block.address];
}

/** Everything that is read of one moment. */
class BlockStore {
  readonly blocks: Block[];
  readonly faults: string[] = [];
  /** What was refused, and could not be cut. */
  readonly holes: Span[] = [];
  readonly #link: ReadLink;
  readonly #reader: BlockReader;

  constructor(link: ReadLink, reader: BlockReader, known: readonly Block[]) {
    this.#link = link;
    this.#reader = reader;
    this.blocks = [...known];
  }

  async readAll(units: readonly Span[]): Promise<void> {
    const missing = units.filter(({ address, count }) => !this.#holds(address, count));
    if (missing.length === 0) return;
    const most = Math.max(this.#link.maxRead, ...missing.map(({ count }) => count));
    const found = await this.#reader.read(planReads(missing, { most }), missing, (span, error) => {
      this.holes.push(span);
      this.faults.push(faultText(span, error));
    });
    this.blocks.push(...found);
  }

  /** Whether registers that several blocks hold are the same in all of them. */
  agree(addresses: readonly number[]): boolean {
    return addresses.every((address) => {
      const found = this.blocks
        .filter((b) => b.address <= address && address < b.address + b.words.length)
        .map((b) => b.words[address - b.address]);
      return found.every((word) => word === found[0]);
    });
  }

  /** Whether registers still hold what they held when they were read first. */
  async unchanged(spans: readonly Span[]): Promise<boolean> {
    for (const { address, count } of planReads(spans, { most: this.#link.maxRead })) {
      try {
        const words = await this.#link.read(address, count);
        if (words.some((word, i) => this.word(address + i) !== word)) return false;
      } catch (error) {
        if (!isRefusal(error)) throw error;
        return false;
      }
    }
    return true;
  }

  /** A register as it was read last. */
  word(address: number): number | undefined {
    return wordIn(this.blocks, address);
  }

  #holds(address: number, count: number): boolean {
    return this.blocks.some((b) => b.address <= address && address + count <= b.address + b.words.length);
  }
}

function faultText({ address, count }: Span, error: ModbusError): string {
  return `registers ${address} to ${address + count - 1}: ${messageOf(error)}`;
}
