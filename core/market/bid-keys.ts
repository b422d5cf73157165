/** M9 · Which of a DER's device keys may sign a bid: the same answer at its DERA and in the contract. */
import type { DerKeys } from '../gateway-api/schemas.ts';
import { keyIdOf, type PublicKey } from '../signing.ts';

export type BidKeys = Pick<DerKeys, 'current' | 'previous'>;

/**
 * The present key; or the one before it, in bids for the one interval that was granted when it was replaced. Once the
 * present one is revoked, none.
 */
export function bidKeyNamed(
  { current, previous }: BidKeys,
  keyId: string,
  intervalId: string,
): PublicKey | undefined {
  if (current === null) return undefined;
  if (keyIdOf(current) === keyId) return current;
  const granted = previous !== null && previous.intervalId === intervalId;
  return granted && keyIdOf(previous.publicKey) === keyId ? previous.publicKey : undefined;
}
