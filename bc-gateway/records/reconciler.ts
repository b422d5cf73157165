/**
 * M24 · While the gateway runs: ends what a request had to leave open, its own or that of an instance that died.
 * It keeps nothing: the store says what is pending, the ledger what became of it.
 */
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import { pause } from '@fieldbid/core/retry';
import type { MarketRecords } from './market-records.ts';

/** Real ms. */
const PAUSE_MS = 2000;
/** A request sends its transaction itself and waits for it; after this long nobody does any more, real ms. */
const GRACE_MS = 30_000;
/** A start waits for it at most so long, real ms. */
const START_MS = 10_000;
const STOP_MS = 5000;

export class Reconciler {
  readonly #records: MarketRecords;
  readonly #log: Logger;
  readonly #ending = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(records: MarketRecords, log: Logger) {
    this.#records = records;
    this.#log = log;
  }

  /** Settles what an earlier run left. A ledger that is away, or slow, is no reason not to start: it goes on later. */
  async atStart(): Promise<void> {
    this.#running = this.#settle(0);
    await Promise.race([this.#running, pause(START_MS, this.#ending.signal)]);
  }

  start(): void {
    const before = this.#running;
    this.#running = before.then(() => this.#run());
  }

  /** Resolves when nothing is being settled any more, or that takes too long: it is settled by whoever comes next. */
  async stop(): Promise<void> {
    this.#ending.abort();
    const waiting = new AbortController();
    await Promise.race([this.#running, pause(STOP_MS, waiting.signal)]);
    waiting.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    for (await pause(PAUSE_MS, signal); !signal.aborted; await pause(PAUSE_MS, signal)) {
      await this.#settle(GRACE_MS);
    }
  }

  async #settle(grace_ms: number): Promise<void> {
    try {
      const { faults, ...settled } = await this.#records.settle(grace_ms);
      if (settled.committed + settled.abandoned > 0) {
        this.#log.warn(settled, 'transactions that were left open are settled');
      }
      for (const fault of faults.slice(0, 3)) {
        this.#log.error({ code: codeOf(fault) }, `a pending transaction stays open: ${messageOf(fault)}`);
      }
    } catch (error) {
      this.#log.error({ code: codeOf(error) }, `pending transactions stay as they are: ${messageOf(error)}`);
    }
  }
}
