/**
 * Step 10 · The DSO's second check, of the actual allocation after clearing (A7): every bid of every DERA
 * whose awards are recorded, confirmed or reduced, before anything is dispatched.
 */
import type { BidState } from '@fieldbid/core/gateway-api/schemas';
import { requireDso } from './access.ts';
import type { TransactionContext } from './context.ts';
import { checkOutcome } from './decision.ts';
import { keys } from './keys.ts';
import type { DecideInterval } from './payloads.ts';
import { Refused } from './refusal.ts';
import { reviseBids } from './revise.ts';
import { certificateReason, dispatchedStatus } from './revision.ts';
import { announceBids, loadDecision, loadDispatch, loadSubmissions, save } from './state.ts';

export async function confirmDispatch(
  ctx: TransactionContext,
  dispatch: DecideInterval,
): Promise<BidState[]> {
  requireDso(ctx.caller);
  const { intervalId, certificate, changes } = dispatch;
  if ((await loadDecision(ctx, intervalId)) === undefined) {
    throw new Refused('NOT_DECIDED', `${intervalId} is not decided yet.`, { intervalId });
  }
  if ((await loadDispatch(ctx, intervalId)) !== undefined) {
    throw new Refused('ALREADY_DISPATCHED', `The dispatch of ${intervalId} is confirmed already.`, {
      intervalId,
    });
  }
  const awarded = (await loadSubmissions(ctx, intervalId)).filter((submission) => submission.awarded);
  if (awarded.length === 0) {
    throw new Refused('NOT_AWARDED', `No aggregator has recorded awards for ${intervalId}.`, { intervalId });
  }
  const uids = awarded.flatMap((submission) => submission.uids);
  const reason = certificateReason(certificate);
  const states = await reviseBids(ctx, uids, changes, (before, { quantity_W }) => {
    checkOutcome(certificate, before, quantity_W);
    return { status: dispatchedStatus(before.status), reason, quantity_W };
  });
  await save(ctx, keys.dispatch(intervalId), certificate);
  announceBids(ctx, 'DispatchConfirmed', { intervalId }, states);
  return states;
}
