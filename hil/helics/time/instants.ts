/**
 * Market time in HELICS. HELICS counts from zero in nanoseconds; market time is its whole milliseconds after the
 * run's origin. The nanoseconds below are micro-steps: one and the same market instant, at which messages go to and
 * fro, each taking one step (docs/decisions/0021-helics-micro-steps.md).
 */

const NS_PER_MS = 1_000_000;
/** One micro-step. */
export const STEP_NS = 1;
/** Micro-steps that one market instant has; whoever comes near has hung. */
export const STEPS_PER_INSTANT = NS_PER_MS - 1;
/** Beyond it doubles, which HELICS takes and gives times as, would no longer hold every nanosecond: 104 days. */
export const LATEST_NS = 9e15;

export class Instants {
  readonly #origin_ms: number;

  /** @param origin_ms market time at HELICS time zero, whole epoch ms. */
  constructor(origin_ms: number) {
    if (!Number.isSafeInteger(origin_ms)) throw new RangeError(`origin ${origin_ms} is no whole millisecond`);
    this.#origin_ms = origin_ms;
  }

  /** First HELICS time of the first instant that is not before `t_ms`, ns. */
  toHelics(t_ms: number): number {
    const ms = Math.ceil(t_ms) - this.#origin_ms;
    return Math.max(0, Math.min(LATEST_NS, ms * NS_PER_MS));
  }

  /** Market time, epoch ms. */
  toMarket(t_ns: number): number {
    return this.#origin_ms + Math.floor(t_ns / NS_PER_MS);
  }

  /** Micro-steps that have been taken at the instant. */
  stepsTaken(t_ns: number): number {
    return t_ns % NS_PER_MS;
  }
}
