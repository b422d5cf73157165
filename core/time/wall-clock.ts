/**
 * TimeSource on the wall clock: hardware in the loop and the field. With `speed` 60, a market minute passes
 * in a second; with `origin_ms`, market time starts there instead of now, so that a scenario's day can run at
 * any hour. Separate processes agree on market time when they share origin, speed and `realOrigin_ms`.
 */
import { FieldbidError } from '../errors.ts';
import type { TimeSource } from './time-source.ts';

export interface WallClockOptions {
  /** Market milliseconds per real millisecond; 1 by default. */
  speed?: number;
  /** Market time at `realOrigin_ms`, epoch ms; by default the real time (no shift). */
  origin_ms?: number;
  /** Real time at which market time is `origin_ms`, epoch ms; by default now. */
  realOrigin_ms?: number;
}

/** setTimeout holds at most 2^31-1 ms; longer waits are split. */
const LONGEST_TIMER_MS = 2_000_000_000;

export class WallClock implements TimeSource {
  readonly #speed: number;
  readonly #origin_ms: number;
  readonly #realOrigin_ms: number;
  #latest_ms = Number.NEGATIVE_INFINITY;
  #closed = false;
  readonly #pending = new Set<{ timer: NodeJS.Timeout; refuse: (error: Error) => void }>();

  constructor(options: WallClockOptions = {}) {
    this.#speed = options.speed ?? 1;
    if (!(this.#speed > 0 && Number.isFinite(this.#speed))) {
      throw new RangeError(`the speed of the wall clock must be positive, not ${this.#speed}`);
    }
    this.#realOrigin_ms = options.realOrigin_ms ?? Date.now();
    this.#origin_ms = options.origin_ms ?? this.#realOrigin_ms;
  }

  /** Market ms per real ms. */
  get speed(): number {
    return this.#speed;
  }

  now(): number {
    const at_ms = this.#origin_ms + (Date.now() - this.#realOrigin_ms) * this.#speed;
    // The system clock may be set back under us; market time never is.
    this.#latest_ms = Math.max(this.#latest_ms, at_ms);
    return this.#latest_ms;
  }

  requestTime(t_ms: number): Promise<number> {
    if (this.#closed) return Promise.reject(this.#closedError());
    if (!Number.isFinite(t_ms)) return Promise.reject(new RangeError(`asked for time ${t_ms}`));
    return new Promise<number>((grant, refuse) => {
      const wait = (): void => {
        const left_ms = (t_ms - this.now()) / this.#speed;
        if (left_ms <= 0) {
          grant(Math.max(t_ms, this.now()));
          return;
        }
        const pending = {
          refuse,
          timer: setTimeout(
            () => {
              this.#pending.delete(pending);
              wait();
            },
            Math.min(Math.ceil(left_ms), LONGEST_TIMER_MS),
          ),
        };
        this.#pending.add(pending);
      };
      wait();
    });
  }

  patienceUntil(t_ms: number): number {
    return Math.max(0, (t_ms - this.now()) / this.#speed);
  }

  close(): void {
    this.#closed = true;
    for (const { timer, refuse } of this.#pending) {
      clearTimeout(timer);
      refuse(this.#closedError());
    }
    this.#pending.clear();
  }

  #closedError(): FieldbidError {
    return new FieldbidError('TIME_CLOSED', 'the clock was closed');
  }
}
