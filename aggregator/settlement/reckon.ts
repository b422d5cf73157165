/** Step 13 · One interval of one DERA, from quantities, prices and energies to what each DER is paid. Pure. */
import type { Interval } from '@fieldbid/core/interval';
import { MINUTE_MS } from '@fieldbid/core/interval';
import { POSTING_KINDS, type PostingKind } from '@fieldbid/core/market/settlement/postings';
import type { MeteredBy, SettlementReport, SettlementRow } from '@fieldbid/core/market/settlement/report';
import type { SettlementRules } from '@fieldbid/core/market/settlement/rules';
import { type DerQuantities, settleInterval } from '@fieldbid/core/market/settlement/settle';

export interface DerToSettle extends Omit<DerQuantities, 'deraId'> {
  readonly meteredBy: MeteredBy;
  /** Whether it has a bid of the interval on the ledger. */
  readonly bid: boolean;
}

export interface IntervalToReckon {
  readonly deraId: string;
  readonly interval: Interval;
  /** Null: nobody has a position. */
  readonly dayAhead_uUSD_per_MWh: number | null;
  readonly realTime_uUSD_per_MWh: number;
  readonly ders: readonly DerToSettle[];
}

export type Reckoned = Pick<
  SettlementReport,
  | 'deraId'
  | 'intervalId'
  | 'interval_min'
  | 'dayAhead_uUSD_per_MWh'
  | 'realTime_uUSD_per_MWh'
  | 'rows'
  | 'postings'
>;

/** @throws RangeError as `settleInterval`. */
export function reckon(given: IntervalToReckon, rules: SettlementRules): Reckoned {
  const { deraId, interval, dayAhead_uUSD_per_MWh, realTime_uUSD_per_MWh } = given;
  const intervalId = interval.id;
  const interval_min = (interval.end_ms - interval.start_ms) / MINUTE_MS;
  const { postings, energies } = settleInterval(
    {
      ...{ intervalId, interval_min, realTime_uUSD_per_MWh },
      dayAhead_uUSD_per_MWh: dayAhead_uUSD_per_MWh ?? 0,
      ders: given.ders.map((der) => ({ ...der, deraId })),
    },
    rules,
  );
  const byDer = new Map(given.ders.map((der) => [der.derId, der]));
  const amountsOf = new Map(given.ders.map(({ derId }) => [derId, noAmounts()]));
  for (const { from, to, amount_uUSD, kind } of postings) {
    const [payer, payee] = [amountsOf.get(from), amountsOf.get(to)];
    if (payer !== undefined) payer[kind] -= amount_uUSD;
    if (payee !== undefined) payee[kind] += amount_uUSD;
  }
  const rows = energies.map(({ derId, settled_Wmin, dispatched_Wmin, excess_Wh }): SettlementRow => {
    const { dayAhead_W, realTime_W, dispatched_W, bid, metered_Wh, meteredBy, baseline_Wh } =
      byDer.get(derId)!;
    const amounts = amountsOf.get(derId) ?? noAmounts();
    return {
      ...{ derId, dayAhead_W, realTime_W, dispatched_W, bid, metered_Wh, meteredBy },
      ...(baseline_Wh === undefined ? {} : { baseline_Wh }),
      ...{ settled_Wmin, dispatched_Wmin, excess_Wh, byKind_uUSD: amounts },
      total_uUSD: POSTING_KINDS.reduce((sum, kind) => sum + amounts[kind], 0),
    };
  });
  const prices = { dayAhead_uUSD_per_MWh, realTime_uUSD_per_MWh };
  return { deraId, intervalId, interval_min, ...prices, rows, postings: [...postings] };
}

function noAmounts(): Record<PostingKind, number> {
  return Object.fromEntries(POSTING_KINDS.map((kind) => [kind, 0])) as Record<PostingKind, number>;
}
