/** A ledger in memory for tests of the contract: reads see what was committed, writes apply when it succeeds. */
import type { Caller, TransactionContext } from '../transactions/context.ts';
import { execute, type Outcome } from '../transactions/execute.ts';

export class MemoryLedger {
  readonly state = new Map<string, string>();
  readonly events: { name: string; payload: string }[] = [];
  #transactions = 0;

  async run(caller: Caller, name: string, argument: unknown): Promise<Outcome> {
    const writes = new Map<string, string>();
    const events: { name: string; payload: string }[] = [];
    const state = this.state;
    const ctx: TransactionContext = {
      caller,
      txId: `tx${++this.#transactions}`,
      at_ms: 0,
      get: async (key) => state.get(key),
      put: (key, value) => void writes.set(key, value),
      async *range(from, to) {
        for (const key of [...state.keys()].sort()) {
          if (key >= from && key < to) yield { key, value: state.get(key) ?? '' };
        }
      },
      setEvent: (event, payload) => void events.push({ name: event, payload }),
    };
    const outcome = await execute(
      ctx,
      name,
      typeof argument === 'string' ? argument : JSON.stringify(argument),
    );
    if (outcome.ok) {
      for (const [key, value] of writes) state.set(key, value);
      this.events.push(...events);
    }
    return outcome;
  }
}
