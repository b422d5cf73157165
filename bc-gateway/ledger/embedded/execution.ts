/** One execution of the contract against the committed state, recording what it read and would write. */
import type { Caller, TransactionContext } from '@fieldbid/chaincode/transactions/context';
import { execute } from '@fieldbid/chaincode/transactions/execute';
import type { Refusal } from '../ledger.ts';
import { type Effects, type Proposal, rangeDigest, type Version } from './block.ts';
import type { WorldState } from './world-state.ts';

export type Executed = { ok: true; effects: Effects } | { ok: false; refusal: Refusal };

class RecordingContext implements TransactionContext {
  readonly caller: Caller;
  readonly txId: string;
  readonly at_ms: number;
  readonly reads = new Map<string, Version>();
  readonly ranges: [from: string, to: string, digest: string][] = [];
  readonly writes = new Map<string, string>();
  event: Effects['event'] = null;
  readonly #state: WorldState;

  constructor(state: WorldState, caller: Caller, txId: string, at_ms: number) {
    this.#state = state;
    this.caller = caller;
    this.txId = txId;
    this.at_ms = at_ms;
  }

  async get(key: string): Promise<string | undefined> {
    const entry = await this.#state.get(key);
    this.reads.set(key, entry?.version ?? null);
    return entry?.value;
  }

  expect(keys: readonly string[]): Promise<void> {
    return this.#state.expect(keys);
  }

  put(key: string, value: string): void {
    this.writes.set(key, value);
  }

  async *range(from: string, to: string): AsyncGenerator<{ key: string; value: string }, void> {
    const found: [string, Version][] = [];
    // Left early, only the part up to the last key read counts; `!` is below every character of a key.
    let until = from;
    try {
      for await (const { key, value, version } of this.#state.range(from, to)) {
        found.push([key, version]);
        until = `${key}!`;
        yield { key, value };
      }
      until = to;
    } finally {
      this.ranges.push([from, until, rangeDigest(found)]);
    }
  }

  setEvent(name: string, payload: string): void {
    this.event = { name, payload };
  }
}

/** Deterministic: the same state and proposal give the same effects, byte for byte. */
export async function executeProposal(
  state: WorldState,
  caller: Caller,
  proposal: Proposal,
  txId: string,
): Promise<Executed> {
  const ctx = new RecordingContext(state, caller, txId, proposal.at_ms);
  const outcome = await execute(ctx, proposal.transaction, proposal.payload);
  if (!outcome.ok) return outcome;
  const effects: Effects = {
    reads: sorted(ctx.reads),
    ranges: ctx.ranges,
    writes: sorted(ctx.writes),
    event: ctx.event,
    response: outcome.result,
  };
  return { ok: true, effects };
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
