/** Step 1, provable · Whether a key has signed a reading, however it arrived. */
import { type PublicKey, signatureHolds } from '../signing.ts';
import type { Measurement } from './messages.ts';

/** False for an unsigned one. Never throws for what others send. */
export function readingSignatureHolds(key: PublicKey, reading: Measurement): boolean {
  const { signature, historical: _, ...content } = reading;
  return signature !== undefined && signatureHolds(key, 'fieldbid/reading/v1', content, signature);
}
