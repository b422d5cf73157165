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

/** Programs of one market are started in any order: how long each waits for the others, real ms. */
const START_PATIENCE_MS = 120_000;
const START_PAUSE_MS = 1000;

/**
 * Waits for another program that may still be starting (broker, gateway).
 * @param onWait told once, when the first try has failed.
 * @throws what `work` throws when it is not retryable, or still after two minutes.
 */
export async function whileStarting<T>(work: () => Promise<T>, onWait: (error: unknown) => void): Promise<T> {
  const until = performance.now() + START_PATIENCE_MS;
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      const hopeless = !(error instanceof FieldbidError) || !error.retryable;
      if (hopeless || performance.now() > until) throw error;
      if (tries === 0) onWait(error);
      await new Promise((resolve) => setTimeout(resolve, START_PAUSE_MS));
    }
  }
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
