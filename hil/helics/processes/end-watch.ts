/** Which of the programs of a run has ended before its time. */
import { setTimeout as delay } from 'node:timers/promises';

export interface End {
  /** As a person knows it: `the agent of pv-680`. */
  readonly what: string;
  readonly pid: number;
  /** Exit code, or signal; of the broker also what it said last. */
  readonly how: number | string;
}

/** A death makes others end: who was first is looked for among those that end within this, real ms. */
const BLAME_MS = 300;

/**
 * Who is to blame: of all that end within a moment of each other the one that was killed, else the first. What ends
 * with code 0 has done its work: a member that of the run, a broker that of its part of it.
 */
export class EndWatch {
  readonly #failed: End[] = [];
  #found: () => void = () => {};
  readonly #any = new Promise<void>((resolve) => {
    this.#found = resolve;
  });

  add(end: Promise<End>): void {
    void end.then((one) => {
      if (one.how === 0 || String(one.how).startsWith('code 0')) return;
      this.#failed.push(one);
      this.#found();
    });
  }

  /** @param market how it ends: with code 0 the run is over. */
  async firstFailure(market: Promise<number | string>): Promise<End | 'well'> {
    const well = await Promise.race([this.#any, market.then((how) => how === 0)]);
    if (well === true) return 'well';
    await this.#any;
    await delay(BLAME_MS);
    return this.#failed.find(({ how }) => String(how).startsWith('SIG')) ?? this.#failed[0]!;
  }
}
