/** Steps 5-12 by interval: what it came to, from clearings, reports, verdicts and the ledger. Bounded. */
import type { IntervalState } from '@fieldbid/core/gateway-api/schemas';
import type { Clearing, CommandVerdict, IntervalReport } from '@fieldbid/core/market/messages';
import { Changing } from './changing.ts';
import type { BidWay, IntervalRow } from './view.ts';

/** Two weeks of quarter hours. */
const MOST_INTERVALS = 1400;
/** Curves are larger. */
const MOST_CLEARINGS = 400;
const MOST_NOTES = 10;

export class Intervals {
  readonly rows = new Changing<IntervalRow>(MOST_INTERVALS);
  readonly #clearings = new Changing<Clearing>(MOST_CLEARINGS);
  /** Interval → DERA → its report. */
  readonly #reports = new Map<string, Map<string, IntervalReport>>();
  /** Interval → DER → its latest verdict. */
  readonly #verdicts = new Map<string, Map<string, CommandVerdict>>();
  #deras = 1;

  /** How many DERAs report of each interval. */
  expect(deras: number): void {
    this.#deras = Math.max(1, deras);
  }

  clearing(intervalId: string): Clearing | undefined {
    return this.#clearings.get(intervalId);
  }

  takeClearing(clearing: Clearing, revision: number): void {
    const { intervalId, price_uUSD_per_MWh, cleared_W, outcome } = clearing;
    this.#clearings.set(intervalId, clearing, revision);
    this.#change(intervalId, { price_uUSD_per_MWh, cleared_W, clearing: outcome }, revision);
  }

  takeReport(report: IntervalReport, revision: number): void {
    const reports = ofInterval(this.#reports, report.intervalId);
    reports.set(report.deraId, report);
    const all = [...reports.values()];
    const failed = all.some(({ completed }) => !completed);
    this.#change(
      report.intervalId,
      {
        completed: failed ? false : all.length >= this.#deras ? true : null,
        notes: all.flatMap(({ notes }) => notes).slice(0, MOST_NOTES),
      },
      revision,
    );
  }

  takeVerdict(verdict: CommandVerdict, revision: number): void {
    const verdicts = ofInterval(this.#verdicts, verdict.intervalId);
    const known = verdicts.get(verdict.derId);
    // History arrives behind what is newer.
    if (known !== undefined && known.decidedAt_ms > verdict.decidedAt_ms) return;
    verdicts.set(verdict.derId, verdict);
    const counts = { verified: 0, refused: 0, unproven: 0 };
    for (const one of verdicts.values()) counts[one.verdict]++;
    this.#change(verdict.intervalId, counts, revision);
  }

  verdict(intervalId: string | null, derId: string): CommandVerdict | undefined {
    return intervalId === null ? undefined : this.#verdicts.get(intervalId)?.get(derId);
  }

  takeLedger(
    { intervalId, decision, dispatch }: IntervalState,
    ways: readonly BidWay[],
    revision: number,
  ): void {
    const sum = (of: (way: BidWay) => number | null): number | null => {
      const known = ways.map(of).filter((value) => value !== null);
      return known.length < ways.length ? null : known.reduce((total, value) => total + value, 0);
    };
    const before = this.rows.get(intervalId);
    this.#change(
      intervalId,
      {
        bids: ways.length,
        bid_W: sum((way) => way.bid_W),
        approved_W: sum((way) => way.approved_W) ?? before?.approved_W ?? null,
        allocation_W: sum((way) => way.allocation_W),
        curtailedBids: ways.filter((way) => way.approved_W !== null && way.approved_W < way.bid_W).length,
        decision: decision === null ? null : told(decision),
        dispatch: dispatch?.outcome ?? null,
      },
      revision,
    );
  }

  #change(intervalId: string, news: Partial<IntervalRow>, revision: number): void {
    this.rows.set(intervalId, { ...(this.rows.get(intervalId) ?? blank(intervalId)), ...news }, revision);
  }
}

function told({
  outcome,
  bindingNode,
  originalMax_upu,
  approvedMax_upu,
  policy,
}: NonNullable<IntervalState['decision']>) {
  return { outcome, bindingNode, originalMax_upu, approvedMax_upu, policy };
}

function ofInterval<T>(all: Map<string, Map<string, T>>, intervalId: string): Map<string, T> {
  let one = all.get(intervalId);
  if (one === undefined) {
    one = new Map();
    all.set(intervalId, one);
    if (all.size > MOST_INTERVALS) {
      const [oldest] = all.keys();
      if (oldest !== undefined) all.delete(oldest);
    }
  }
  return one;
}

function blank(intervalId: string): IntervalRow {
  return {
    intervalId,
    ...{ price_uUSD_per_MWh: null, cleared_W: null, clearing: null, bid_W: null, approved_W: null },
    ...{ allocation_W: null, bids: 0, curtailedBids: 0, decision: null, dispatch: null, completed: null },
    ...{ notes: [], verified: 0, refused: 0, unproven: 0 },
  };
}
