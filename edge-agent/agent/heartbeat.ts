/** Step 11 · Signs of life for a device that falls back to its default without them (SunSpec 715, 802). */
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import type { TimeSource } from '@fieldbid/core/time/time-source';

/** Beats every `every_s` market seconds until the clock is closed. What fails is said once, until it works again. */
export async function keepBeating(
  beat: () => Promise<void> | undefined,
  every_s: number,
  time: TimeSource,
  log: Logger,
): Promise<void> {
  let failing = false;
  try {
    for (let due_ms = time.now(); ; due_ms = Math.max(due_ms, time.now()) + every_s * 1000) {
      await time.requestTime(due_ms);
      try {
        await beat();
        failing = false;
      } catch (error) {
        if (!failing) log.warn({ code: codeOf(error) }, `no heartbeat: ${messageOf(error)}`);
        failing = true;
      }
    }
  } catch (error) {
    if (codeOf(error) !== 'TIME_CLOSED') throw error;
  }
}
