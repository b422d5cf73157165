/**
 * Ends a run in which HELICS grants no time though everybody here waits for it. Whoever is at work for too long is named by
 * its own process (bench/clock.ts); here is left what nobody is at work for.
 */
import { FieldbidError } from '@fieldbid/core/errors';
import { HANG_GUARD_MS } from '../../bench/clock.ts';
import type { Federation } from '../federation/federation.ts';

/** Real ms: a process that holds time back has been named before. */
const PATIENCE_MS = HANG_GUARD_MS + 30_000;
const LOOK_MS = 1000;

/** @returns the timer, to be cleared before the federation is left. */
export function watchStandstill(
  federation: Pick<Federation, 'isWaiting' | 'instants'>,
  fail: (error: FieldbidError) => void,
  { patience_ms = PATIENCE_MS, look_ms = LOOK_MS }: { patience_ms?: number; look_ms?: number } = {},
): NodeJS.Timeout {
  let moved_ms = performance.now();
  let seen = -1;
  const timer = setInterval(() => {
    const { isWaiting, instants } = federation;
    if (!isWaiting || instants !== seen) moved_ms = performance.now();
    seen = instants;
    if (performance.now() - moved_ms < patience_ms) return;
    clearInterval(timer);
    fail(
      new FieldbidError(
        'HELICS_STALLED',
        `HELICS has granted no time for ${Math.round(patience_ms / 1000)} s, though all federates here wait for it. A federate of ` +
          'others that does not ask for its next time holds back all; if there is none, HELICS has lost count: start the run again',
      ),
    );
  }, look_ms);
  return timer;
}
