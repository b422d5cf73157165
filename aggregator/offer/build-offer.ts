/**
 * Step 8 · The feasible bids of an interval as one non-decreasing price-quantity curve (decision A3). Bids at
 * one price are one segment; when there are more segments than the market takes, the neighbours whose prices
 * are closest are joined at the higher of the two prices, so that nobody is sold below its bid and no quantity
 * is raised.
 */
import type { Offer } from '@fieldbid/core/market/messages';

/** A bid as approved by the DSO. */
export interface FeasibleBid {
  readonly uid: string;
  readonly derId: string;
  /** Price of the bid (eq. 1), µ$/MWh. */
  readonly price_uUSD_per_MWh: number;
  /** Approved quantity, W. */
  readonly quantity_W: number;
}

/** One segment of the offer and the bids it is made of, in merit order. */
export interface OfferSegment {
  readonly price_uUSD_per_MWh: number;
  readonly quantity_W: number;
  readonly bids: readonly FeasibleBid[];
}

/** Segments in ascending order of price; none when nothing is on offer. Zero quantities are left out. */
export function buildSegments(bids: readonly FeasibleBid[], maxSegments: number): OfferSegment[] {
  if (!Number.isInteger(maxSegments) || maxSegments < 1) throw new RangeError(`${maxSegments} segments`);
  const segments: OfferSegment[] = [];
  const inMeritOrder = bids
    .filter((bid) => bid.quantity_W > 0)
    .sort((a, b) => a.price_uUSD_per_MWh - b.price_uUSD_per_MWh || (a.uid < b.uid ? -1 : 1));
  for (const bid of inMeritOrder) {
    const last = segments.at(-1);
    if (last !== undefined && last.price_uUSD_per_MWh === bid.price_uUSD_per_MWh) {
      segments[segments.length - 1] = joined(last, { ...bid, bids: [bid] });
    } else {
      segments.push({ price_uUSD_per_MWh: bid.price_uUSD_per_MWh, quantity_W: bid.quantity_W, bids: [bid] });
    }
  }
  while (segments.length > maxSegments) {
    const i = closestPair(segments);
    segments.splice(i, 2, joined(segments[i]!, segments[i + 1]!));
  }
  return segments;
}

/** The offer to the ISO; undefined when there is nothing to offer. */
export function offerOf(
  deraId: string,
  intervalId: string,
  segments: readonly OfferSegment[],
): Offer | undefined {
  if (segments.length === 0) return undefined;
  return {
    offerId: `${deraId}.${intervalId.replace(/[^0-9TZ]/g, '')}`,
    deraId,
    intervalId,
    segments: segments.map(({ price_uUSD_per_MWh, quantity_W }) => ({ price_uUSD_per_MWh, quantity_W })),
  };
}

function joined(a: OfferSegment, b: OfferSegment): OfferSegment {
  return {
    price_uUSD_per_MWh: Math.max(a.price_uUSD_per_MWh, b.price_uUSD_per_MWh),
    quantity_W: a.quantity_W + b.quantity_W,
    bids: [...a.bids, ...b.bids],
  };
}

function closestPair(segments: readonly OfferSegment[]): number {
  let best = 0;
  let bestGap = Number.POSITIVE_INFINITY;
  for (let i = 0; i + 1 < segments.length; i++) {
    const gap = segments[i + 1]!.price_uUSD_per_MWh - segments[i]!.price_uUSD_per_MWh;
    if (gap < bestGap) {
      bestGap = gap;
      best = i;
    }
  }
  return best;
}
