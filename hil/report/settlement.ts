/** Step 13 in the summary: what was sold a day ahead, and what the intervals paid, and whom. */
import { priceInUsd } from '@fieldbid/core/market/money';
import { opensCommitment } from '@fieldbid/core/market/settlement/commitment';
import { POSTING_KINDS, type PostingKind } from '@fieldbid/core/market/settlement/postings';
import { settlementOf } from '@fieldbid/core/market/settlement/report';
import { type Statement, statements } from '@fieldbid/core/market/settlement/statements';
import { isCompleted, type RunRecord } from '../recorder/run-record.ts';

export interface DayAheadSummary {
  readonly hours: number;
  readonly completed: number;
  /** Energy over the hours, kWh. */
  readonly bid_kWh: number;
  readonly cleared_kWh: number;
  /** Clearing prices, $/MWh. */
  readonly price_USD_per_MWh: { readonly min: number | null; readonly max: number | null };
}

export interface SettlementSummary {
  /** Intervals with a report, those of them that are on the ledger, and those that the ISO reckons the same. */
  readonly intervals: number;
  readonly recorded: number;
  readonly isoAgreed: number;
  readonly isoDisagreed: number;
  /** Intervals whose committed baselines the report opens, and those where it does not, or uses others. */
  readonly baselines: { readonly opened: number; readonly broken: number };
  /** DER intervals without a meter value. */
  readonly unmetered: number;
  /** Metered energy of all that was settled, kWh. */
  readonly metered_kWh: number;
  /** What each party received less what it paid, µ$; positive: earned. The sum is zero. */
  readonly totals_uUSD: Readonly<Record<string, number>>;
  /** What all DERs together received of each kind, µ$; a deviation charge is negative. */
  readonly ders_uUSD: Readonly<Record<PostingKind | 'total', number>>;
  readonly sum_uUSD: number;
}

/** Of every party, from all intervals that were settled. */
export function statementsOf({ settlements }: Pick<RunRecord, 'settlements'>): Statement[] {
  return settlements.length === 0 ? [] : statements(settlementOf(settlements));
}

/** Null without a day-ahead market. */
export function dayAheadSummary({ dayAhead }: RunRecord): DayAheadSummary | null {
  if (dayAhead.length === 0) return null;
  const prices = dayAhead.flatMap(({ clearing }) =>
    clearing === null ? [] : [priceInUsd(clearing.price_uUSD_per_MWh)],
  );
  const bids = dayAhead.flatMap((hour) => hour.bids);
  const kWh = (watts: number[]): number => Math.round(watts.reduce((sum, w) => sum + w, 0) / 100) / 10;
  return {
    hours: dayAhead.length,
    completed: dayAhead.filter(isCompleted).length,
    bid_kWh: kWh(bids.map(({ bid_W }) => bid_W)),
    cleared_kWh: kWh(bids.map(({ cleared_W }) => cleared_W)),
    price_USD_per_MWh: {
      min: prices.length === 0 ? null : Math.min(...prices),
      max: prices.length === 0 ? null : Math.max(...prices),
    },
  };
}

/** Null when nothing was settled. */
export function settlementSummary(run: RunRecord): SettlementSummary | null {
  const { settlements } = run;
  if (settlements.length === 0) return null;
  const parties = statementsOf(run);
  const ders = parties.filter(({ role }) => role === 'der');
  const rows = settlements.flatMap((report) => report.rows);
  const over = (pick: (statement: Statement) => number): number =>
    ders.reduce((sum, statement) => sum + pick(statement), 0);
  const byKind = POSTING_KINDS.map((kind) => [kind, over(({ byKind_uUSD }) => byKind_uUSD[kind])] as const);
  return {
    intervals: settlements.length,
    recorded: settlements.filter(({ recorded }) => recorded).length,
    isoAgreed: settlements.filter(({ iso }) => iso?.agreed === true).length,
    isoDisagreed: settlements.filter(({ iso }) => iso?.agreed === false).length,
    baselines: baselinesOf(run),
    unmetered: rows.filter(({ metered_Wh }) => metered_Wh === null).length,
    metered_kWh: Math.round(rows.reduce((sum, { metered_Wh }) => sum + (metered_Wh ?? 0), 0) / 100) / 10,
    totals_uUSD: Object.fromEntries(parties.map(({ party, total_uUSD }) => [party, total_uUSD])),
    ders_uUSD: {
      ...(Object.fromEntries(byKind) as Record<PostingKind, number>),
      total: over(({ total_uUSD }) => total_uUSD),
    },
    sum_uUSD: parties.reduce((sum, { total_uUSD }) => sum + total_uUSD, 0),
  };
}

/** Each report against what the ledger held before the interval. Without baselines both are 0. */
function baselinesOf({ intervals, settlements }: RunRecord): SettlementSummary['baselines'] {
  const byInterval = new Map(intervals.map((one) => [one.intervalId, one.baselineCommitments]));
  let [opened, broken] = [0, 0];
  for (const report of settlements) {
    const commitment = byInterval.get(report.intervalId)?.[report.deraId];
    if (!opensCommitment(report, commitment)) broken++;
    else if (commitment !== undefined) opened++;
  }
  return { opened, broken };
}

/**
 * Why a run is not well; empty when it is.
 * @param planned real-time intervals. @param excused of them, those that a fault kept from being settled on the ledger.
 */
export function settlementShortcomings(
  summary: SettlementSummary | null,
  planned: number,
  excused = 0,
): string[] {
  if (summary === null) return [];
  const { baselines, intervals, isoDisagreed, recorded, sum_uUSD } = summary;
  const out: string[] = [];
  if (planned - recorded > excused) {
    if (intervals < planned) out.push(`${planned - intervals} of ${planned} intervals were not settled`);
    if (recorded < intervals) out.push(`${intervals - recorded} settlements are not on the ledger`);
  }
  if (isoDisagreed > 0) out.push(`the ISO reckons ${isoDisagreed} intervals otherwise`);
  if (baselines.broken > 0) {
    out.push(`${baselines.broken} reports do not open the baselines that were committed`);
  }
  if (sum_uUSD !== 0) out.push(`the statements add up to ${sum_uUSD} µ$, not to zero`);
  return out;
}

/** µ$ as $, for people. */
export function inUsd(amount_uUSD: number, digits = 2): string {
  const text = (amount_uUSD / 1e6).toFixed(digits);
  return /^-0\.?0*$/.test(text) ? text.slice(1) : text;
}
