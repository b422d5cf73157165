/** The suite that every TimeSource passes: `timeSourceConformance(test, 'name', open)`. */
import type { TestFn } from 'ava';
import type { TimeSource } from './time-source.ts';

/** Further off than any machine is slow. */
const YEAR_MS = 365 * 86_400_000;

/** A clock under test: participants of one shared time. Market seconds may pass as fast as they like. */
export interface ClockUnderTest {
  readonly start_ms: number;
  join(name: string): TimeSource;
  /** Ends what runs behind it. */
  close?(): Promise<void>;
}

/** @param open with real waits `slowdown` times as long as its shortest; no matter where market time needs no real time. */
export function timeSourceConformance(
  test: TestFn,
  name: string,
  open: (slowdown: number) => ClockUnderTest | Promise<ClockUnderTest>,
): void {
  test(`${name}: a time that has passed is granted at once`, async (t) => {
    const clock = await open(1);
    const time = clock.join('a');
    const granted = await time.requestTime(clock.start_ms - 1000);
    t.true(granted >= clock.start_ms);
    time.close();
    await clock.close?.();
  });

  test(`${name}: never grants before the requested time, and now() agrees with the grant`, async (t) => {
    const clock = await open(1);
    const time = clock.join('a');
    for (const after_ms of [1000, 1000, 2500, 60_000]) {
      const want = clock.start_ms + after_ms;
      const granted = await time.requestTime(want);
      t.true(granted >= want);
      t.true(time.now() >= granted);
    }
    time.close();
    await clock.close?.();
  });

  test(`${name}: participants are granted in the order of the times they ask for`, async (t) => {
    const step_ms = 60_000;
    // Who runs late by a step says nothing about order: again, with more time for each step.
    for (let slowdown = 1; ; slowdown *= 4) {
      const clock = await open(slowdown);
      const seen: number[] = [];
      let late = false;
      const walk = async (time: TimeSource, steps: number[]): Promise<void> => {
        for (const step of steps) {
          const want_ms = clock.start_ms + step * step_ms;
          const granted_ms = await time.requestTime(want_ms);
          seen.push(step);
          late ||= granted_ms >= want_ms + step_ms;
        }
        time.close();
      };
      const [a, b] = [clock.join('a'), clock.join('b')];
      await Promise.all([walk(a, [1, 3]), walk(b, [2, 4])]);
      await clock.close?.();
      if (late) continue;
      t.deepEqual(seen, [1, 2, 3, 4]);
      return;
    }
  });

  test(`${name}: closing rejects what is pending, and what comes after`, async (t) => {
    const clock = await open(1);
    const holder = clock.join('holder');
    const time = clock.join('a');
    const pending = time.requestTime(clock.start_ms + YEAR_MS);
    time.close();
    t.like(await t.throwsAsync(pending), { code: 'TIME_CLOSED' });
    t.like(await t.throwsAsync(time.requestTime(clock.start_ms)), { code: 'TIME_CLOSED' });
    holder.close();
    await clock.close?.();
  });

  test(`${name}: patience for a later reply is longer than zero`, async (t) => {
    const clock = await open(1);
    const time = clock.join('a');
    t.true(time.patienceUntil(clock.start_ms + YEAR_MS) > 0);
    time.close();
    await clock.close?.();
  });
}
