/**
 * Step 7, later · One bid reduced by the DSO when the feeder turns out otherwise than decided: downwards only, with
 * its reason, until the bid is settled (M24). The decision on the interval stays as it was made.
 */
import type { BidState } from '@fieldbid/core/gateway-api/schemas';
import { requireDso } from './access.ts';
import type { TransactionContext } from './context.ts';
import type { ModifyBid } from './payloads.ts';
import { Refused } from './refusal.ts';
import { reviseBid } from './revise.ts';
import { modificationReason, modifiedStatus } from './revision.ts';
import { announceBids } from './state.ts';

export async function modifyBid(ctx: TransactionContext, modification: ModifyBid): Promise<BidState[]> {
  requireDso(ctx.caller);
  const { uid } = modification;
  const state = await reviseBid(ctx, modification, (before, { quantity_W }) => {
    if (before.status === 'submitted') {
      throw new Refused('NOT_DECIDED', `Bid ${uid} is reduced by the decision on its interval.`, { uid });
    }
    if (before.status === 'settled') {
      throw new Refused('ALREADY_SETTLED', `Bid ${uid} is settled.`, { uid });
    }
    return { status: modifiedStatus(before.status), reason: modificationReason(modification), quantity_W };
  });
  const { intervalId, deraId } = state;
  announceBids(ctx, 'BidModified', { deraId, intervalId }, [state]);
  return [state];
}
