/** An interval as the ledger has it, with the raw records of its bids: what whoever looks on reads of it. */
import type { IntervalState, VerifiedBid } from './schemas.ts';

export interface IntervalSource {
  readInterval(intervalId: string): Promise<IntervalState>;
  readRecords(intervalId: string): Promise<VerifiedBid[]>;
}

/** @returns no records where nobody has submitted a bid: there is nothing to be asked for. @throws as the source. */
export async function readWithRecords(
  source: IntervalSource,
  intervalId: string,
): Promise<{ state: IntervalState; records: VerifiedBid[] }> {
  const state = await source.readInterval(intervalId);
  const anyBids = state.submissions.some(({ bids }) => bids.length > 0);
  return { state, records: anyBids ? await source.readRecords(intervalId) : [] };
}
