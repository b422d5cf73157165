/**
 * Step 13 · What each dispatched bid of a DERA delivered, recorded by that DERA once. Energy is in clear; what is
 * paid for it is in the raw record only.
 */
import type { BidState } from '@fieldbid/core/gateway-api/schemas';
import type { TransactionContext } from './context.ts';
import { keys } from './keys.ts';
import type { RecordSettlement } from './payloads.ts';
import { Refused } from './refusal.ts';
import { requireKnownDera } from './registry.ts';
import { reviseBids } from './revise.ts';
import { settlementReason } from './revision.ts';
import { announceBids, load, loadDispatch, type StoredSubmission, save } from './state.ts';

export async function recordSettlement(
  ctx: TransactionContext,
  settlement: RecordSettlement,
): Promise<BidState[]> {
  const { intervalId, deraId, settlements } = settlement;
  await requireKnownDera(ctx, deraId);
  const key = keys.submission(intervalId, deraId);
  const submission = await load<StoredSubmission>(ctx, key);
  const about = { deraId, intervalId };
  if (submission === undefined) {
    throw new Refused('NOT_FOUND', `${deraId} has submitted nothing for ${intervalId}.`, about);
  }
  if (!submission.awarded || (await loadDispatch(ctx, intervalId)) === undefined) {
    throw new Refused(
      'NOT_DISPATCHED',
      `The dispatch of ${deraId} in ${intervalId} is not confirmed.`,
      about,
    );
  }
  if (submission.settled) {
    throw new Refused('ALREADY_SETTLED', `${deraId} has settled ${intervalId}.`, about);
  }
  const states = await reviseBids(ctx, submission.uids, settlements, (before, { metered_Wh }) => ({
    status: 'settled',
    reason: settlementReason(before.quantity_W),
    metered_Wh,
  }));
  await save(ctx, key, { ...submission, settled: true });
  announceBids(ctx, 'SettlementRecorded', about, states);
  return states;
}
