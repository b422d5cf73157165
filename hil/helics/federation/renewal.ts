/**
 * A federation is given a new broker before HELICS has counted too far. Its global time coordination numbers every round with 16
 * bits and compares with more: after 65,536 rounds no time is ever granted again (3.6.1; mended upstream in #2825, in no
 * release yet). An instant takes three rounds, so a day with twelve DERs has 43,000, and a run that is paced by the wall
 * clock 60 a second. At some instant all federates of ours leave, and meet again at the next broker
 * (docs/decisions/0021-helics-micro-steps.md).
 */
import { withDeadline } from '@fieldbid/core/errors';
import type { Federation } from './federation.ts';

/** Instants of other people's federates are not told to us: with them it is renewed this often as well, market ms. */
const RENEW_WITH_OBSERVERS_MS = 2 * 3_600_000;
/** Real ms to tell others that there will be no other broker. */
const STOP_MS = 2000;

export interface RenewalOptions {
  /** The federation, once it is open. */
  readonly federation: () => Federation | undefined;
  /** Starts the next broker. @returns its port, at the host of the first. */
  readonly nextBroker: () => Promise<number>;
  /** Tells federates of others of it, or that there will be none (0). */
  readonly announce: (port: number) => Promise<void>;
  /** Instants of HELICS time with one broker. */
  readonly afterInstants: number;
  /** Federates of others. */
  readonly observers: number;
  readonly now_ms: () => number;
  readonly fail: (error: unknown) => void;
}

export class Renewal {
  readonly #options: RenewalOptions;
  /** By process: an instant that two of them have had counts twice, which renews early rather than late. */
  readonly #instants = new Map<string, number>();
  #own = 0;
  #since_ms: number | undefined;
  #underWay = false;
  #stopped = false;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** Instants in this process since the federation began, or began anew. */
  count(instants: number): void {
    const { now_ms } = this.#options;
    if (instants < this.#own) {
      this.#instants.clear();
      this.#since_ms = now_ms();
      this.#underWay = false;
    }
    this.#since_ms ??= now_ms();
    this.#own = instants;
    this.#look();
  }

  /** The same of another process. */
  countOf(process: string, instants: number): void {
    this.#instants.set(process, instants);
  }

  /** No more: the federation is about to be left. */
  async stop(): Promise<void> {
    const isOpen = this.#underWay && !this.#stopped;
    this.#stopped = true;
    if (isOpen) await withDeadline(this.#options.announce(0), STOP_MS, 'the federation');
  }

  #look(): void {
    const { federation, afterInstants, observers, now_ms, fail } = this.#options;
    const opened = federation();
    if (this.#underWay || this.#stopped || opened === undefined) return;
    const instants = [...this.#instants.values()].reduce((sum, one) => sum + one, this.#own);
    const isLong = observers > 0 && now_ms() - (this.#since_ms ?? 0) >= RENEW_WITH_OBSERVERS_MS;
    if (instants < afterInstants && !isLong) return;
    this.#underWay = true;
    this.#renew(opened).catch(fail);
  }

  async #renew(federation: Federation): Promise<void> {
    const port = await this.#options.nextBroker();
    if (this.#stopped) return;
    await this.#options.announce(port);
    await federation.renew(port);
  }
}
