/**
 * TimeSource, in-process: as fast as the work allows, and deterministic. Time advances to the earliest
 * requested instant once every participant is waiting; all who asked for that instant go on together.
 */
import { Participants } from './participants.ts';
import type { TimeSource } from './time-source.ts';

/** Real milliseconds to wait for a reply while time stands still. */
const HANG_GUARD_MS = 60_000;

export class TimeCoordinator {
  #now_ms: number;
  readonly #participants: Participants;
  #scheduled = false;
  #watchdog: NodeJS.Timeout | undefined;
  readonly #hangGuard_ms: number;
  readonly #onHang: ((names: string[]) => void) | undefined;

  /** @param options.onHang called with who holds time back when nothing moved for `hangGuard_ms` real ms. */
  constructor(start_ms: number, options: { hangGuard_ms?: number; onHang?: (names: string[]) => void } = {}) {
    this.#now_ms = start_ms;
    this.#hangGuard_ms = options.hangGuard_ms ?? HANG_GUARD_MS;
    this.#onHang = options.onHang;
    this.#participants = new Participants('the run', {
      now_ms: () => this.#now_ms,
      patience_ms: this.#hangGuard_ms,
      changed: () => this.#schedule(),
    });
  }

  now(): number {
    return this.#now_ms;
  }

  /**
   * A new participant. Time does not advance from now until it asks for its first time.
   * @throws FieldbidError `TIME_NAME_TAKEN` for a second participant of the same name.
   */
  join(name: string): TimeSource {
    return this.#participants.join(name);
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
    const next_ms = this.#participants.next();
    if (next_ms === 'at work') {
      this.#watch();
      return;
    }
    if (next_ms === 'nobody') return;
    this.#now_ms = Math.max(this.#now_ms, next_ms);
    this.#participants.grantUpTo(this.#now_ms);
  }

  #watch(): void {
    if (this.#onHang === undefined) return;
    this.#watchdog = setTimeout(() => this.#onHang?.(this.#participants.atWork()), this.#hangGuard_ms);
    this.#watchdog.unref();
  }
}
