/**
 * Steps 5, 7 and 10 · What becomes of a bid's raw record: the first from the bid itself, each later one from
 * the one before. So the DSO changes a quantity without ever seeing the price beside it.
 */
import type { SubmitBids } from '@fieldbid/chaincode/transactions/payloads';
import {
  awardedStatus,
  awardReason,
  certificateReason,
  decidedStatus,
  dispatchedStatus,
} from '@fieldbid/chaincode/transactions/revision';
import { InputError } from '@fieldbid/core/errors';
import type { Awards, BidBatch, Certificate, RawBidRecord } from '@fieldbid/core/gateway-api/schemas';
import type { Bid } from '@fieldbid/core/market/messages';

export type NextRecord = (before: RawBidRecord, quantity_W: number) => RawBidRecord;

/** @throws InputError when a bid is not of this batch's DERA and interval. */
export function firstRecords(intervalId: string, { deraId, bids }: BidBatch, source: string): RawBidRecord[] {
  for (const [i, bid] of bids.entries()) {
    const fault = (key: string, found: string, expected: string): InputError =>
      new InputError({ source, path: `/bids/${i}/${key}`, found, expected });
    if (bid.deraId !== deraId) throw fault('deraId', bid.deraId, deraId);
    if (bid.intervalId !== intervalId) throw fault('intervalId', bid.intervalId, intervalId);
  }
  // By uid: the ledger's bytes do not depend on who answered first.
  return [...bids].sort(byUid).map((bid) => ({
    bid,
    revision: 1,
    status: 'submitted',
    quantity_W: bid.quantity_W,
    price_uUSD_per_MWh: null,
    reason: '',
  }));
}

/** What the ledger is told of a first record. */
export function claimOf({ bid }: RawBidRecord, checksum: string): SubmitBids['bids'][number] {
  const { uid, derId, deviceIds, product, sequence, quantity_W } = bid;
  return { uid, derId, deviceIds, product, sequence, quantity_W, checksum };
}

export function decided(certificate: Certificate): NextRecord {
  const reason = certificateReason(certificate);
  return (before, quantity_W) => ({
    ...before,
    revision: before.revision + 1,
    status: decidedStatus(before.quantity_W, quantity_W),
    quantity_W,
    reason,
  });
}

export function awarded({ price_uUSD_per_MWh }: Awards): NextRecord {
  return (before, quantity_W) => ({
    ...before,
    revision: before.revision + 1,
    status: awardedStatus(quantity_W),
    quantity_W,
    price_uUSD_per_MWh,
    reason: awardReason(before.quantity_W, quantity_W),
  });
}

export function dispatched(certificate: Certificate): NextRecord {
  const reason = certificateReason(certificate);
  return (before, quantity_W) => ({
    ...before,
    revision: before.revision + 1,
    status: dispatchedStatus(before.status),
    quantity_W,
    reason,
  });
}

function byUid(a: Bid, b: Bid): number {
  return a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0;
}
