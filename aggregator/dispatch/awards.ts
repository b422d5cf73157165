/** Step 10 · What each DER is told: its allocation, or zero and why. */
import type { Moments } from '@fieldbid/core/market/calendar';
import type { Award } from '@fieldbid/core/market/messages';
import type { RoundResult } from '../round.ts';

/**
 * One award per registered DER: its allocation, or zero and why (A10).
 * @param sequence their number: above that of every award before.
 */
export function awardsOf(
  derIds: Iterable<string>,
  { interval }: Moments,
  result: RoundResult | undefined,
  sequence: number,
): Award[] {
  const byDer = new Map(result?.outcomes.map((outcome) => [outcome.derId, outcome]));
  return [...derIds].sort().map((derId) => {
    const outcome = byDer.get(derId);
    const base = {
      derId,
      intervalId: interval.id,
      start_ms: interval.start_ms,
      end_ms: interval.end_ms,
      bidUid: outcome?.uid ?? null,
      allocation_W: outcome?.allocation_W ?? 0,
      price_uUSD_per_MWh: result?.price_uUSD_per_MWh ?? 0,
      sequence,
    };
    return { ...base, reason: reasonOf(result, outcome) };
  });
}

function reasonOf(
  result: RoundResult | undefined,
  outcome: RoundResult['outcomes'][number] | undefined,
): Award['reason'] {
  if (result === undefined) return 'FALLBACK';
  if (outcome === undefined) return 'NO_BID';
  if (outcome.approved_W === 0) return 'CURTAILED_TO_ZERO';
  if (outcome.cleared_W === 0) return 'NOT_CLEARED';
  return outcome.allocation_W === outcome.approved_W ? 'CLEARED' : 'PARTLY_CLEARED';
}
