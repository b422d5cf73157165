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

export interface BenchClock {
  readonly now: () => number;
  readonly join: (name: string) => TimeSource;
  /** Rejects when time stands still for too long. */
  readonly failure: Promise<never>;
}

/** @param options.realtimeSpeed market seconds per real second; as fast as possible when absent. */
export function openClock(
  first_ms: number,
  { realtimeSpeed, log }: { realtimeSpeed?: number; log: Logger },
  closers: Closers,
): BenchClock {
  const start_ms = first_ms - Math.max(LEAD_MS, REAL_LEAD_MS * (realtimeSpeed ?? 0));
  if (realtimeSpeed !== undefined) {
    const shared = { speed: realtimeSpeed, origin_ms: start_ms, realOrigin_ms: Date.now() };
    const clock = new WallClock(shared);
    closers.add('clock', () => clock.close());
    return {
      now: () => clock.now(),
      join: () => new WallClock(shared),
      failure: new Promise<never>(() => {}),
    };
  }
  let fail: (error: FieldbidError) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failure.catch(() => {});
  const coordinator = new TimeCoordinator(start_ms, {
    hangGuard_ms: 120_000,
    onHang: (names) => {
      log.fatal({ names }, 'time stands still');
      fail(
        new FieldbidError(
          'TIME_STANDS_STILL',
          `nothing has moved for two minutes; at work: ${names.join(', ')}`,
        ),
      );
    },
  });
  return { now: () => coordinator.now(), join: (name) => coordinator.join(name), failure };
}
