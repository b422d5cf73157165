/** The other buses of the federation, and which topics they want. */
import { filterMatches } from '@fieldbid/core/bus/bus';

export class Peers {
  /** Endpoint → filters. */
  readonly #wants = new Map<string, Set<string>>();
  /** Announcement → who has not noted it yet. */
  readonly #open = new Map<number, { missing: Set<string>; done: () => void }>();
  #serial = 0;

  constructor(endpoints: readonly string[]) {
    for (const endpoint of endpoints) this.#wants.set(endpoint, new Set());
  }

  all(): string[] {
    return [...this.#wants.keys()];
  }

  wanting(topic: string): string[] {
    return [...this.#wants].flatMap(([endpoint, filters]) =>
      [...filters].some((filter) => filterMatches(filter, topic)) ? [endpoint] : [],
    );
  }

  note(endpoint: string, filter: string, wanted: boolean): void {
    const filters = this.#wants.get(endpoint) ?? new Set();
    if (wanted) filters.add(filter);
    else filters.delete(filter);
    this.#wants.set(endpoint, filters);
  }

  /** A new announcement to all. @returns its number, and when all have noted it. */
  announce(): { serial: number; noted: Promise<void> } {
    const serial = ++this.#serial;
    const missing = new Set(this.#wants.keys());
    if (missing.size === 0) return { serial, noted: Promise.resolve() };
    return {
      serial,
      noted: new Promise<void>((done) => {
        this.#open.set(serial, { missing, done });
      }),
    };
  }

  noted(endpoint: string, serial: number): void {
    const open = this.#open.get(serial);
    if (open === undefined) return;
    open.missing.delete(endpoint);
    if (open.missing.size > 0) return;
    this.#open.delete(serial);
    open.done();
  }

  gone(endpoint: string): void {
    this.#wants.delete(endpoint);
    for (const serial of [...this.#open.keys()]) this.noted(endpoint, serial);
  }
}
