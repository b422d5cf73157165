/** Step 13 · Double entry: every amount leaves one party and reaches another, so that the sum over all is zero. */

export const POSTING_KINDS = ['day-ahead', 'real-time', 'true-up', 'deviation', 'fee'] as const;
/**
 * - `day-ahead`: DA_q · DA_p. - `real-time`: (RT_q − DA_q) · RT_p. - `true-up`: (metered − RT_q) · RT_p.
 * - `deviation`: the charge beyond the band. - `fee`: the DERA's part.
 */
export type PostingKind = (typeof POSTING_KINDS)[number];

/** The ISO as a party; no DERA and no DER may have this name. */
export const ISO = 'iso';

export interface Posting {
  /** Who pays. */
  readonly from: string;
  readonly to: string;
  /** Above 0: who owes is who pays. */
  readonly amount_uUSD: number;
  readonly kind: PostingKind;
  readonly intervalId: string;
  /** Of postings between a DERA and a DER. */
  readonly derId?: string;
}

/** What `debtor` owes `creditor`; a negative amount is owed the other way, and nothing owed is no posting. */
export function owed(
  debtor: string,
  creditor: string,
  amount_uUSD: number,
  about: Omit<Posting, 'from' | 'to' | 'amount_uUSD'>,
): Posting[] {
  if (amount_uUSD === 0) return [];
  const [from, to] = amount_uUSD > 0 ? [debtor, creditor] : [creditor, debtor];
  return [{ from, to, amount_uUSD: Math.abs(amount_uUSD), ...about }];
}
