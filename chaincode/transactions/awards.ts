/**
 * Step 10 · What of a DERA's approved bids the market cleared, recorded by that DERA. The price is in the
 * raw record only.
 */
import type { BidState } from '@fieldbid/core/gateway-api/schemas';
import type { TransactionContext } from './context.ts';
import { keys } from './keys.ts';
import type { RecordAwards } from './payloads.ts';
import { Refused } from './refusal.ts';
import { requireKnownDera } from './registry.ts';
import { reviseBids } from './revise.ts';
import { awardedStatus, awardReason } from './revision.ts';
import { announceBids, load, loadDecision, loadDispatch, type StoredSubmission, save } from './state.ts';

export async function recordAwards(ctx: TransactionContext, awards: RecordAwards): Promise<BidState[]> {
  const { intervalId, deraId, changes } = awards;
  await requireKnownDera(ctx, deraId);
  const key = keys.submission(intervalId, deraId);
  const submission = await load<StoredSubmission>(ctx, key);
  const about = { deraId, intervalId };
  if (submission === undefined) {
    throw new Refused('NOT_FOUND', `${deraId} has submitted nothing for ${intervalId}.`, about);
  }
  if ((await loadDecision(ctx, intervalId)) === undefined) {
    throw new Refused('NOT_DECIDED', `The DSO has not decided ${intervalId} yet.`, about);
  }
  if ((await loadDispatch(ctx, intervalId)) !== undefined) {
    throw new Refused('ALREADY_DISPATCHED', `The dispatch of ${intervalId} is confirmed already.`, about);
  }
  if (submission.awarded) {
    throw new Refused('ALREADY_AWARDED', `${deraId} has recorded its awards for ${intervalId}.`, about);
  }
  const states = await reviseBids(ctx, submission.uids, changes, (before, { quantity_W }) => ({
    status: awardedStatus(quantity_W),
    reason: awardReason(before.quantity_W, quantity_W),
    quantity_W,
  }));
  await save(ctx, key, { ...submission, awarded: true });
  announceBids(ctx, 'AwardsRecorded', about, states);
  return states;
}
