/** M24 · A raw record against the ledger's revision: every field that both hold, then the checksum. */
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { describeFound, FieldbidError, InputError } from '@fieldbid/core/errors';
import { recordChecksum } from '@fieldbid/core/gateway-api/checksum';
import { type BidState, RawBidRecord, SALT, type VerifiedBid } from '@fieldbid/core/gateway-api/schemas';
import { commitmentOf } from '@fieldbid/core/market/signed-bid';
import { parse } from '@fieldbid/core/schema';
import type { LedgerFinding } from '../ledger/ledger.ts';
import { idsOf, type RawRow } from '../store/raw-store.ts';

export type Verified =
  | { readonly ok: true; readonly bid: VerifiedBid }
  | { readonly ok: false; readonly finding: LedgerFinding };

const SALT_FORM = new RegExp(SALT);

/** Says the first difference, most telling first. */
export function verifyRecord(state: BidState, row: RawRow | undefined): Verified {
  const where = `bid ${state.uid} revision ${state.revision}`;
  const differs = (kind: string, found: string, expected: string, at = where): Verified => ({
    ok: false,
    finding: { kind, where: at, found, expected },
  });
  if (row === undefined) return differs('RECORD_MISSING', 'no raw record', 'the record of this revision');
  let raw: RawBidRecord;
  try {
    raw = parse(RawBidRecord, JSON.parse(row.record), 'raw record');
  } catch (error) {
    // Where, not what: a value shown here could be a price, and whoever asks may not see it.
    const found = error instanceof InputError ? `another form at ${error.fault.path || '/'}` : 'no JSON';
    return differs('RECORD_UNREADABLE', found, 'a raw record');
  }
  for (const [field, found, expected] of comparisons(state, raw, row)) {
    if (found !== expected) {
      return differs('RECORD_FIELD', describeFound(found), describeFound(expected), `${where}, ${field}`);
    }
  }
  if (!SALT_FORM.test(row.salt))
    return differs('RECORD_SALT', 'a salt of another form', '32 hex digits or more');
  const checksum = recordChecksum(raw, row.salt);
  if (checksum !== state.checksum) return differs('RECORD_CHECKSUM', checksum, state.checksum);
  // Equal in meaning but not in bytes: somebody wrote it again.
  if (canonicalJson(raw) !== row.record) {
    return differs('RECORD_FORM', 'another spelling', 'canonical JSON, as written');
  }
  return { ok: true, bid: { state, raw, salt: row.salt, txId: row.txId } };
}

/** @throws FieldbidError `RECORD_MISMATCH` naming what differs. */
export function requireVerified(state: BidState, row: RawRow | undefined): VerifiedBid {
  const verified = verifyRecord(state, row);
  if (verified.ok) return verified.bid;
  const { kind, where, found, expected } = verified.finding;
  throw new FieldbidError(
    'RECORD_MISMATCH',
    `${where}: the raw record and the ledger differ (${kind}): found ${found}, expected ${expected}`,
    { details: { uid: state.uid, revision: state.revision, kind, where, found, expected } },
  );
}

type Comparison = [field: string, found: string | number | null, expected: string | number | null];

function comparisons(state: BidState, raw: RawBidRecord, row: RawRow): Comparison[] {
  const { bid } = raw;
  const ids = idsOf(raw);
  return [
    ['bid.uid', bid.uid, state.uid],
    ['revision', raw.revision, state.revision],
    ['bid.derId', bid.derId, state.derId],
    ['bid.deraId', bid.deraId, state.deraId],
    ['bid.intervalId', bid.intervalId, state.intervalId],
    ['bid.product', bid.product, state.product],
    ['status', raw.status, state.status],
    ['quantity_W', raw.quantity_W, state.quantity_W],
    ['reason', raw.reason, state.reason],
    ['settlement.metered_Wh', raw.settlement?.metered_Wh ?? null, state.metered_Wh],
    // What the device signed is what is in the record: its price, its measurement.
    ['bid.signature.keyId', state.keyId === null ? null : (bid.signature?.keyId ?? null), state.keyId],
    ['commitment', commitmentOf(bid) ?? null, state.commitment],
    // The columns that rows are found by.
    ['column uid', row.uid, ids.uid],
    ['column revision', row.revision, ids.revision],
    ['column der_id', row.derId, ids.derId],
    ['column dera_id', row.deraId, ids.deraId],
    ['column interval_id', row.intervalId, ids.intervalId],
  ];
}
