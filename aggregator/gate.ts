/** Step 4 · What goes on from a gate that has closed: bids of DERs that cannot be limited are taken back. */
import type { BidBook, ClosedBook } from './bid-book.ts';
import type { RoundContext } from './round.ts';

/**
 * Closes the interval's gate and notes what was taken back.
 * @param silent DERs without a living agent, by id.
 */
export function closeGate(book: BidBook, context: RoundContext, silent: readonly string[]): ClosedBook {
  const { log, moment, notes } = context;
  const intervalId = moment.interval.id;
  const closed = book.close(intervalId);
  if (silent.length > 0) notes.push(`cannot be limited, counted on as uncontrolled: ${silent.join(', ')}`);
  // What cannot be limited cannot be sold: its bid would promise a quantity that nobody can hold it to.
  const withdrawn = closed.bids.filter(({ derId }) => silent.includes(derId));
  for (const { derId, uid } of withdrawn) {
    notes.push(`bid of ${derId} withdrawn: it cannot be limited`);
    log.warn({ intervalId, derId, correlationId: uid }, 'bid withdrawn: its DER cannot be limited');
  }
  return {
    ...closed,
    bids: closed.bids.filter((bid) => !withdrawn.includes(bid)),
    refused: closed.refused + withdrawn.length,
  };
}
