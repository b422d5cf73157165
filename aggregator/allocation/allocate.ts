/**
 * Step 10 · What cleared of the offer, split over the DERs (M18). Within a segment the cheaper bid comes
 * first; bids of one price share pro rata in integer watts (decision A3). The parts of a segment add up to
 * what it cleared, and nobody gets more than the DSO approved.
 */
import { FieldbidError } from '@fieldbid/core/errors';
import { splitProRata } from '@fieldbid/core/market/pro-rata';
import type { FeasibleBid, OfferSegment } from '../offer/build-offer.ts';

/**
 * @param cleared_W what the ISO cleared of each segment, in order.
 * @returns bid UID → W; every bid of every segment has an entry, zero included.
 * @throws FieldbidError `CLEARING_MISMATCH` when the ISO's answer does not fit the offer.
 */
export function allocate(
  segments: readonly OfferSegment[],
  cleared_W: readonly number[],
  intervalId: string,
): Map<string, number> {
  if (cleared_W.length !== segments.length) {
    throw mismatch(`${cleared_W.length} segments cleared, ${segments.length} were offered`);
  }
  const allocation = new Map<string, number>();
  segments.forEach((segment, i) => {
    let left_W = cleared_W[i] ?? 0;
    if (left_W > segment.quantity_W) {
      throw mismatch(`segment ${i} cleared ${left_W} W of the ${segment.quantity_W} W offered`);
    }
    for (const level of priceLevels(segment.bids)) {
      const level_W = level.reduce((sum, bid) => sum + bid.quantity_W, 0);
      const taken_W = Math.min(left_W, level_W);
      const claims = level.map((bid) => ({ id: bid.uid, quantity_W: bid.quantity_W }));
      for (const [uid, part_W] of splitProRata(taken_W, claims, intervalId)) allocation.set(uid, part_W);
      left_W -= taken_W;
    }
  });
  return allocation;
}

function priceLevels(bids: readonly FeasibleBid[]): FeasibleBid[][] {
  const levels = new Map<number, FeasibleBid[]>();
  for (const bid of bids) {
    const level = levels.get(bid.price_uUSD_per_MWh);
    if (level === undefined) levels.set(bid.price_uUSD_per_MWh, [bid]);
    else level.push(bid);
  }
  return [...levels].sort(([a], [b]) => a - b).map(([, level]) => level);
}

function mismatch(what: string): FieldbidError {
  return new FieldbidError('CLEARING_MISMATCH', `the ISO's answer does not fit the offer: ${what}`);
}
