/** Things opened are closed in the reverse order, all of them, whatever fails on the way. */
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';

export class Closers {
  readonly #closers: { name: string; close: () => unknown }[] = [];

  /** @param close may return a promise: it is waited for. */
  add(name: string, close: () => unknown): void {
    this.#closers.push({ name, close });
  }

  /** What cannot be closed is logged; never throws. */
  async closeAll(log: Logger): Promise<void> {
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        await closer.close();
      } catch (error) {
        log.warn({ code: codeOf(error) }, `${closer.name} did not close: ${messageOf(error)}`);
      }
    }
  }
}
