/**
 * Step 6, seen from the DERA: follows the contract's events and lets the market round wait for one of them.
 * The stream resumes by itself after a broken connection (the gateway client does), so no event is missed.
 */

import { codeOf, DeadlineError, messageOf } from '@fieldbid/core/errors';
import type { LedgerEvent } from '@fieldbid/core/gateway-api/schemas';
import type { Logger } from '@fieldbid/core/logging';

export interface EventSource {
  events(after: string | undefined, signal: AbortSignal): AsyncIterable<LedgerEvent>;
}

/** How many events are remembered for those who ask late. */
const REMEMBERED = 20_000;

export class LedgerWatch {
  readonly #seen = new Set<string>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  /** @param onEvent told of every event, before those who wait for it. */
  constructor(source: EventSource, log: Logger, onEvent: (event: LedgerEvent) => void = () => {}) {
    this.#done = this.#follow(source, log, onEvent);
  }

  /**
   * Resolves when the event has been seen for its subject, also when that was before the call.
   * @param subject the interval's id, or the DER's for events of the registry.
   * @throws DeadlineError after `deadline_ms` real milliseconds.
   */
  async waitFor(name: LedgerEvent['name'], subject: string, deadline_ms: number): Promise<void> {
    const key = `${name} ${subject}`;
    if (this.#seen.has(key)) return;
    await new Promise<void>((resolve, reject) => {
      const waiting = this.#waiting.get(key) ?? new Set();
      const timer = setTimeout(() => {
        waiting.delete(arrived);
        reject(new DeadlineError(`the event ${key}`, deadline_ms));
      }, deadline_ms);
      const arrived = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.set(key, waiting.add(arrived));
    });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #follow(source: EventSource, log: Logger, onEvent: (event: LedgerEvent) => void): Promise<void> {
    try {
      for await (const event of source.events(undefined, this.#stop.signal)) {
        onEvent(event);
        const subject = event.payload.intervalId ?? event.payload.derId;
        if (typeof subject !== 'string') continue;
        const key = `${event.name} ${subject}`;
        this.#seen.add(key);
        if (this.#seen.size > REMEMBERED) this.#seen.delete(this.#seen.values().next().value ?? '');
        for (const arrived of this.#waiting.get(key) ?? []) arrived();
        this.#waiting.delete(key);
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        log.error({ code: codeOf(error) }, `the stream of ledger events ended: ${messageOf(error)}`);
      }
    }
  }
}
