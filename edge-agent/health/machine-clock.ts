/**
 * Whether the machine's clock was set back under the agent. Market time never goes back: an agent would stand still until
 * the clock has caught up, an hour for an hour. Started anew it knows the right time at once, and holds its kept awards.
 */

export interface Clocks {
  /** What may be set: epoch ms. */
  readonly wall: () => number;
  /** What only goes forward, ms. */
  readonly running: () => number;
}

const MACHINE: Clocks = { wall: Date.now, running: () => performance.now() };

export class MachineClock {
  readonly #clocks: Clocks;
  #farthest_ms: number;

  constructor(clocks: Clocks = MACHINE) {
    this.#clocks = clocks;
    this.#farthest_ms = clocks.wall() - clocks.running();
  }

  /** By how much the clock was set back since the start, ms; 0 when it was not, or only forward. To be asked often. */
  setBack_ms(): number {
    const ahead_ms = this.#clocks.wall() - this.#clocks.running();
    this.#farthest_ms = Math.max(this.#farthest_ms, ahead_ms);
    return this.#farthest_ms - ahead_ms;
  }
}
