/**
 * Step 7 · The DSO's decision on an interval: every bid of every DERA, approved or curtailed, in one
 * transaction, with the certificate of the check kept (A4).
 */
import type { BidState, Certificate } from '@fieldbid/core/gateway-api/schemas';
import { requireDso } from './access.ts';
import type { TransactionContext } from './context.ts';
import { keys } from './keys.ts';
import type { DecideInterval } from './payloads.ts';
import { Refused } from './refusal.ts';
import { reviseBids } from './revise.ts';
import { approvesNothing, certificateReason, decidedStatus } from './revision.ts';
import { announceBids, loadDecision, loadSubmissions, save } from './state.ts';

export async function decideInterval(ctx: TransactionContext, decision: DecideInterval): Promise<BidState[]> {
  requireDso(ctx.caller);
  const { intervalId, certificate, changes } = decision;
  if ((await loadDecision(ctx, intervalId)) !== undefined) {
    throw new Refused('ALREADY_DECIDED', `${intervalId} is decided already.`, { intervalId });
  }
  const submissions = await loadSubmissions(ctx, intervalId);
  const uids = submissions.flatMap((submission) => submission.uids);
  const reason = certificateReason(certificate);
  const states = await reviseBids(ctx, uids, changes, (before, { quantity_W }) => {
    checkOutcome(certificate, before, quantity_W);
    return { status: decidedStatus(before.quantity_W, quantity_W), reason, quantity_W };
  });
  await save(ctx, keys.decision(intervalId), certificate);
  announceBids(ctx, 'IntervalDecided', { intervalId }, states);
  return states;
}

/** The quantities are what the certificate says: all of them, less, or nothing. */
export function checkOutcome(certificate: Certificate, before: BidState, quantity_W: number): void {
  const { outcome } = certificate;
  const { uid } = before;
  if (outcome === 'ACCEPTED' && quantity_W !== before.quantity_W) {
    throw new Refused('OUTCOME_MISMATCH', `ACCEPTED leaves quantities as they are, but bid ${uid} changes.`, {
      uid,
      found: quantity_W,
      expected: before.quantity_W,
    });
  }
  if (approvesNothing(certificate) && quantity_W !== 0) {
    throw new Refused('OUTCOME_MISMATCH', `${outcome} approves nothing, but bid ${uid} keeps a quantity.`, {
      uid,
      found: quantity_W,
      expected: 0,
    });
  }
}
