/**
 * Steps 5, 7, 10 and 13 · What becomes of a bid's raw record: the first from the bid itself, each later one from
 * the one before. So the DSO changes a quantity without ever seeing the price beside it.
 */
import type { SubmitBids } from '@fieldbid/chaincode/transactions/payloads';
import {
  awardedStatus,
  awardReason,
  certificateReason,
  decidedStatus,
  dispatchedStatus,
  modificationReason,
  modifiedStatus,
  settlementReason,
} from '@fieldbid/chaincode/transactions/revision';
import { InputError } from '@fieldbid/core/errors';
import type {
  Awards,
  BidBatch,
  Certificate,
  Modification,
  QuantityChange,
  RawBidRecord,
  Settlement,
} from '@fieldbid/core/gateway-api/schemas';
import type { Bid } from '@fieldbid/core/market/messages';
import { commitmentOf } from '@fieldbid/core/market/signed-bid';

/** The record after a change. */
export type NextRecord<C> = (before: RawBidRecord, change: C) => RawBidRecord;

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
    settlement: null,
    reason: '',
  }));
}

/** What the ledger is told of a first record. */
export function claimOf({ bid }: RawBidRecord, checksum: string): SubmitBids['bids'][number] {
  const { uid, derId, deviceIds, product, sequence, quantity_W, signature } = bid;
  const commitment = commitmentOf(bid);
  return {
    ...{ uid, derId, deviceIds, product, sequence, quantity_W, checksum },
    ...(commitment === undefined ? {} : { commitment }),
    ...(signature === undefined ? {} : { signature }),
  };
}

export function decided(certificate: Certificate): NextRecord<QuantityChange> {
  const reason = certificateReason(certificate);
  return (before, { quantity_W }) =>
    revised(before, { status: decidedStatus(before.quantity_W, quantity_W), quantity_W, reason });
}

export function awarded({ price_uUSD_per_MWh }: Awards): NextRecord<QuantityChange> {
  return (before, { quantity_W }) =>
    revised(before, {
      status: awardedStatus(quantity_W),
      quantity_W,
      price_uUSD_per_MWh,
      reason: awardReason(before.quantity_W, quantity_W),
    });
}

export function dispatched(certificate: Certificate): NextRecord<QuantityChange> {
  const reason = certificateReason(certificate);
  return (before, { quantity_W }) =>
    revised(before, { status: dispatchedStatus(before.status), quantity_W, reason });
}

export function modified(before: RawBidRecord, modification: Modification): RawBidRecord {
  const { quantity_W } = modification;
  const reason = modificationReason(modification);
  return revised(before, { status: modifiedStatus(before.status), quantity_W, reason });
}

export function settled(
  before: RawBidRecord,
  { metered_Wh, amount_uUSD }: Settlement['settlements'][number],
): RawBidRecord {
  return revised(before, {
    status: 'settled',
    settlement: { metered_Wh, amount_uUSD },
    reason: settlementReason(before.quantity_W),
  });
}

function revised(before: RawBidRecord, changes: Partial<RawBidRecord>): RawBidRecord {
  return { ...before, ...changes, revision: before.revision + 1 };
}

function byUid(a: Bid, b: Bid): number {
  return a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0;
}
