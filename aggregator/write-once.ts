/**
 * A change of the ledger that is wanted once, tried again while that can help. An answer may be lost after the
 * change was made: then the next try is refused because it is there already, which is what was wanted.
 */
import { codeOf, FieldbidError } from '@fieldbid/core/errors';
import { withRetries } from '@fieldbid/core/retry';

/**
 * @param made codes with which the ledger says that the change has been made before.
 * @returns undefined when it had been made by a try whose answer was lost.
 * @throws what `work` throws otherwise; a refusal at the first try is one, whatever its code.
 */
export async function writeOnce<T>(
  work: () => Promise<T>,
  made: readonly string[],
  signal: AbortSignal,
  onRetry: (error: unknown) => void,
): Promise<T | undefined> {
  let outcomeUnknown = false;
  try {
    return await withRetries(work, signal, (error) => {
      outcomeUnknown ||= error instanceof FieldbidError && error.details.outcomeUnknown === true;
      onRetry(error);
    });
  } catch (error) {
    if (outcomeUnknown && made.includes(codeOf(error))) return undefined;
    throw error;
  }
}
