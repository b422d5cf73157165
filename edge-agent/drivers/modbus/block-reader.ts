/**
 * Step 1 · Reads blocks of registers from a device that may give fewer in one answer than the standard allows, and
 * learns how many. A block is cut only between the spans that were asked for, never through one.
 *
 * When is a refusal about the size? A block refused with exception 2 or 3, or unanswered, is read again in two
 * parts, and so on. When all parts then come, the block is remembered and from then on read in parts at once.
 * The link's `maxRead` is lowered only when size alone explains it: the parts covered every register of the block
 * (else the hole in the map may lie between them), no block as large was ever answered (else the block crosses a
 * border of the map), and, for a block that was not answered, it went so twice (else a frame was lost).
 * When a part that cannot be cut is refused, there is a true hole, and its error is the caller's.
 */
import { ModbusError } from './errors.ts';
import type { RegisterLink } from './register-link.ts';

export interface Block {
  /** First register's address. */
  readonly address: number;
  /** Registers. */
  readonly count: number;
}

/** Words of one request. */
export interface BlockRead {
  readonly address: number;
  readonly words: number[];
}

const ILLEGAL_ADDRESS = 2;
const ILLEGAL_VALUE = 3;
/** Times that a block must stay unanswered, while its parts are answered, before its size is to blame. */
const SILENCES_OF_SIZE = 2;

export class BlockReader {
  readonly #link: Pick<RegisterLink, 'read' | 'maxRead'>;
  /** Blocks that are read in parts. */
  readonly #cut = new Set<string>();
  readonly #silences = new Map<string, number>();
  #largestAnswered = 0;

  constructor(link: Pick<RegisterLink, 'read' | 'maxRead'>) {
    this.#link = link;
  }

  /**
   * @param blocks planned requests. @param spans what must not be cut.
   * @param onHole told of a span that the device refuses; the others are read all the same. Without it, it is thrown.
   * @returns what was read, in order: each span of a block lies whole in one of the reads.
   * @throws ModbusError when a part fails that cannot be cut further.
   */
  async read(
    blocks: readonly Block[],
    spans: readonly Block[],
    onHole?: (span: Block, error: ModbusError) => void,
  ): Promise<BlockRead[]> {
    const reads: BlockRead[] = [];
    const ordered = [...spans].sort((a, b) => a.address - b.address);
    for (const block of blocks) {
      const inside = ordered.filter(({ address, count }) => {
        return address >= block.address && address + count <= block.address + block.count;
      });
      reads.push(...(await this.#readBlock(block, inside, onHole)));
    }
    return reads;
  }

  async #readBlock(
    block: Block,
    spans: readonly Block[],
    onHole: ((span: Block, error: ModbusError) => void) | undefined,
  ): Promise<BlockRead[]> {
    const parts = halves(spans);
    const key = `${block.address}+${block.count}`;
    if (parts === undefined || !(this.#cut.has(key) || block.count > this.#link.maxRead)) {
      try {
        const words = await this.#link.read(block.address, block.count);
        this.#largestAnswered = Math.max(this.#largestAnswered, block.count);
        return [{ address: block.address, words }];
      } catch (error) {
        if (!mayBeSize(error)) throw error;
        if (parts === undefined) {
          if (onHole === undefined || error.fault === 'MODBUS_TIMEOUT') throw error;
          onHole(block, error);
          return [];
        }
        const reads = await this.#readParts(parts, onHole);
        this.#learn(block, key, reads, error.fault === 'MODBUS_TIMEOUT');
        return reads;
      }
    }
    return this.#readParts(parts, onHole);
  }

  async #readParts(
    parts: readonly (readonly Block[])[],
    onHole: ((span: Block, error: ModbusError) => void) | undefined,
  ): Promise<BlockRead[]> {
    const reads: BlockRead[] = [];
    for (const spans of parts) reads.push(...(await this.#readBlock(hull(spans), spans, onHole)));
    return reads;
  }

  /** All parts of a block have come, the block itself has not. */
  #learn(block: Block, key: string, reads: readonly BlockRead[], silent: boolean): void {
    if (silent) {
      const times = (this.#silences.get(key) ?? 0) + 1;
      this.#silences.set(key, times);
      if (times < SILENCES_OF_SIZE) return;
    }
    this.#cut.add(key);
    const covered = reads.reduce((sum, { words }) => sum + words.length, 0);
    if (covered < block.count || this.#largestAnswered >= block.count) return;
    this.#link.maxRead = Math.min(this.#link.maxRead, this.#largestAnswered);
  }
}

function mayBeSize(error: unknown): error is ModbusError {
  if (!(error instanceof ModbusError)) return false;
  const { fault, exception } = error;
  return fault === 'MODBUS_TIMEOUT' || exception === ILLEGAL_ADDRESS || exception === ILLEGAL_VALUE;
}

/** Two parts of about the same size; undefined when there is nothing to cut between. */
function halves(spans: readonly Block[]): [Block[], Block[]] | undefined {
  if (spans.length < 2) return undefined;
  const whole = hull(spans);
  const middle = whole.address + whole.count / 2;
  // Spans may overlap: a cut is where none reaches over.
  const cuts = spans.flatMap((span, i) => {
    const before = spans.slice(0, i);
    return i > 0 && before.every((one) => one.address + one.count <= span.address) ? [i] : [];
  });
  const [first, ...others] = cuts;
  if (first === undefined) return undefined;
  const distance = (cut: number): number => Math.abs((spans[cut]?.address ?? 0) - middle);
  const best = others.reduce((found, cut) => (distance(cut) < distance(found) ? cut : found), first);
  return [spans.slice(0, best), spans.slice(best)];
}

function hull(spans: readonly Block[]): Block {
  const address = Math.min(...spans.map((span) => span.address));
  const end = Math.max(...spans.map((span) => span.address + span.count));
  return { address, count: end - address };
}
