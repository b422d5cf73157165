/** Trying again while that can help: a service that restarts must not cost an interval. Real time. */
import { FieldbidError } from './errors.ts';

const PAUSES_MS = [50, 200, 1000, 3000];

/** @throws what `work` throws, when it is not retryable, or after the last try, or when `signal` aborts. */
export async function withRetries<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  onRetry: (error: unknown) => void,
): Promise<T> {
  for (const pause_ms of PAUSES_MS) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !(error instanceof FieldbidError) || !error.retryable) throw error;
      onRetry(error);
      await pause(pause_ms, signal);
    }
  }
  return work();
}

/** Waits, real ms. Ends early, without an error, when `signal` aborts. */
export function pause(duration_ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, duration_ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
