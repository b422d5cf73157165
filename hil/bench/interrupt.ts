/** A run that is told to end before its time (Ctrl-C), where something would outlast it: grid emulators. */
import { FieldbidError } from '@fieldbid/core/errors';
import type { Scenario } from '../scenario/schema.ts';

/** For each thing that is closed then: one may wait for another that is closed already. Real ms. */
export const INTERRUPTED_CLOSING_MS = 300;

/**
 * With grid emulators a run that is told to end (Ctrl-C) walks them back first: the next signal of that kind ends it at
 * once. Without, there is nothing that would outlast the process.
 */
export function endedInOrder({ emulators = [] }: Scenario): AbortSignal | undefined {
  if (emulators.length === 0) return undefined;
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      if (ending.signal.aborted) return;
      console.error('\nThe run is being ended: grid emulators go back to their safe state. Again: at once.');
      process.once('SIGINT', () => process.exit(130));
      ending.abort();
    });
  }
  return ending.signal;
}

/** Rejects with `INTERRUPTED` when the signal is given. */
export function interrupted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(new FieldbidError('INTERRUPTED', 'the run was ended before its time'));
    if (signal?.aborted === true) end();
    signal?.addEventListener('abort', end, { once: true });
  });
}
