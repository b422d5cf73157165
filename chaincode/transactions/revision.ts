/**
 * What a revision of a bid is called and why it was made. The gateway writes the same into the raw record
 * before the transaction, so these rules stand once, here.
 */
import type { BidStatus, Certificate, Modification } from '@fieldbid/core/gateway-api/schemas';

/** Results after which nothing may be delivered. */
const APPROVES_NOTHING = new Set(['INFEASIBLE_AT_ZERO', 'INFEASIBLE_UNDERVOLTAGE', 'ENGINE_UNAVAILABLE']);

export function approvesNothing(certificate: Certificate): boolean {
  return APPROVES_NOTHING.has(certificate.outcome);
}

export function decidedStatus(bid_W: number, approved_W: number): BidStatus {
  return approved_W < bid_W ? 'curtailed' : 'approved';
}

export function awardedStatus(awarded_W: number): BidStatus {
  return awarded_W > 0 ? 'awarded' : 'not-awarded';
}

/** A bid that was not awarded stays so when the dispatch is confirmed. */
export function dispatchedStatus(before: BidStatus): BidStatus {
  return before === 'not-awarded' ? 'not-awarded' : 'dispatched';
}

/** What was dispatched or awarded stays so at its lower quantity; before that, a bid reduced is a bid curtailed. */
export function modifiedStatus(before: BidStatus): BidStatus {
  return before === 'approved' ? 'curtailed' : before;
}

export function modificationReason({ reason, bindingNode }: Modification): string {
  return bindingNode === null ? reason : `${reason}, bound by ${bindingNode}`;
}

export function settlementReason(dispatched_W: number): string {
  return dispatched_W > 0 ? 'metered energy of the dispatch' : 'metered energy, nothing was dispatched';
}

/** Why the DSO made this revision: outcome, policy, factor, and the node that bound. */
export function certificateReason(certificate: Certificate): string {
  const { outcome, policy, alpha_ppm, bindingNode, bindingMinute } = certificate;
  const bound = bindingNode === null ? '' : `, bound by ${bindingNode}`;
  const when = bindingMinute === null ? '' : ` at minute ${bindingMinute}`;
  return `${outcome} by ${policy}, alpha ${alpha_ppm} ppm${bound}${when}`;
}

/** Why the DERA made this revision. Says no price. */
export function awardReason(approved_W: number, awarded_W: number): string {
  if (awarded_W === 0) return approved_W === 0 ? 'nothing was approved' : 'not cleared';
  return awarded_W < approved_W ? 'cleared in part' : 'cleared in full';
}
