/** Steps 7 and 10 · New revisions of many bids at once: each bid once, none missing, never upwards (A4). */
import type { BidState } from '@fieldbid/core/gateway-api/schemas';
import type { TransactionContext } from './context.ts';
import type { Change } from './payloads.ts';
import { Refused } from './refusal.ts';
import { loadBid, saveBid } from './state.ts';

/** What a change makes of a bid; quantity, checksum and revision follow from the change itself. */
export type Revise = (before: BidState, quantity_W: number) => Pick<BidState, 'status' | 'reason'>;

/** @param uids every bid that must be revised; the changes name each exactly once, in any order. */
export async function reviseBids(
  ctx: TransactionContext,
  uids: readonly string[],
  changes: readonly Change[],
  revise: Revise,
): Promise<BidState[]> {
  checkCoverage(uids, changes);
  const states: BidState[] = [];
  for (const change of changes) states.push(await reviseBid(ctx, change, revise));
  return states;
}

function checkCoverage(uids: readonly string[], changes: readonly Change[]): void {
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

async function reviseBid(ctx: TransactionContext, change: Change, revise: Revise): Promise<BidState> {
  const { uid, expectedRevision, quantity_W, checksum } = change;
  const before = await loadBid(ctx, uid);
  if (before === undefined) throw new Refused('NOT_FOUND', `There is no bid ${uid}.`, { uid });
  if (before.revision !== expectedRevision) {
    throw new Refused('REVISION_CONFLICT', `Bid ${uid} is at revision ${before.revision}.`, {
      uid,
      found: expectedRevision,
      expected: before.revision,
    });
  }
  if (quantity_W > before.quantity_W) {
    throw new Refused(
      'QUANTITY_RAISED',
      `Bid ${uid} stands at ${before.quantity_W} W and cannot be raised to ${quantity_W} W.`,
      { uid, found: quantity_W, expected: before.quantity_W },
    );
  }
  const state: BidState = {
    ...before,
    ...revise(before, quantity_W),
    revision: before.revision + 1,
    quantity_W,
    checksum,
    by: ctx.caller.mspId,
  };
  await saveBid(ctx, state);
  return state;
}
