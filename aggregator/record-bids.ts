/**
 * Step 5 · The closed book onto the ledger, in one transaction. The contract refuses a batch for one bid in it and
 * names that bid: it is taken out, and the others are recorded without it.
 */
import { FieldbidError } from '@fieldbid/core/errors';
import type { SubmitResult } from '@fieldbid/core/gateway-api/schemas';
import type { ClosedBook } from './bid-book.ts';

/** Refusals that are about one bid, which the others need not suffer for. */
const OF_ONE_BID: ReadonlySet<string> = new Set([
  'NOT_REGISTERED',
  'NOT_QUALIFIED',
  'WRONG_AGGREGATOR',
  'WRONG_DEVICES',
  'QUANTITY_OVER_LIMIT',
  'CLAIMED',
  'UNSIGNED',
  'UNKNOWN_KEY',
  'BAD_SIGNATURE',
]);

export interface Recorded {
  /** Undefined when a try whose answer was lost had recorded them. */
  readonly txId: string | undefined;
  /** What was recorded. */
  readonly book: ClosedBook;
}

/**
 * @param submit records a batch of these bids, once.
 * @param onDropped told of every bid that is left out, and why.
 * @throws what `submit` throws when it is not about one bid.
 */
export async function recordBids(
  closed: ClosedBook,
  submit: (bids: ClosedBook['bids']) => Promise<SubmitResult | undefined>,
  onDropped: (derId: string, uid: string, refusal: FieldbidError) => void,
): Promise<Recorded> {
  let book = closed;
  for (;;) {
    try {
      return { txId: (await submit(book.bids))?.txId, book };
    } catch (error) {
      const bad = book.bids.find((bid) => isAbout(error, bid));
      if (bad === undefined) throw error;
      onDropped(bad.derId, bad.uid, error as FieldbidError);
      book = { ...book, bids: book.bids.filter((bid) => bid !== bad), refused: book.refused + 1 };
    }
  }
}

function isAbout(error: unknown, { uid, derId }: ClosedBook['bids'][number]): boolean {
  if (!(error instanceof FieldbidError) || !OF_ONE_BID.has(error.code)) return false;
  const { details } = error;
  return details.uid === undefined ? details.derId === derId : details.uid === uid;
}
