/**
 * Steps 1 and 12, on their way · A bus with a durable buffer under measurements and verdicts. While the broker is
 * there they go out as they come; while it is away they are kept, and replayed in order when it is back, marked
 * as history. Bids and awards are not kept: late, they are worth nothing.
 *
 * An agent never fails for its buffer: when the store cannot be written, live messages go out all the same, and
 * what is lost is counted, said, and reported to the DERA.
 */
import type { Bus, PublishOptions, Subscription } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import type { UplinkCounts } from './counts.ts';
import { type Loss, mergedLosses, type NewRecord, type RecordKind } from './record.ts';
import type { Appended, RecordQueue } from './record-queue.ts';
import { Replay } from './replay.ts';

export interface BufferedBusOptions {
  readonly bus: Bus;
  readonly agentId: string;
  /** Whom losses are reported to. */
  readonly deraId: string;
  /** Opens the store; tried again later when it fails. */
  readonly openQueue: () => Promise<RecordQueue>;
  readonly log: Logger;
  /** Told what the buffer holds, and what is lost while it cannot be used. */
  readonly counts?: UplinkCounts;
  /** Real ms from any origin. */
  readonly monotonic?: () => number;
  /** Waits real ms, or until the signal aborts. */
  readonly pause?: (duration_ms: number, signal: AbortSignal) => Promise<void>;
}

/** A store that could not be opened is tried again after this, real ms. */
const REOPEN_AFTER_MS = 60_000;

export class BufferedBus implements Bus {
  readonly #options: BufferedBusOptions;
  readonly #bus: Bus;
  readonly #watch: Subscription;
  readonly #replay: Replay;
  /** Messages on their way now: history waits for them. */
  readonly #live = new Set<Promise<unknown>>();
  /** Counted here while the store cannot be written. */
  #uncounted: Loss[] = [];
  #queue: RecordQueue | undefined;
  #triedAt_ms = Number.NEGATIVE_INFINITY;
  #storeWorks = true;
  #connected = false;

  static async open(options: BufferedBusOptions): Promise<BufferedBus> {
    const bus = new BufferedBus(options);
    await bus.#openQueue();
    return bus;
  }

  private constructor(options: BufferedBusOptions) {
    this.#options = options;
    this.#bus = options.bus;
    if (options.counts !== undefined) options.counts.bytes = () => this.#queue?.bytes ?? 0;
    this.#replay = new Replay({
      ...options,
      queue: () => this.#queue,
      takeUncounted: () => mergedLosses(this.#uncounted.splice(0)),
      giveBack: (loss) => void this.#uncounted.push(loss),
      beforeBatch: async () => void (await Promise.allSettled(this.#live)),
    });
    this.#watch = this.#bus.watchConnection((connected) => {
      this.#connected = connected;
      this.#replay.connected(connected);
    });
  }

  /**
   * Measurements and verdicts: resolves when the record is on the disk; where the store does not work, when the
   * broker has taken it or it has been counted as lost. Everything else as the bus itself.
   */
  async publish(topic: string, message: unknown, options?: PublishOptions): Promise<void> {
    const record = recordOf(topic, message);
    if (record === undefined) return this.#bus.publish(topic, message, options);
    const appended = await this.#append(record);
    if (this.#connected) {
      const sent = this.#track(this.#send(record, appended));
      // What is on the disk need not hold up the cycle.
      if (appended?.stored !== true) await sent;
      return;
    }
    this.#settle(record, appended, false);
  }

  subscribe: Bus['subscribe'] = (filter, handler) => this.#bus.subscribe(filter, handler);
  request: Bus['request'] = (topic, message, deadline_ms, options) =>
    this.#bus.request(topic, message, deadline_ms, options);
  respond: Bus['respond'] = (filter, handler) => this.#bus.respond(filter, handler);
  watchConnection: Bus['watchConnection'] = (listener) => this.#bus.watchConnection(listener);

  /** Waits for what is on its way, and closes store and bus. */
  async close(): Promise<void> {
    await this.#watch.close();
    await Promise.allSettled(this.#live);
    await this.#replay.close();
    try {
      await this.#queue?.close();
    } catch (error) {
      this.#options.log.error({ code: codeOf(error) }, `buffer not closed in order: ${messageOf(error)}`);
    }
    await this.#bus.close();
  }

  async #send(record: NewRecord, appended: Appended | undefined): Promise<void> {
    const message = appended === undefined ? record.message : JSON.parse(appended.record.message);
    try {
      await this.#bus.publish(record.topic, message);
      this.#settle(record, appended, true);
    } catch (error) {
      const { derId, kind, at_ms } = record;
      this.#options.log.warn(
        { derId, kind, at_ms, code: codeOf(error) },
        `not sent now: ${messageOf(error)}`,
      );
      this.#settle(record, appended, false);
    }
  }

  /** What becomes of a record once it is known whether the broker has it. */
  #settle({ kind, at_ms }: NewRecord, appended: Appended | undefined, sent: boolean): void {
    if (appended?.stored === true && !sent) {
      this.#queue?.release(appended.record.id);
      this.#replay.wake();
    } else if (appended?.stored === true) {
      this.#queue?.delivered(appended.record.id);
    } else if (!sent) {
      this.#countLost(kind, at_ms);
    }
  }

  #countLost(kind: RecordKind, at_ms: number): void {
    if (this.#queue !== undefined && this.#storeWorks) this.#queue.countLost(kind, at_ms);
    else {
      const loss = { kind, count: 1, from_ms: at_ms, until_ms: at_ms };
      this.#uncounted = mergedLosses([...this.#uncounted, loss]);
      this.#options.counts?.add([loss]);
    }
    this.#replay.wake();
  }

  /** @returns undefined when the store cannot be written; said once, until it can again. */
  async #append(record: NewRecord): Promise<Appended | undefined> {
    await this.#openQueue();
    if (this.#queue === undefined) return undefined;
    try {
      const appended = await this.#queue.append(record);
      if (!this.#storeWorks) this.#options.log.info('the buffer can be written again');
      this.#storeWorks = true;
      return appended;
    } catch (error) {
      this.#sayBroken(error);
      return undefined;
    }
  }

  async #openQueue(): Promise<void> {
    const now_ms = (this.#options.monotonic ?? performance.now.bind(performance))();
    if (this.#queue !== undefined || now_ms - this.#triedAt_ms < REOPEN_AFTER_MS) return;
    this.#triedAt_ms = now_ms;
    try {
      this.#queue = await this.#options.openQueue();
      this.#replay.wake();
    } catch (error) {
      this.#sayBroken(error);
    }
  }

  #sayBroken(error: unknown): void {
    const { agentId, log } = this.#options;
    if (this.#storeWorks) {
      const sentence = `nothing is kept while the broker is away, the buffer cannot be used: ${messageOf(error)}`;
      log.error({ agentId, code: codeOf(error) }, sentence);
    }
    this.#storeWorks = false;
  }

  #track(sending: Promise<void>): Promise<void> {
    this.#live.add(sending);
    return sending.finally(() => this.#live.delete(sending));
  }
}

/** Which record a message is, by the topic that its own DER id makes; undefined: none that is kept. */
function recordOf(topic: string, message: unknown): NewRecord | undefined {
  const fields = message as { derId?: string; readAt_ms?: number; decidedAt_ms?: number } | null;
  if (typeof fields?.derId !== 'string') return undefined;
  const { derId, readAt_ms, decidedAt_ms } = fields;
  const body = message as Readonly<Record<string, unknown>>;
  if (topic === topics.measurements(derId) && readAt_ms !== undefined) {
    return { kind: 'measurement', derId, at_ms: readAt_ms, topic, message: body };
  }
  if (topic === topics.verdicts(derId) && decidedAt_ms !== undefined) {
    return { kind: 'verdict', derId, at_ms: decidedAt_ms, topic, message: body };
  }
  return undefined;
}
