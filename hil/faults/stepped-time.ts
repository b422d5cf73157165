/**
 * The clock of one machine that is off by some seconds, over the time that all share. As `WallClock` does, it never
 * goes back: a clock that is set back stands still until time has caught up with it.
 */
import type { TimeSource } from '@fieldbid/core/time/time-source';

/** Shared by the programs of one machine; changed while they run. */
export interface MachineClock {
  /** Market ms ahead of the others; negative: behind. */
  step_ms: number;
}

export class SteppedTime implements TimeSource {
  readonly #time: TimeSource;
  readonly #machine: MachineClock;
  #latest_ms = Number.NEGATIVE_INFINITY;

  constructor(time: TimeSource, machine: MachineClock) {
    this.#time = time;
    this.#machine = machine;
  }

  now(): number {
    this.#latest_ms = Math.max(this.#latest_ms, this.#time.now() + this.#machine.step_ms);
    return this.#latest_ms;
  }

  async requestTime(t_ms: number): Promise<number> {
    for (;;) {
      // As a timer does: set for what is missing now, and looked at again when it rings.
      const left_ms = t_ms - this.now();
      const granted_ms = await this.#time.requestTime(this.#time.now() + Math.max(0, left_ms));
      const now_ms = Math.max(this.now(), granted_ms + this.#machine.step_ms);
      if (now_ms >= t_ms) return now_ms;
    }
  }

  patienceUntil(t_ms: number): number {
    return this.#time.patienceUntil(t_ms - this.#machine.step_ms);
  }

  close(): void {
    this.#time.close();
  }
}
