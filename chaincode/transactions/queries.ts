/** M24 · Reads. Everything on the ledger may be read by every member of the channel: there are no prices. */
import type { BidState, IntervalState, RegistryEntry, Submission } from '@fieldbid/core/gateway-api/schemas';
import type { TransactionContext } from './context.ts';
import { under } from './keys.ts';
import type { BidPage, DerPage, Page, ReadBid, ReadDer, ReadInterval } from './payloads.ts';
import { Refused } from './refusal.ts';
import {
  loadBid,
  loadDecision,
  loadDer,
  loadDispatch,
  loadSubmissions,
  type StoredBid,
  stateOf,
  statesOf,
} from './state.ts';

/** The latest revision, or one by its number. */
export async function readBid(ctx: TransactionContext, { uid, revision }: ReadBid): Promise<BidState> {
  const bid = await loadBid(ctx, uid);
  const state =
    bid === undefined || revision === undefined ? bid && stateOf(bid) : statesOf(bid)[revision - 1];
  if (state !== undefined) return state;
  const what = revision === undefined ? `bid ${uid}` : `revision ${revision} of bid ${uid}`;
  throw new Refused('NOT_FOUND', `There is no ${what}.`, { uid });
}

export async function readDer(ctx: TransactionContext, { derId }: ReadDer): Promise<RegistryEntry> {
  const entry = await loadDer(ctx, derId);
  if (entry !== undefined) return entry;
  throw new Refused('NOT_REGISTERED', `${derId} is not registered.`, { derId });
}

/** Every revision, oldest first. */
export async function readBidHistory(ctx: TransactionContext, { uid }: ReadBid): Promise<BidState[]> {
  const bid = await loadBid(ctx, uid);
  if (bid === undefined) throw new Refused('NOT_FOUND', `There is no bid ${uid}.`, { uid });
  return statesOf(bid);
}

/** Every revision of every bid of an interval: by DERA and uid, oldest first. Empty for one that nobody has written to. */
export async function readIntervalHistory(
  ctx: TransactionContext,
  { intervalId }: ReadInterval,
): Promise<BidState[]> {
  const states: BidState[] = [];
  for (const { uids } of await loadSubmissions(ctx, intervalId)) {
    for (const uid of uids) states.push(...(await readBidHistory(ctx, { uid })));
  }
  return states;
}

/** Submissions by DERA id; empty for an interval that nobody has written to. */
export async function readInterval(
  ctx: TransactionContext,
  { intervalId }: ReadInterval,
): Promise<IntervalState> {
  const submissions: Submission[] = [];
  for (const { uids, ...rest } of await loadSubmissions(ctx, intervalId)) {
    const bids: BidState[] = [];
    for (const uid of uids) bids.push(await readBid(ctx, { uid }));
    submissions.push({ ...rest, silentDerIds: [...rest.silentDerIds], bids });
  }
  return {
    intervalId,
    submissions,
    decision: (await loadDecision(ctx, intervalId)) ?? null,
    dispatch: (await loadDispatch(ctx, intervalId)) ?? null,
  };
}

export async function listDers(ctx: TransactionContext, page: Page): Promise<DerPage> {
  const { items, next } = await readPage<RegistryEntry>(ctx, 'der', page);
  return { ders: items, next };
}

/** Every revision of every bid, by uid and revision; `limit` counts bids. */
export async function listBids(ctx: TransactionContext, page: Page): Promise<BidPage> {
  const { items, next } = await readPage<StoredBid>(ctx, 'bid', page);
  return { bids: items.flatMap(statesOf), next };
}

async function readPage<T>(
  ctx: TransactionContext,
  kind: string,
  { after, limit }: Page,
): Promise<{ items: T[]; next: string | null }> {
  const [from, to] = under(kind);
  // The first key after the former page's last is that key with the lowest character added.
  const start = after === undefined || after < from ? from : `${after}!`;
  const items: T[] = [];
  if (start >= to) return { items, next: null };
  for await (const { key, value } of ctx.range(start, to)) {
    items.push(JSON.parse(value) as T);
    if (items.length === limit) return { items, next: key };
  }
  return { items, next: null };
}
