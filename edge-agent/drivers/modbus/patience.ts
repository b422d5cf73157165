/**
 * A deadline that does not blame the device for our own delay. When this process is held up, timers run before
 * the answers that have come meanwhile are looked at; a plain timer would then call a punctual device late. So
 * the deadline passes in slices, and between two of them the answers get their turn: however long a hold-up is,
 * it uses up one slice.
 */
import { DeadlineError } from '@fieldbid/core/errors';

/** More turns of the event loop than an exchange needs, even with the device simulated in this process. */
const SLICES = 10;

/** @throws DeadlineError naming `what` after `deadline_ms` real ms. The promise itself is not cancelled. */
export function withPatience<T>(promise: Promise<T>, deadline_ms: number, what: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let left = SLICES;
    const slice = (): void => {
      if (left-- > 0) timer = setTimeout(slice, deadline_ms / SLICES);
      else reject(new DeadlineError(what, deadline_ms));
    };
    let timer: NodeJS.Timeout | undefined;
    slice();
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
