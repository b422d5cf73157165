/** Steps 7, 10 and 13 · New revisions of many bids at once: each bid once, none missing, never upwards (A4). */
import type { BidState } from '@fieldbid/core/gateway-api/schemas';
import type { TransactionContext } from './context.ts';
import { Refused } from './refusal.ts';
import { loadBid, type StoredBid, saveNext, stateOf } from './state.ts';

/** What every change says of the bid that it is about. */
export interface ChangeOf {
  readonly uid: string;
  readonly expectedRevision: number;
  /** Of the raw record of the revision that it makes. */
  readonly checksum: string;
}

/** What a change makes of a bid; revision, checksum and author follow from the change itself. */
export type Revise<C> = (
  before: BidState,
  change: C,
) => Pick<BidState, 'status' | 'reason'> & Partial<Pick<BidState, 'quantity_W' | 'metered_Wh'>>;

/** A bid's history is one value on the ledger: it cannot be made to grow without end. */
export const MOST_REVISIONS = 200;

/** @param uids every bid that must be revised; the changes name each exactly once, in any order. */
export async function reviseBids<C extends ChangeOf>(
  ctx: TransactionContext,
  uids: readonly string[],
  changes: readonly C[],
  revise: Revise<C>,
): Promise<BidState[]> {
  checkCoverage(uids, changes);
  const states: BidState[] = [];
  for (const change of changes) states.push(await reviseBid(ctx, change, revise));
  return states;
}

function checkCoverage(uids: readonly string[], changes: readonly ChangeOf[]): void {
  const open = new Set(uids);
  const seen = new Set<string>();
  for (const { uid } of changes) {
    if (seen.has(uid)) throw new Refused('DUPLICATE', `Bid ${uid} is changed twice.`, { uid });
    seen.add(uid);
    if (!open.delete(uid)) throw new Refused('NOT_FOUND', `Bid ${uid} is none of those to change.`, { uid });
  }
  const [missing] = open;
  if (missing !== undefined) {
    throw new Refused('INCOMPLETE', `${open.size} bids are missing, the first is ${missing}.`, {
      uid: missing,
      missing: open.size,
    });
  }
}

/** @throws Refused `NOT_FOUND`, `REVISION_CONFLICT`, `QUANTITY_RAISED`, or what `revise` throws. */
export async function reviseBid<C extends ChangeOf>(
  ctx: TransactionContext,
  change: C,
  revise: Revise<C>,
): Promise<BidState> {
  const stored = await loadBid(ctx, change.uid);
  const before = current(stored, change);
  const { status, reason, quantity_W = before.quantity_W, metered_Wh = null } = revise(before, change);
  const { uid, checksum } = change;
  if (quantity_W > before.quantity_W) {
    throw new Refused(
      'QUANTITY_RAISED',
      `Bid ${uid} stands at ${before.quantity_W} W and cannot be raised to ${quantity_W} W.`,
      { uid, found: quantity_W, expected: before.quantity_W },
    );
  }
  const revision = before.revision + 1;
  const by = ctx.caller.mspId;
  return saveNext(ctx, stored as StoredBid, {
    revision,
    status,
    quantity_W,
    metered_Wh,
    checksum,
    by,
    reason,
  });
}

function current(stored: StoredBid | undefined, { uid, expectedRevision }: ChangeOf): BidState {
  if (stored === undefined) throw new Refused('NOT_FOUND', `There is no bid ${uid}.`, { uid });
  const before = stateOf(stored);
  if (before.revision !== expectedRevision) {
    throw new Refused('REVISION_CONFLICT', `Bid ${uid} is at revision ${before.revision}.`, {
      uid,
      found: expectedRevision,
      expected: before.revision,
    });
  }
  if (before.revision >= MOST_REVISIONS) {
    throw new Refused('TOO_MANY_REVISIONS', `Bid ${uid} has ${before.revision} revisions.`, {
      uid,
      found: before.revision,
      expected: MOST_REVISIONS,
    });
  }
  return before;
}
