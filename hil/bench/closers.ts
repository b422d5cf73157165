/** Things opened are closed in the reverse order, all of them, whatever fails on the way. */
export class Closers {
  readonly #closers: { name: string; close: () => unknown }[] = [];

  /** @param close may return a promise: it is waited for. */
  add(name: string, close: () => unknown): void {
    this.#closers.push({ name, close });
  }

  /** @param onFault told what could not be closed; never throws. */
  async closeAll(onFault: (name: string, error: unknown) => void): Promise<void> {
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        await closer.close();
      } catch (error) {
        onFault(closer.name, error);
      }
    }
  }
}
