/**
 * Real time for a clock that others grant: market time goes on no faster than the wall clock, because a participant asks for
 * each moment only when it is due. So hardware can be in a HELICS federation (M3, M26).
 */
import { codeOf } from '@fieldbid/core/errors';
import type { TimeSource } from '@fieldbid/core/time/time-source';

/** Real ms between two moments that are asked for: what falls between them comes so much late at most. */
const STEP_MS = 50;

export interface Pace {
  /** Market ms per real ms. */
  readonly speed: number;
  /** Market time by the wall clock, epoch ms: where the market should be. */
  now(): number;
}

/** Market time by the wall clock, from the first time that somebody asks. @param marketNow the clock's own. */
export function wallPace(speed: number, marketNow: () => number): Pace {
  let began: { readonly real: number; readonly market_ms: number } | undefined;
  return {
    speed,
    now: () => {
      began ??= { real: performance.now(), market_ms: marketNow() };
      return began.market_ms + (performance.now() - began.real) * speed;
    },
  };
}

/** Holds time back to the pace, until market time `until_ms` or until its clock is closed. */
export async function keepPace(time: TimeSource, pace: Pace, until_ms: number): Promise<void> {
  try {
    let at_ms = time.now();
    while (at_ms < until_ms) {
      const next_ms = Math.min(until_ms, Math.max(at_ms, pace.now()) + STEP_MS * pace.speed);
      await new Promise((resolve) => setTimeout(resolve, (next_ms - pace.now()) / pace.speed));
      at_ms = await time.requestTime(next_ms);
    }
  } catch (error) {
    if (codeOf(error) !== 'TIME_CLOSED') throw error;
  }
  time.close();
}
