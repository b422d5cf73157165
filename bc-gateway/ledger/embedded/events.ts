/** Step 6 · Contract events read back from the chain, so that every reader can start anywhere and miss none. */
import { FieldbidError } from '@fieldbid/core/errors';
import type { LedgerEvent } from '@fieldbid/core/gateway-api/schemas';
import { checkpointOf, isAfter, positionOf } from '../checkpoint.ts';
import type { Block, StoredBlock } from './block.ts';
import type { WorldState } from './world-state.ts';

const BLOCKS_PER_READ = 50;

export class EventFeed {
  readonly #state: WorldState;
  readonly #height: () => number;
  readonly #closed = new AbortController();
  /** Readers at the end of the chain. */
  readonly #sleepers = new Set<() => void>();

  constructor(state: WorldState, height: () => number) {
    this.#state = state;
    this.#height = height;
  }

  /** A block was added. */
  wake(): void {
    for (const wake of [...this.#sleepers]) wake();
  }

  close(): void {
    this.#closed.abort();
    this.wake();
  }

  async *events(
    after: string | undefined,
    signal: AbortSignal,
    until?: string,
  ): AsyncGenerator<LedgerEvent, void> {
    const last = until === undefined ? undefined : positionOf(until);
    let position = after === undefined ? { block: 0, tx: 0 } : positionOf(after);
    if (position.block > this.#height()) {
      throw new FieldbidError(
        'CHECKPOINT_UNKNOWN',
        `the ledger ends with block ${this.#height()}; the checkpoint ${after} is of another ledger`,
      );
    }
    const ended = (): boolean => signal.aborted || this.#closed.signal.aborted;
    let next = position.block;
    while (!ended() && (last === undefined || next <= last.block)) {
      if (next > this.#height()) {
        await this.#newBlock(next, signal);
        continue;
      }
      for (const { number, data } of await this.#read(next, ended)) {
        for (const event of eventsOf(JSON.parse(data) as Block)) {
          if (!isAfter(positionOf(event.checkpoint), position)) continue;
          if (ended() || (last !== undefined && isAfter(positionOf(event.checkpoint), last))) return;
          yield event;
        }
        position = { block: number, tx: Number.POSITIVE_INFINITY };
        next = number + 1;
      }
    }
  }

  async #read(next: number, ended: () => boolean): Promise<StoredBlock[]> {
    try {
      const blocks = await this.#state.blocksFrom(next, BLOCKS_PER_READ);
      if (blocks.length > 0) return blocks;
    } catch (error) {
      if (ended()) return []; // the database was closed under the read
      throw error;
    }
    throw new FieldbidError('LEDGER_DAMAGED', `block ${next} and those after it are missing`);
  }

  /** Resolves when block `number` is there, or the reading ends. */
  async #newBlock(number: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        if (this.#height() < number && !signal.aborted && !this.#closed.signal.aborted) return;
        this.#sleepers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#sleepers.add(wake);
      signal.addEventListener('abort', wake);
      wake();
    });
  }
}

function eventsOf(block: Block): LedgerEvent[] {
  return block.transactions.flatMap(({ txId, proposal, effects: { event } }, tx) => {
    if (event === null) return [];
    return {
      checkpoint: checkpointOf({ block: block.number, tx }),
      name: event.name as LedgerEvent['name'],
      txId,
      at_ms: proposal.at_ms,
      payload: JSON.parse(event.payload) as LedgerEvent['payload'],
    };
  });
}
