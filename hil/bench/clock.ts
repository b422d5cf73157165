/** Market time of a run: as fast as the work allows, or by the wall clock. */
import { FieldbidError } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import { TimeCoordinator } from '@fieldbid/core/time/coordinator';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import { WallClock } from '@fieldbid/core/time/wall-clock';
import type { Closers } from './closers.ts';

/** Market time before the first bid in which everything is started, ms. */
const LEAD_MS = 60_000;
/** Real time that starting it all may take by the wall clock, ms. */
const REAL_LEAD_MS = 8000;
export const HANG_GUARD_MS = 120_000;

/** Holds market time while a run is set up, and once more while it is recorded. */
export interface Hold {
  release(): void;
  /** Resolves when time is held again. */
  regain(): Promise<void>;
}

export interface BenchClock {
  readonly now: () => number;
  readonly join: (name: string) => TimeSource;
  hold(name: string): Hold;
  /** Rejects when time stands still for too long. */
  readonly failure: Promise<never>;
}

/** Market time at which everything is started, before the first bid at `first_ms`. */
export function startOf(first_ms: number, realtimeSpeed = 0): number {
  return first_ms - Math.max(LEAD_MS, REAL_LEAD_MS * realtimeSpeed);
}

/** What is said, and what ends the run, when nothing has moved for two minutes. */
export function standsStill(names: readonly string[], log: Logger): FieldbidError {
  log.fatal({ names }, 'time stands still');
  return new FieldbidError(
    'TIME_STANDS_STILL',
    `nothing has moved for two minutes; at work: ${names.join(', ')}`,
  );
}

/** @param options.realtimeSpeed market seconds per real second; as fast as possible when absent. */
export function openClock(
  first_ms: number,
  { realtimeSpeed, log }: { realtimeSpeed?: number; log: Logger },
  closers: Closers,
): BenchClock {
  const start_ms = startOf(first_ms, realtimeSpeed);
  if (realtimeSpeed !== undefined) {
    const shared = { speed: realtimeSpeed, origin_ms: start_ms, realOrigin_ms: Date.now() };
    const clock = new WallClock(shared);
    closers.add('clock', () => clock.close());
    return {
      now: () => clock.now(),
      join: () => new WallClock(shared),
      hold: () => ({ release: () => {}, regain: async () => {} }),
      failure: new Promise<never>(() => {}),
    };
  }
  let fail: (error: FieldbidError) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failure.catch(() => {});
  const coordinator = new TimeCoordinator(start_ms, {
    hangGuard_ms: HANG_GUARD_MS,
    onHang: (names) => fail(standsStill(names, log)),
  });
  const hold = (name: string): Hold => {
    const time = coordinator.join(name);
    // The coordinator needs no regaining: with nobody left to ask, time stands still.
    return { release: () => time.close(), regain: async () => {} };
  };
  return { now: () => coordinator.now(), join: (name) => coordinator.join(name), hold, failure };
}
