/**
 * The line of a simulated Modbus TCP device: as it should be, or with one fault, switched while it runs. Beside
 * `ModbusFaultProxy` there is nothing to stand between: the device's own server strikes its answers.
 */
import { parse } from '@fieldbid/core/schema';
import { FaultPlan, FaultRule } from './rules.ts';
import { requestOf, type Strike } from './strike.ts';

/** What befalls answers to requests that were carried out. */
export interface LineRule {
  readonly fault: 'late' | 'truncate' | 'wrongTransactionId';
  /** Real ms, of `late`. */
  readonly delay_ms?: number;
}

export class FaultyLine {
  #plan: FaultPlan | undefined;
  readonly #now: () => number;
  /** Answers struck so far. */
  struck = 0;

  /** @param now market time, epoch ms, for the rules' windows. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether answers are struck now. */
  get isDisturbed(): boolean {
    return this.#plan !== undefined;
  }

  /** From now on every answer. @param seed the same seed and requests meet the same strikes. */
  disturb(rule: LineRule, seed: string): void {
    this.#plan = new FaultPlan([parse(FaultRule, rule, 'fault of a line')], seed);
  }

  /** From now on it is as it should be. */
  restore(): void {
    this.#plan = undefined;
  }

  /** What the answer to a request meets; undefined: nothing. @param body unit id and what follows. */
  strike(body: Buffer): Strike | undefined {
    const strike = this.#plan?.next(requestOf(body), this.#now());
    if (strike !== undefined) this.struck++;
    return strike;
  }
}
