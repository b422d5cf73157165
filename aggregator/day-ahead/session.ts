/**
 * The day-ahead market at the DERA, once before the calendar's first interval: every hour goes through the steps of a
 * round (round.ts), hour after hour, so that the ledger holds them in the same order every time. An hour that fails
 * has no position; the others go on.
 */
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { Moments } from '@fieldbid/core/market/calendar';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { ClosedBook } from '../bid-book.ts';
import { intervalReport, publishReport } from '../report.ts';
import { allocateAndConfirm, type RoundContext, type RoundResult, recordAndOffer } from '../round.ts';
import type { Positions } from './positions.ts';

export interface DayAheadParts {
  /** All with the same instants. */
  readonly hours: readonly Moments[];
  readonly time: TimeSource;
  readonly positions: Positions;
  readonly contextOf: (moment: Moments) => RoundContext;
  readonly silent: () => string[];
  readonly closeGate: (context: RoundContext, silent: readonly string[]) => ClosedBook;
  /** What must be done before anything is recorded: keys that changed meanwhile. */
  readonly before: () => Promise<void>;
}

interface Hour {
  readonly context: RoundContext;
  book: ClosedBook;
  offered?: Awaited<ReturnType<typeof recordAndOffer>>;
}

/** @throws FieldbidError `TIME_CLOSED` when the service stops; nothing else. */
export async function runDayAhead(parts: DayAheadParts): Promise<void> {
  const { hours, time, positions } = parts;
  const [first] = hours;
  // Started late: the gate is closed, and what was sold before is on the ledger.
  if (first === undefined || first.gateClosure_ms < time.now()) return;
  await time.requestTime(first.gateClosure_ms);
  const silent = parts.silent();
  const rounds: Hour[] = hours.map((moment) => {
    const context = parts.contextOf(moment);
    return { context, book: parts.closeGate(context, silent) };
  });
  for (const hour of rounds) {
    await attempt(hour.context, async () => {
      await parts.before();
      hour.offered = await recordAndOffer(hour.context, hour.book, silent);
      hour.book = hour.offered.book;
    });
  }
  await time.requestTime(first.award_ms);
  for (const { context, book, offered } of rounds) {
    let result: RoundResult | undefined;
    if (offered !== undefined) {
      await attempt(context, async () => {
        result = await allocateAndConfirm(context, offered.approved, offered.segments);
      });
    }
    const { bus, log, moment } = context;
    const { quantities_W, price_uUSD_per_MWh } = positions.keep(moment.interval.id, result);
    const sold_W = [...quantities_W.values()].reduce((sum, power_W) => sum + power_W, 0);
    const fields = { intervalId: moment.interval.id, price_uUSD_per_MWh, sold_W, ders: quantities_W.size };
    if (book.bids.length > 0) log.info(fields, 'sold a day ahead');
    await publishReport(bus, log, intervalReport(context, book, result, []));
  }
}

async function attempt({ log, moment, notes }: RoundContext, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (codeOf(error) === 'TIME_CLOSED') throw error;
    notes.push(`no day-ahead position: ${messageOf(error)}`);
    const fields = { intervalId: moment.interval.id, code: codeOf(error) };
    log.error(fields, `day-ahead round failed, there is no position: ${messageOf(error)}`);
  }
}
