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
  /** Absent where nothing was committed. */
  readonly baselineCommitment?: string;
  readonly awarded: boolean;
  readonly settled: boolean;
}

/** What does not change over a bid's revisions. */
type BidIdentity = Pick<
  BidState,
  'uid' | 'derId' | 'deraId' | 'intervalId' | 'product' | 'keyId' | 'commitment'
>;
export type BidRevision = Omit<BidState, keyof BidIdentity>;

/** A bid as stored: what it is, and every revision of it, oldest first; only ever added to (A4). */
export interface StoredBid extends BidIdentity {
  readonly revisions: readonly BidRevision[];
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

export function loadBid(ctx: TransactionContext, uid: string): Promise<StoredBid | undefined> {
  return load<StoredBid>(ctx, keys.bid(uid));
}

/** Every revision as a reader sees it, oldest first. */
export function statesOf({ revisions, ...identity }: StoredBid): BidState[] {
  return revisions.map((revision) => ({ ...identity, ...revision }));
}

/** The latest revision. */
export function stateOf({ revisions, ...identity }: StoredBid): BidState {
  const revision = revisions.at(-1);
  if (revision === undefined) throw new RangeError(`bid ${identity.uid} is stored without a revision`);
  return { ...identity, ...revision };
}

export async function saveFirst(ctx: TransactionContext, state: BidState): Promise<void> {
  const { uid, derId, deraId, intervalId, product, keyId, commitment, ...revision } = state;
  const bid: StoredBid = {
    uid,
    derId,
    deraId,
    intervalId,
    product,
    keyId,
    commitment,
    revisions: [revision],
  };
  await save(ctx, keys.bid(uid), bid);
}

/** Adds a revision; the former ones stay as they are. */
export async function saveNext(
  ctx: TransactionContext,
  before: StoredBid,
  revision: BidRevision,
): Promise<BidState> {
  const after: StoredBid = { ...before, revisions: [...before.revisions, revision] };
  await save(ctx, keys.bid(before.uid), after);
  return stateOf(after);
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
