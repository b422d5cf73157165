/** Typed reads and writes of the world state, shared by the transactions. Values are canonical JSON. */
import { canonicalJson } from '@fieldbid/core/canonical-json';
import type { BidState, Certificate, RegistryEntry } from '@fieldbid/core/gateway-api/schemas';
import type { TransactionContext } from './context.ts';
import { keys, under } from './keys.ts';

/** One DERA's part of an interval; the bids themselves stand under their own keys. */
export interface StoredSubmission {
  readonly deraId: string;
  readonly uids: readonly string[];
  readonly silentDerIds: readonly string[];
  readonly awarded: boolean;
}

export async function load<T>(ctx: TransactionContext, key: string): Promise<T | undefined> {
  const text = await ctx.get(key);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}

export async function save(ctx: TransactionContext, key: string, value: unknown): Promise<void> {
  await ctx.put(key, canonicalJson(value));
}

export function loadDer(ctx: TransactionContext, derId: string): Promise<RegistryEntry | undefined> {
  return load<RegistryEntry>(ctx, keys.der(derId));
}

/** The latest revision, or one by its number. */
export async function loadBid(
  ctx: TransactionContext,
  uid: string,
  revision?: number,
): Promise<BidState | undefined> {
  const number = revision ?? (await load<number>(ctx, keys.head(uid)));
  return number === undefined ? undefined : load<BidState>(ctx, keys.bid(uid, number));
}

/** Adds a revision; the former ones stay. */
export async function saveBid(ctx: TransactionContext, state: BidState): Promise<void> {
  await save(ctx, keys.bid(state.uid, state.revision), state);
  await save(ctx, keys.head(state.uid), state.revision);
}

/** All of an interval, by DERA id. */
export async function loadSubmissions(
  ctx: TransactionContext,
  intervalId: string,
): Promise<StoredSubmission[]> {
  const submissions: StoredSubmission[] = [];
  for await (const { value } of ctx.range(...under('submission', intervalId))) {
    submissions.push(JSON.parse(value) as StoredSubmission);
  }
  return submissions;
}

export function loadDecision(ctx: TransactionContext, intervalId: string): Promise<Certificate | undefined> {
  return load<Certificate>(ctx, keys.decision(intervalId));
}

export function loadDispatch(ctx: TransactionContext, intervalId: string): Promise<Certificate | undefined> {
  return load<Certificate>(ctx, keys.dispatch(intervalId));
}

/** The event of a change to bids: ids and revision numbers only. */
export function announceBids(
  ctx: TransactionContext,
  name: string,
  about: Record<string, string>,
  bids: readonly BidState[],
): void {
  const payload = {
    ...about,
    uids: bids.map(({ uid }) => uid),
    revisions: bids.map(({ revision }) => revision),
  };
  ctx.setEvent(name, canonicalJson(payload));
}
