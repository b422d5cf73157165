/** What an interval came to, for everybody who listens. */
import type { Bus } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { IntervalReport } from '@fieldbid/core/market/messages';
import type { ClosedBook } from './bid-book.ts';
import type { RoundContext, RoundResult } from './round.ts';

/** @param result undefined: the round failed. @param notes besides those of the round. */
export function intervalReport(
  context: RoundContext,
  book: ClosedBook,
  result: RoundResult | undefined,
  notes: readonly string[],
): IntervalReport {
  const outcomes = result?.outcomes ?? [];
  const count = (test: (o: (typeof outcomes)[number]) => boolean): number => outcomes.filter(test).length;
  return {
    deraId: context.deraId,
    intervalId: context.moment.interval.id,
    completed: result !== undefined,
    notes: [...context.notes, ...notes].sort(),
    bids: {
      submitted: book.submitted,
      accepted: book.bids.length,
      refused: book.refused,
      curtailed: count((o) => o.approved_W < o.bid_W),
      cleared: count((o) => o.cleared_W > 0),
      partlyCleared: count((o) => o.cleared_W > 0 && o.cleared_W < o.approved_W),
      reducedAfterClearing: count((o) => o.allocation_W < o.cleared_W),
    },
    timings_ms: context.timings_ms,
  };
}

/** Nobody waits for it: a broker that is away costs the report only. */
export async function publishReport(
  bus: Bus,
  log: RoundContext['log'],
  report: IntervalReport,
): Promise<void> {
  try {
    await bus.publish(topics.intervalReports(report.deraId), report);
  } catch (error) {
    const fields = { intervalId: report.intervalId, code: codeOf(error) };
    log.error(fields, `report not published: ${messageOf(error)}`);
  }
}
