/** Steps 3-10 as the ledger shows them: each bid's way through its interval, read again whenever an event says that it moved. */
import type { BidState, IntervalState, VerifiedBid } from '@fieldbid/core/gateway-api/schemas';
import type { BidWay } from './view.ts';

/** Real-time intervals before, in and after delivery, and the hours of a day ahead. */
const MOST_INTERVALS = 64;

export class BidWays {
  readonly #byInterval = new Map<string, ReadonlyMap<string, BidWay>>();

  /** @param records raw records of the bids, each verified; of an older revision than the state perhaps. */
  take({ intervalId, submissions, dispatch }: IntervalState, records: readonly VerifiedBid[]): void {
    const before = this.#byInterval.get(intervalId);
    const raw = new Map(records.map((record) => [record.state.uid, record.raw]));
    const ways = new Map<string, BidWay>();
    for (const { uid, derId, status, quantity_W, metered_Wh } of submissions.flatMap(({ bids }) => bids)) {
      const bid = raw.get(uid)?.bid;
      if (bid === undefined) continue;
      const known = before?.get(derId);
      const last = known?.uid === uid ? known : undefined;
      ways.set(derId, {
        ...{ intervalId, uid, status, metered_Wh },
        price_uUSD_per_MWh: bid.price_uUSD_per_MWh,
        bid_W: bid.quantity_W,
        // A revision says what the bid stands at; what it stood at before is remembered from when it did.
        approved_W: status === 'approved' || status === 'curtailed' ? quantity_W : (last?.approved_W ?? null),
        cleared_W:
          status === 'awarded' ? quantity_W : status === 'not-awarded' ? 0 : (last?.cleared_W ?? null),
        allocation_W: dispatch !== null || status === 'not-awarded' ? quantity_W : null,
      });
    }
    this.#byInterval.delete(intervalId);
    this.#byInterval.set(intervalId, ways);
    if (this.#byInterval.size <= MOST_INTERVALS) return;
    const [oldest] = this.#byInterval.keys();
    if (oldest !== undefined) this.#byInterval.delete(oldest);
  }

  /** UIDs of bids that have gone further than was seen: on a fast clock several steps lie between two looks. */
  unseen(intervalId: string): string[] {
    const missing = ({ status, approved_W }: BidWay): boolean =>
      approved_W === null && status !== 'submitted';
    return this.all(intervalId)
      .filter(missing)
      .map(({ uid }) => uid);
  }

  /** What a bid stood at before, from its revisions on the ledger. */
  takeHistory(history: readonly BidState[]): void {
    const quantityAt = (...statuses: BidState['status'][]): number | null =>
      history.findLast(({ status }) => statuses.includes(status))?.quantity_W ?? null;
    for (const { intervalId, derId, uid } of history.slice(0, 1)) {
      const ways = this.#byInterval.get(intervalId);
      const way = ways?.get(derId);
      if (ways === undefined || way?.uid !== uid) continue;
      const approved_W = quantityAt('approved', 'curtailed');
      const cleared_W = way.cleared_W ?? quantityAt('awarded');
      this.#byInterval.set(intervalId, new Map([...ways, [derId, { ...way, approved_W, cleared_W }]]));
    }
  }

  of(intervalId: string | null, derId: string): BidWay | null {
    return intervalId === null ? null : (this.#byInterval.get(intervalId)?.get(derId) ?? null);
  }

  /** All of an interval, in no particular order. */
  all(intervalId: string): BidWay[] {
    return [...(this.#byInterval.get(intervalId)?.values() ?? [])];
  }
}
