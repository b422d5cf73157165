/**
 * Step 13 · All baselines of one DERA and interval under one hash: on the ledger with the bids (step 5), opened in the
 * settlement report. Whoever reads both knows that no baseline was chosen once the meter was read.
 */
import Type, { type Static } from 'typebox';
import { canonicalJson } from '../../canonical-json.ts';
import { sha256Hex } from '../../digest.ts';
import { Id } from '../messages.ts';
import type { SettlementReport } from './report.ts';

const closed = { additionalProperties: false } as const;
/** 128 secret bits, without which a baseline could be found by trying. */
const BLIND = '^[0-9a-f]{32}$';
const MINUTES_PER_HOUR = 60;

/** What a DER would have delivered in the interval without the event, and what that was made of (baseline.ts). */
export const IntervalBaseline = Type.Object(
  {
    derId: Id,
    /** Injection positive. */
    baseline_Wh: Type.Integer({ minimum: -1e12, maximum: 1e12 }),
    /** The days that it is the mean of, most recent first. */
    likeDays: Type.Array(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }), { maxItems: 366 }),
    /** Same-day adjustment, millionths. */
    adjustment_ppm: Type.Integer({ minimum: 0 }),
  },
  closed,
);
export type IntervalBaseline = Static<typeof IntervalBaseline>;

/** Secret until the interval is settled. */
export const BaselineOpening = Type.Object(
  {
    /** In the order of DER ids. */
    baselines: Type.Array(IntervalBaseline, { maxItems: 10_000 }),
    blind: Type.String({ pattern: BLIND }),
  },
  closed,
);
export type BaselineOpening = Static<typeof BaselineOpening>;

/**
 * SHA-256 over domain ‖ blind ‖ canonical JSON of DERA, interval and baselines, one per line: it binds and says nothing,
 * and what was committed for one interval opens no other.
 * @throws RangeError for a blind that is not 128 bit in hex.
 */
export function baselineCommitment(
  deraId: string,
  intervalId: string,
  { baselines, blind }: BaselineOpening,
): string {
  if (!new RegExp(BLIND).test(blind)) throw new RangeError('a blind is 32 hex digits');
  return sha256Hex(
    ['fieldbid/baselines/v1', blind, canonicalJson({ deraId, intervalId, baselines })].join('\n'),
  );
}

/**
 * Whether a report opens what the ledger holds, and was reckoned with it. Never throws for what others send.
 * @param commitment of this DERA and interval on the ledger; undefined: nothing was committed, and no baseline may count.
 */
export function opensCommitment(
  { deraId, intervalId, opening, rows }: Pick<SettlementReport, 'deraId' | 'intervalId' | 'opening' | 'rows'>,
  commitment: string | undefined,
): boolean {
  if (opening === undefined || commitment === undefined) {
    return opening === commitment && rows.every(({ baseline_Wh }) => baseline_Wh === undefined);
  }
  try {
    if (baselineCommitment(deraId, intervalId, opening) !== commitment) return false;
  } catch {
    return false;
  }
  const opened_Wh = new Map(opening.baselines.map(({ derId, baseline_Wh }) => [derId, baseline_Wh]));
  return rows.every(({ derId, baseline_Wh, metered_Wh, settled_Wmin }) => {
    if (baseline_Wh !== opened_Wh.get(derId)) return false;
    if (baseline_Wh === undefined || metered_Wh === null) return true;
    return settled_Wmin === (metered_Wh - baseline_Wh) * MINUTES_PER_HOUR;
  });
}
