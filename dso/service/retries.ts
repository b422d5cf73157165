/** Tries a call to the BC-GW again while that can help: a gateway that restarts must not cost an interval. */
import { FieldbidError } from '@fieldbid/core/errors';

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

function pause(duration_ms: number, signal: AbortSignal): Promise<void> {
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
