/** What the page asks of the ledger on demand, through the BC-GW: an interval, a bid's record with its proof, all of it. */
import { codeOf, FieldbidError, messageOf } from '@fieldbid/core/errors';
import { recordChecksum } from '@fieldbid/core/gateway-api/checksum';
import type { GatewayClient } from '@fieldbid/core/gateway-api/client';
import { readWithRecords } from '@fieldbid/core/gateway-api/interval-records';
import type { BidState, IntervalState, VerifiedBid, VerifyReport } from '@fieldbid/core/gateway-api/schemas';

export type RecordSource = Pick<
  GatewayClient,
  'readInterval' | 'readRecords' | 'readBid' | 'readBidHistory' | 'verify'
>;

/** A bid's record beside the checksum that the ledger holds, and the one that comes out of the record. */
export interface ShownRecord {
  readonly uid: string;
  /** Oldest first, as the ledger holds them. */
  readonly history: readonly BidState[];
  readonly record: VerifiedBid | null;
  /** Of the record; null when there is none to compute it from. */
  readonly computed: string | null;
  readonly equal: boolean | null;
  /** Why there is no record, or what does not fit; empty when all does. */
  readonly fault: string;
}

/** @throws FieldbidError of the BC-GW, `NOT_FOUND` for a bid that it does not know. */
export async function recordOf(source: RecordSource, uid: string): Promise<ShownRecord> {
  const history = await source.readBidHistory(uid);
  try {
    const record = await source.readBid(uid);
    const computed = recordChecksum(record.raw, record.salt);
    return { uid, history, record, computed, equal: computed === record.state.checksum, fault: '' };
  } catch (error) {
    const code = codeOf(error);
    if (!['FORBIDDEN', 'WRONG_AGGREGATOR', 'RECORD_MISMATCH'].includes(code)) throw error;
    const found = error instanceof FieldbidError ? error.details.found : undefined;
    const computed = typeof found === 'string' ? found : null;
    const equal = code === 'RECORD_MISMATCH' ? false : null;
    return { uid, history, record: null, computed, equal, fault: `${code}: ${messageOf(error)}` };
  }
}

export interface ShownInterval {
  readonly state: IntervalState;
  readonly bids: readonly {
    uid: string;
    derId: string;
    deraId: string;
    price_uUSD_per_MWh: number;
    bid_W: number;
    quantity_W: number;
    status: string;
  }[];
}

export async function intervalOf(source: RecordSource, intervalId: string): Promise<ShownInterval> {
  const { state, records } = await readWithRecords(source, intervalId);
  const bids = records.map(({ state: { uid, derId, deraId, quantity_W, status }, raw: { bid } }) => ({
    ...{ uid, derId, deraId, quantity_W, status },
    price_uUSD_per_MWh: bid.price_uUSD_per_MWh,
    bid_W: bid.quantity_W,
  }));
  bids.sort((a, b) => a.price_uUSD_per_MWh - b.price_uUSD_per_MWh || (a.derId < b.derId ? -1 : 1));
  return { state, bids };
}

/** Walking all of a ledger is work: whoever asks while it is walked, or soon after, gets the same answer. */
const VERIFIED_FOR_MS = 10_000;

export function sharedVerification(source: RecordSource): () => Promise<VerifyReport> {
  let running: Promise<VerifyReport> | undefined;
  let since_ms = Number.NEGATIVE_INFINITY;
  return () => {
    if (running === undefined || performance.now() - since_ms > VERIFIED_FOR_MS) {
      since_ms = Number.POSITIVE_INFINITY;
      running = source.verify().finally(() => {
        since_ms = performance.now();
      });
    }
    return running;
  };
}
