/** Values that know when they last changed, so that a reader is told what is new to it and nothing else. */

/** One value, replaced as a whole. */
export class Cell<T> {
  #value: T;
  #revision = 0;

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T, revision: number): void {
    this.#value = Object.freeze(value);
    this.#revision = revision;
  }

  /** The value, if it changed after `revision`. */
  since(revision: number): T | undefined {
    return this.#revision > revision ? this.#value : undefined;
  }
}

/** Values by key; beyond `most` the ones that were first added are forgotten. */
export class Changing<T> {
  readonly #most: number;
  readonly #entries = new Map<string, { value: T; revision: number }>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.value;
  }

  values(): T[] {
    return [...this.#entries.values()].map(({ value }) => value);
  }

  set(key: string, value: T, revision: number): void {
    this.#entries.set(key, { value: Object.freeze(value), revision });
    if (this.#entries.size <= this.#most) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  /** What changed after `revision`, in the order of first appearance; undefined when nothing did. */
  since(revision: number): T[] | undefined {
    const changed = [...this.#entries.values()].filter((entry) => entry.revision > revision);
    return changed.length === 0 ? undefined : changed.map(({ value }) => value);
  }
}
