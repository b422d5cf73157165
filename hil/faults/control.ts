/**
 * Faults on demand in what the process of a bench has: begun and ended one after the other, each with its mark. Those of a
 * scenario's timeline come and go at their market time, those of an operator at once.
 */
import { codeOf, messageOf } from '@fieldbid/core/errors';
import { MINUTE_MS } from '@fieldbid/core/interval';
import type { FaultControl, FaultMark, FaultOffer, FaultOrder } from '@fieldbid/core/lab/faults';
import type { Logger } from '@fieldbid/core/logging';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { FaultSource } from './source.ts';
import type { TimelineFault } from './timeline.ts';

export interface BenchFaultsOptions {
  readonly sources: readonly FaultSource[];
  readonly timeFor: (name: string) => TimeSource;
  /** Market time, epoch ms. */
  readonly now: () => number;
  /** Tells everybody; may fail while the broker is away. */
  readonly publish: (mark: FaultMark) => Promise<void>;
  readonly log: Logger;
}

/**
 * A fault of a minute is done just before it, when nobody is at work: whatever happens in that minute happens with
 * it, in every run.
 */
const BEFORE_MS = 1;

interface Running {
  mark: FaultMark;
  readonly end: () => void | Promise<void>;
  /** Ends it by market time. */
  time?: TimeSource;
}

export class BenchFaults implements FaultControl {
  readonly #options: BenchFaultsOptions;
  readonly #marks = new Map<string, FaultMark>();
  readonly #running = new Map<string, Running>();
  /** Marks that nobody could be told of yet. */
  #untold: FaultMark[] = [];
  /** Faults begin and end one after the other. */
  #tail: Promise<unknown> = Promise.resolve();
  #over = false;

  constructor(options: BenchFaultsOptions) {
    this.#options = options;
  }

  offers(): FaultOffer[] {
    return this.#options.sources.flatMap((source) => source.offers());
  }

  marks(): FaultMark[] {
    return [...this.#marks.values()];
  }

  inject(order: FaultOrder, origin: FaultMark['origin']): Promise<FaultMark> {
    return this.#inOrder(async () => {
      const mark = await this.#begin(order, origin, Math.floor(this.#options.now()));
      if (order.duration_min !== undefined && mark.outcome === 'injected') {
        this.#endAfter(mark.id, mark.from_ms + order.duration_min * MINUTE_MS);
      }
      return mark;
    });
  }

  end(id: string): Promise<FaultMark | undefined> {
    return this.#inOrder(() => this.#end(id, Math.floor(this.#options.now())));
  }

  /**
   * Goes through a timeline; resolves when its last fault has ended, or the clock was closed. Faults without a duration
   * go on.
   * @param time a participant of the clock.
   */
  async follow(timeline: readonly TimelineFault[], time: TimeSource): Promise<void> {
    const ids = new Map<TimelineFault, string>();
    const begins = timeline.map((fault) => ({ at_ms: fault.at_ms, ends: false, fault }));
    const ends = timeline.flatMap((fault) =>
      fault.until_ms === undefined ? [] : [{ at_ms: fault.until_ms, ends: true, fault }],
    );
    // At one instant what is over ends before anything new begins.
    const events = [...ends, ...begins].sort((a, b) => a.at_ms - b.at_ms || Number(b.ends) - Number(a.ends));
    try {
      for (const { at_ms, ends, fault } of events) {
        const granted_ms = await time.requestTime(at_ms - BEFORE_MS);
        const mark_ms = Math.max(at_ms, Math.floor(granted_ms));
        await this.#inOrder(async () => {
          if (!ends) ids.set(fault, (await this.#begin(fault.order, 'scenario', mark_ms)).id);
          else await this.#end(ids.get(fault) ?? '', mark_ms);
        });
      }
    } catch (error) {
      if (codeOf(error) !== 'TIME_CLOSED') throw error;
    } finally {
      time.close();
    }
  }

  /** The day is over: everything that is still in force ends, and nothing begins any more. @param at_ms market time. */
  async close(at_ms: number): Promise<void> {
    await this.#inOrder(async () => {
      this.#over = true;
      for (const id of [...this.#running.keys()].reverse()) await this.#end(id, at_ms);
      await this.#tell();
    });
  }

  async #begin(order: FaultOrder, origin: FaultMark['origin'], from_ms: number): Promise<FaultMark> {
    const id = `f${this.#marks.size + 1}`;
    const base = { id, order, origin, from_ms };
    const refused = (note: string): Promise<FaultMark> =>
      this.#keep({ ...base, until_ms: from_ms, outcome: 'refused', note: note.slice(0, 500) });
    const source = this.#options.sources.find((one) => one.offers().some((offer) => fits(offer, order)));
    if (this.#over) return refused('the day is over');
    if (source === undefined) return refused(this.#whyNot(order));
    const same = [...this.#running.values()].find(
      ({ mark }) => mark.order.fault === order.fault && mark.order.target === order.target,
    );
    if (same !== undefined) return refused(`in force already, as ${same.mark.id}`);
    // What is killed next may be what carries the news.
    const mark = await this.#keep({ ...base, until_ms: null, outcome: 'injected', note: '' }, false);
    if (order.fault === 'broker-killed') await this.#tell();
    try {
      const { note, end } = await source.begin(order);
      if (end === undefined) return await this.#keep({ ...mark, until_ms: from_ms, outcome: 'ended', note });
      const running = { mark: { ...mark, note }, end };
      this.#running.set(id, running);
      return await this.#keep(running.mark);
    } catch (error) {
      this.#untold = this.#untold.filter((one) => one.id !== id);
      return refused(messageOf(error));
    }
  }

  async #end(id: string, until_ms: number): Promise<FaultMark | undefined> {
    const running = this.#running.get(id);
    if (running === undefined) return undefined;
    this.#running.delete(id);
    running.time?.close();
    let { note } = running.mark;
    try {
      await running.end();
    } catch (error) {
      note = `${note}; it could not be ended: ${messageOf(error)}`.slice(0, 500);
    }
    return this.#keep({ ...running.mark, until_ms, outcome: 'ended', note });
  }

  #endAfter(id: string, until_ms: number): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    const time = this.#options.timeFor(`end of fault ${id}`);
    running.time = time;
    const ending = time
      .requestTime(until_ms - BEFORE_MS)
      .then((granted_ms) => this.#inOrder(() => this.#end(id, Math.max(until_ms, Math.floor(granted_ms)))))
      .finally(() => time.close());
    // Closed when somebody ends it before, or the run does.
    ending.catch((error: unknown) => {
      if (codeOf(error) !== 'TIME_CLOSED') this.#options.log.error({ id }, messageOf(error));
    });
  }

  #whyNot({ fault, target }: FaultOrder): string {
    const offers = this.offers().filter((offer) => offer.fault === fault);
    if (offers.length === 0) return `${fault} is not possible on this bench`;
    const targets = offers.flatMap((offer) => offer.targets);
    if (targets.length === 0) return `${fault} has no target`;
    return `${fault} needs one of these as its target: ${targets.join(', ')}; found ${target ?? 'none'}`;
  }

  async #keep(mark: FaultMark, tell = true): Promise<FaultMark> {
    this.#marks.set(mark.id, mark);
    const { id, order, origin, outcome, note } = mark;
    this.#options.log.warn({ id, ...order, origin }, `fault ${outcome}: ${note}`);
    this.#untold = [...this.#untold.filter((one) => one.id !== id || one.outcome !== outcome), mark];
    if (tell) await this.#tell();
    return mark;
  }

  async #tell(): Promise<void> {
    // Nobody hears it while the broker is away, and waiting for that would hold up the next fault.
    if ([...this.#running.values()].some(({ mark }) => mark.order.fault === 'broker-killed')) return;
    while (this.#untold.length > 0) {
      const [mark] = this.#untold;
      if (mark === undefined) return;
      try {
        await this.#options.publish(mark);
      } catch (error) {
        this.#options.log.info({ id: mark.id }, `told later: ${messageOf(error)}`);
        return;
      }
      this.#untold.shift();
    }
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => {});
    return result;
  }
}

function fits(offer: FaultOffer, { fault, target }: FaultOrder): boolean {
  if (offer.fault !== fault) return false;
  return target === undefined ? offer.targets.length === 0 : offer.targets.includes(target);
}
