/**
 * Step 11 · How often registers are written. Some inverters keep settings in flash that survives some ten
 * thousand writes; the profile says which. Those are never written by the cycle, and the others only so often a
 * day: a controller that has gone wild must not wear a device out.
 */

/** What a profile says of a register's memory. */
export type WearClass = 'volatile' | 'flash';

export interface WearRules {
  /** Points kept in flash, by name. */
  readonly flash: readonly string[];
  /** Writes of one volatile register a day, at most; half as many again for lowering a limit. */
  readonly writesPerDay: number;
}

const DAY_MS = 86_400_000;
/** Lowering a limit is a matter of safety: it may go beyond the budget by this share of it. */
const SAFETY_SHARE = 0.5;

export class WearMeter {
  readonly #rules: WearRules;
  readonly #now: () => number;
  #day = Number.NaN;
  #today = new Map<string, number>();
  readonly #total = new Map<string, number>();

  /** @param now market time, epoch ms: a day is a UTC day. */
  constructor(rules: WearRules, now: () => number) {
    this.#rules = rules;
    this.#now = now;
  }

  classOf(name: string): WearClass {
    return this.#rules.flash.includes(name) ? 'flash' : 'volatile';
  }

  /** Why a write may not be made now; undefined when it may. @param lowers the limit gets smaller. */
  refusal(names: readonly string[], lowers: boolean): string | undefined {
    this.#roll();
    const { writesPerDay } = this.#rules;
    const most = writesPerDay * (lowers ? 1 + SAFETY_SHARE : 1);
    const worn = names.find((name) => (this.#today.get(name) ?? 0) >= most);
    return worn === undefined
      ? undefined
      : `${worn} has been written ${this.#today.get(worn)} times today, the budget is ${writesPerDay}`;
  }

  count(names: readonly string[]): void {
    this.#roll();
    for (const name of names) {
      this.#today.set(name, (this.#today.get(name) ?? 0) + 1);
      this.#total.set(name, (this.#total.get(name) ?? 0) + 1);
    }
  }

  /** Writes since the start, by point. */
  get total(): ReadonlyMap<string, number> {
    return this.#total;
  }

  #roll(): void {
    const day = Math.floor(this.#now() / DAY_MS);
    if (day === this.#day) return;
    this.#day = day;
    this.#today = new Map();
  }
}
