/** How long others wait for an aggregator that is late: one real-time timer per interval and step. */
export class LateTimers {
  readonly #patience_ms: number;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(patience_ms: number) {
    this.#patience_ms = patience_ms;
  }

  /** Starts the timer of `key` unless it runs already. */
  start(key: string, onLate: () => void): void {
    if (this.#timers.has(key)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      onLate();
    }, this.#patience_ms);
    this.#timers.set(key, timer);
  }

  cancel(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }

  clear(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
