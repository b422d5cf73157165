/**
 * What was kept, sent when the broker is back: in the order in which it came, marked as history, a few at a time.
 * Between two batches everything that is live goes first; the pause between them leaves the line to others. Then
 * the losses, to the DERA, until it has acknowledged each.
 */
import type { Bus } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { codeOf, FieldbidError, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import type { UplinkLoss } from '@fieldbid/core/market/messages';
import { pause as realPause } from '@fieldbid/core/retry';
import type { Loss, QueuedRecord, SealedLoss } from './record.ts';
import type { RecordQueue } from './record-queue.ts';

export interface ReplayOptions {
  readonly bus: Bus;
  readonly agentId: string;
  readonly deraId: string;
  /** Undefined while the store does not work. */
  readonly queue: () => RecordQueue | undefined;
  /** Losses that the store could not count, and their return when they could not be reported. */
  readonly takeUncounted: () => Loss[];
  readonly giveBack: (loss: Loss) => void;
  /** Resolves when what is live now is on its way. */
  readonly beforeBatch: () => Promise<void>;
  readonly log: Logger;
  readonly pause?: (duration_ms: number, signal: AbortSignal) => Promise<void>;
}

/** Records on their way at once: a live message has at most these before it. */
export const BATCH = 20;
/** Between two batches, real ms: at most 800 records a second, 80 times what ten devices make at 1 Hz. */
const PAUSE_MS = 25;
/** After something went wrong, real ms. */
const PAUSE_AFTER_FAULT_MS = 5000;
/** Real ms for the DERA to acknowledge a loss. */
const LOSS_DEADLINE_MS = 10_000;

export class Replay {
  readonly #options: ReplayOptions;
  readonly #stopping = new AbortController();
  #connected = false;
  #wanted = false;
  #running: Promise<void> | undefined;

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  connected(connected: boolean): void {
    this.#connected = connected;
    if (connected) this.wake();
  }

  /** There may be something to send. */
  wake(): void {
    this.#wanted = true;
    if (!this.#connected || this.#stopping.signal.aborted) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#wanted) this.wake();
    });
  }

  /** Ends after the batch that is on its way. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  get #going(): boolean {
    return this.#connected && !this.#stopping.signal.aborted;
  }

  async #run(): Promise<void> {
    const pause = this.#options.pause ?? realPause;
    let sent = 0;
    while (this.#going) {
      this.#wanted = false;
      try {
        const count = await this.#batch();
        sent += count;
        if (count === 0 && (await this.#reportLosses())) break;
        await pause(PAUSE_MS, this.#stopping.signal);
      } catch (error) {
        this.#options.log.warn({ code: codeOf(error) }, `history not sent now: ${messageOf(error)}`);
        await pause(PAUSE_AFTER_FAULT_MS, this.#stopping.signal);
      }
    }
    if (sent > 0) this.#options.log.info({ records: sent }, 'history sent');
  }

  /** @returns how many records were sent, or given up because the broker will never take them. */
  async #batch(): Promise<number> {
    const queue = this.#options.queue();
    if (queue === undefined) return 0;
    await this.#options.beforeBatch();
    const records = await queue.claim(BATCH);
    const ends = await Promise.allSettled(records.map((record) => this.#send(record)));
    let fault: unknown;
    for (const [i, record] of records.entries()) {
      const end = ends[i];
      if (end?.status === 'fulfilled') queue.delivered(record.id);
      else if (this.#hopeless(end?.reason)) this.#giveUp(queue, record, end?.reason);
      else {
        queue.release(record.id);
        fault ??= end?.reason;
      }
    }
    await queue.commit();
    if (fault !== undefined) throw fault;
    return records.length;
  }

  #send({ topic, message }: QueuedRecord): Promise<void> {
    return this.#options.bus.publish(topic, { ...JSON.parse(message), historical: true });
  }

  #hopeless(error: unknown): boolean {
    return error instanceof FieldbidError && !error.retryable;
  }

  #giveUp(queue: RecordQueue, { id, kind, at_ms, topic }: QueuedRecord, error: unknown): void {
    this.#options.log.error({ kind, at_ms, topic, code: codeOf(error) }, `given up: ${messageOf(error)}`);
    queue.countLost(kind, at_ms);
    queue.delivered(id);
  }

  /** @returns true when nothing is left to report. */
  async #reportLosses(): Promise<boolean> {
    const queue = this.#options.queue();
    await queue?.commit();
    for (const loss of (await queue?.losses()) ?? []) {
      await this.#report(loss, loss.sequence);
      await queue?.lossReported(loss);
    }
    const uncounted = this.#options.takeUncounted();
    for (const [i, loss] of uncounted.entries()) {
      try {
        await this.#report(loss);
      } catch (error) {
        for (const unreported of uncounted.slice(i)) this.#options.giveBack(unreported);
        throw error;
      }
    }
    return !this.#wanted;
  }

  async #report(loss: Loss | SealedLoss, sequence?: number): Promise<void> {
    const { agentId, deraId, bus, log } = this.#options;
    const { kind, count, from_ms, until_ms } = loss;
    const numbered = sequence === undefined ? {} : { sequence };
    const message: UplinkLoss = { agentId, kind, lost: { count, from_ms, until_ms }, ...numbered };
    await bus.request(topics.uplinkLosses(deraId), message, LOSS_DEADLINE_MS);
    log.warn(message, 'records were lost: the DERA knows');
  }
}
