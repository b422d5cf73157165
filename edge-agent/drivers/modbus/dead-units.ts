/**
 * Steps 1 and 11 · Which units of a bus may be asked now. A unit that does not answer costs the others its whole
 * deadline, so a dead one is asked rarely: its own wait doubles with each silence, and all dead units of a bus
 * together may take up only a small share of the bus's time. Whoever answers is asked as before at once.
 */
export interface DeadUnitsOptions {
  /** The clock by which waits are counted, ms. */
  readonly now: () => number;
  /** Wait after a unit was found dead: doubles from `first_ms` up to `max_ms`; longer where the share asks for it. */
  readonly first_ms: number;
  readonly max_ms: number;
  /** Most of the bus's time that dead units may cost, 0 to 1. */
  readonly share: number;
}

/** One lost answer is no dead unit. */
const SILENCES_OF_THE_DEAD = 2;

interface Silence {
  /** Requests without an answer in a row. */
  times: number;
  /** No request before this has passed since `since_ms`. */
  wait_ms: number;
  since_ms: number;
}

export class DeadUnits {
  readonly #options: DeadUnitsOptions;
  readonly #silent = new Map<number, Silence>();
  /** No dead unit is asked before this has passed since the last silence. */
  #pause: Omit<Silence, 'times'> = { wait_ms: 0, since_ms: 0 };

  constructor(options: DeadUnitsOptions) {
    this.#options = options;
  }

  /** Until the unit may be asked, ms; 0: now. */
  wait_ms(unit: number): number {
    const silence = this.#silent.get(unit);
    if (silence === undefined || !isDead(silence)) return 0;
    return Math.max(this.#left_ms(silence), this.#left_ms(this.#pause));
  }

  /** Requests in a row that the unit has not answered. */
  silences(unit: number): number {
    return this.#silent.get(unit)?.times ?? 0;
  }

  isDead(unit: number): boolean {
    const silence = this.#silent.get(unit);
    return silence !== undefined && isDead(silence);
  }

  answered(unit: number): void {
    this.#silent.delete(unit);
  }

  /**
   * @param cost_ms how long the bus, and others on it, have waited for the unit; 0 when it is alone there.
   * @param unheard it has never answered while others have: one silence is enough.
   */
  silent(unit: number, cost_ms: number, unheard = false): void {
    const { first_ms, max_ms, share, now } = this.#options;
    const since_ms = now();
    const silence = this.#silent.get(unit) ?? { times: 0, wait_ms: 0, since_ms };
    silence.times = Math.max(silence.times + 1, unheard ? SILENCES_OF_THE_DEAD : 0);
    silence.since_ms = since_ms;
    this.#silent.set(unit, silence);
    if (!isDead(silence)) return;
    const pause_ms = Math.max(0, cost_ms) / share;
    this.#pause = { wait_ms: pause_ms, since_ms };
    const backOff_ms = Math.min(max_ms, first_ms * 2 ** Math.min(30, silence.times - SILENCES_OF_THE_DEAD));
    // Long enough for each other dead unit to have had its turn, so that none keeps the rest from being asked.
    const dead = [...this.#silent.values()].filter(isDead).length;
    silence.wait_ms = Math.max(backOff_ms, pause_ms * dead);
  }

  /** A clock that was set back must not make anybody wait for ever. */
  #left_ms({ wait_ms, since_ms }: Omit<Silence, 'times'>): number {
    const passed_ms = this.#options.now() - since_ms;
    return passed_ms < 0 ? 0 : Math.max(0, wait_ms - passed_ms);
  }
}

function isDead({ times }: Silence): boolean {
  return times >= SILENCES_OF_THE_DEAD;
}
