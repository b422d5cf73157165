/**
 * TimeSource, in-process: as fast as the work allows, and deterministic. Time advances to the earliest
 * requested instant once every participant is waiting; all who asked for that instant go on together.
 */
import { FieldbidError } from '../errors.ts';
import type { TimeSource } from './time-source.ts';

/** Real milliseconds to wait for a reply while time stands still. */
const HANG_GUARD_MS = 60_000;

interface Waiting {
  readonly t_ms: number;
  readonly grant: (t_ms: number) => void;
  readonly refuse: (error: FieldbidError) => void;
}

export class TimeCoordinator {
  #now_ms: number;
  readonly #participants = new Map<string, Waiting | undefined>();
  #scheduled = false;
  #watchdog: NodeJS.Timeout | undefined;
  readonly #hangGuard_ms: number;
  readonly #onHang: ((names: string[]) => void) | undefined;

  /** @param options.onHang called with who holds time back when nothing moved for `hangGuard_ms` real ms. */
  constructor(start_ms: number, options: { hangGuard_ms?: number; onHang?: (names: string[]) => void } = {}) {
    this.#now_ms = start_ms;
    this.#hangGuard_ms = options.hangGuard_ms ?? HANG_GUARD_MS;
    this.#onHang = options.onHang;
  }

  now(): number {
    return this.#now_ms;
  }

  /**
   * A new participant. Time does not advance from now until it asks for its first time.
   * @throws FieldbidError `TIME_NAME_TAKEN` for a second participant of the same name.
   */
  join(name: string): TimeSource {
    if (this.#participants.has(name)) {
      throw new FieldbidError('TIME_NAME_TAKEN', `two participants of the clock are called ${name}`);
    }
    this.#participants.set(name, undefined);
    let closed = false;
    const closedError = () => new FieldbidError('TIME_CLOSED', `${name} has left the clock`);
    return {
      now: () => this.#now_ms,
      requestTime: (t_ms) => {
        if (closed) return Promise.reject(closedError());
        if (!Number.isFinite(t_ms)) return Promise.reject(new RangeError(`${name} asked for time ${t_ms}`));
        if (this.#participants.get(name) !== undefined) {
          return Promise.reject(new FieldbidError('TIME_PENDING', `${name} is already waiting for a time`));
        }
        return new Promise<number>((grant, refuse) => {
          this.#participants.set(name, { t_ms, grant, refuse });
          this.#schedule();
        });
      },
      patienceUntil: () => this.#hangGuard_ms,
      close: () => {
        if (closed) return;
        closed = true;
        const waiting = this.#participants.get(name);
        this.#participants.delete(name);
        waiting?.refuse(closedError());
        this.#schedule();
      },
    };
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // One turn of the event loop, so that participants that ask in the same turn are granted together.
    setImmediate(() => {
      this.#scheduled = false;
      this.#advance();
    });
  }

  #advance(): void {
    clearTimeout(this.#watchdog);
    let next_ms = Number.POSITIVE_INFINITY;
    for (const waiting of this.#participants.values()) {
      if (waiting === undefined) {
        this.#watch();
        return;
      }
      next_ms = Math.min(next_ms, waiting.t_ms);
    }
    if (!Number.isFinite(next_ms)) return;
    this.#now_ms = Math.max(this.#now_ms, next_ms);
    for (const [name, waiting] of this.#participants) {
      if (waiting === undefined || waiting.t_ms > this.#now_ms) continue;
      this.#participants.set(name, undefined);
      waiting.grant(this.#now_ms);
    }
  }

  #watch(): void {
    if (this.#onHang === undefined) return;
    this.#watchdog = setTimeout(() => {
      const holding = [...this.#participants].filter(([, waiting]) => waiting === undefined);
      this.#onHang?.(holding.map(([name]) => name));
    }, this.#hangGuard_ms);
    this.#watchdog.unref();
  }
}
