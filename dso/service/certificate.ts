/** The DSO's certificate of a check, in the ledger's integers, and the decision that carries it. */
import type { BidState, Certificate, Decision } from '@fieldbid/core/gateway-api/schemas';
import type { Verdict } from '../feasibility/policy.ts';

/** What a certificate says besides the verdict itself. */
export interface CheckedWith {
  readonly policy: string;
  readonly margin_pu: number;
  readonly solves: number;
  readonly searchSolves: number;
  /** Largest difference between the engines, pu. */
  readonly gap_pu: number | null;
  readonly engine: string;
  readonly feederSha256: string;
}

export function decisionOf(bids: readonly BidState[], verdict: Verdict, checked: CheckedWith): Decision {
  return {
    certificate: {
      outcome: verdict.outcome,
      policy: checked.policy,
      alpha_ppm: verdict.alpha_ppm,
      originalMax_upu: micro(verdict.original?.max_pu),
      originalMin_upu: micro(verdict.original?.min_pu),
      approvedMax_upu: micro(verdict.approved?.max_pu),
      approvedMin_upu: micro(verdict.approved?.min_pu),
      margin_upu: Math.round(checked.margin_pu * 1e6),
      bindingNode: verdict.binding?.node ?? null,
      bindingMinute: verdict.binding?.case.minute ?? null,
      envelope: {
        safety: verdict.envelope.safety,
        factor_ppm: verdict.envelope.factor_ppm,
        outcomes: verdict.envelope.outcomes,
        worstOutcome: verdict.envelope.worstOutcome?.slice(0, 200) ?? null,
        distance_upu: micro(verdict.envelope.distance_pu),
      },
      ...countsOf(checked),
      engine: checked.engine,
      feederSha256: checked.feederSha256,
      note: verdict.note.slice(0, 500),
    },
    quantities: bids.map(({ uid, revision }) => ({
      uid,
      expectedRevision: revision,
      quantity_W: verdict.quantities.get(uid) ?? 0,
    })),
  };
}

/** Without an engine nothing can be approved: everybody at zero, the last safe default. */
export function unavailableDecision(
  bids: readonly BidState[],
  reason: string,
  checked: CheckedWith,
): Decision {
  const certificate: Certificate = {
    outcome: 'ENGINE_UNAVAILABLE',
    policy: checked.policy,
    alpha_ppm: 0,
    originalMax_upu: null,
    originalMin_upu: null,
    approvedMax_upu: null,
    approvedMin_upu: null,
    margin_upu: Math.round(checked.margin_pu * 1e6),
    bindingNode: null,
    bindingMinute: null,
    envelope: { safety: 'none', factor_ppm: 0, outcomes: 0, worstOutcome: null, distance_upu: null },
    ...countsOf(checked),
    engine: checked.engine,
    feederSha256: checked.feederSha256,
    note: `nothing could be checked, so nothing is approved: ${reason}`.slice(0, 500),
  };
  const quantities = bids.map(({ uid, revision }) => ({ uid, expectedRevision: revision, quantity_W: 0 }));
  return { certificate, quantities };
}

function countsOf({ solves, searchSolves, gap_pu }: CheckedWith) {
  return { solves, searchSolves, engineGap_upu: micro(gap_pu) };
}

function micro(value_pu: number | null | undefined): number | null {
  return value_pu == null || !Number.isFinite(value_pu) ? null : Math.round(value_pu * 1e6);
}
