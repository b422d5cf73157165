/** Things opened are closed in the reverse order, all of them, whatever fails on the way. */
import { codeOf, messageOf, withDeadline } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';

export class Closers {
  readonly #closers: { name: string; close: () => unknown }[] = [];

  /** @param close may return a promise: it is waited for. */
  add(name: string, close: () => unknown): void {
    this.#closers.push({ name, close });
  }

  /**
   * What cannot be closed is logged; never throws.
   * @param most_ms real, for each of them: in a run that ends before its time one may wait for another that is closed.
   */
  async closeAll(log: Logger, most_ms?: number): Promise<void> {
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        const closed = Promise.resolve(closer.close());
        await (most_ms === undefined ? closed : withDeadline(closed, most_ms, 'it'));
      } catch (error) {
        log.warn({ code: codeOf(error) }, `${closer.name} did not close: ${messageOf(error)}`);
      }
    }
  }
}
