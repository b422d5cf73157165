/**
 * Step 7, later · One bid reduced by the DSO when the feeder turns out otherwise than decided: downwards only, with
 * its reason, until the bid is settled (M24). The decision on the interval stays as it was made.
 */
import type { BidState } from '@fieldbid/core/gateway-api/schemas';
import { requireDso } from './access.ts';
import type { TransactionContext } from './context.ts';
import type { ModifyBid } from './payloads.ts';
import { Refused } from './refusal.ts';
import { MOST_REVISIONS, reviseBid } from './revise.ts';
import { modificationReason, modifiedStatus } from './revision.ts';
import { announceBids } from './state.ts';

/** Award, dispatch and settlement come after: reductions never use up what these need. */
const KEPT_FOR_THE_REST = 5;

export async function modifyBid(ctx: TransactionContext, modification: ModifyBid): Promise<BidState[]> {
  requireDso(ctx.caller);
  const { uid } = modification;
  const state = await reviseBid(ctx, modification, (before, { quantity_W }) => {
    if (before.status === 'submitted') {
      throw new Refused('NOT_DECIDED', `Bid ${uid} is reduced by the decision on its interval.`, { uid });
    }
    if (quantity_W >= before.quantity_W) {
      throw new Refused(
        'QUANTITY_RAISED',
        `Bid ${uid} stands at ${before.quantity_W} W; less was expected.`,
        {
          uid,
          found: quantity_W,
          expected: before.quantity_W,
        },
      );
    }
    if (before.revision > MOST_REVISIONS - KEPT_FOR_THE_REST) {
      throw new Refused('TOO_MANY_REVISIONS', `Bid ${uid} has been reduced ${before.revision} times.`, {
        uid,
        found: before.revision,
        expected: MOST_REVISIONS - KEPT_FOR_THE_REST,
      });
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
