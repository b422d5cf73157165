/**
 * Step 13, at the ISO · A DERA's settlement reckoned again from what the ISO itself has cleared: both legs of the two
 * settlements. What is metered is the DERA's word here; true-up and deviation are not the ISO's to repeat.
 */
import { payment_uUSD } from '@fieldbid/core/market/settlement/arithmetic';
import { ISO, type PostingKind } from '@fieldbid/core/market/settlement/postings';
import type { SettlementAnswer, SettlementReport } from '@fieldbid/core/market/settlement/report';

/** What cleared of one interval. */
export interface ClearedBook {
  readonly price_uUSD_per_MWh: number;
  /** DERA → W. */
  readonly cleared_W: ReadonlyMap<string, number>;
}

/** @param dayAhead of the hour that the interval lies in; undefined without a day-ahead market. */
export function checkSettlement(
  report: SettlementReport,
  realTime: ClearedBook | undefined,
  dayAhead: ClearedBook | undefined,
): SettlementAnswer {
  const { deraId, interval_min, rows } = report;
  if (realTime === undefined) {
    return { agreed: false, differences: [`${report.intervalId} was not cleared here`] };
  }
  const dayAhead_W = dayAhead?.cleared_W.get(deraId) ?? 0;
  const realTime_W = realTime.cleared_W.get(deraId) ?? 0;
  const expected_uUSD: [PostingKind, number][] = [
    ['day-ahead', payment_uUSD(dayAhead_W, interval_min, dayAhead?.price_uUSD_per_MWh ?? 0)],
    ['real-time', payment_uUSD(realTime_W - dayAhead_W, interval_min, realTime.price_uUSD_per_MWh)],
  ];
  const differences = expected_uUSD.flatMap(([kind, expected]) => {
    const found = paid_uUSD(report, kind);
    // A µ$ per DER is rounding.
    return Math.abs(found - expected) <= rows.length
      ? []
      : [`${kind}: ${found} µ$ were reckoned, what cleared comes to ${expected} µ$`];
  });
  return { agreed: differences.length === 0, differences };
}

/** From the ISO to the DERA; negative the other way. */
function paid_uUSD({ deraId, postings }: SettlementReport, kind: PostingKind): number {
  let sum = 0;
  for (const posting of postings) {
    if (posting.kind !== kind) continue;
    if (posting.from === ISO && posting.to === deraId) sum += posting.amount_uUSD;
    if (posting.from === deraId && posting.to === ISO) sum -= posting.amount_uUSD;
  }
  return sum;
}
