/** The suite that every TimeSource passes: `timeSourceConformance(test, 'name', open)`. */
import type { TestFn } from 'ava';
import type { TimeSource } from './time-source.ts';

/** A clock under test: participants of one shared time. Market seconds may pass as fast as they like. */
export interface ClockUnderTest {
  readonly start_ms: number;
  join(name: string): TimeSource;
}

export function timeSourceConformance(test: TestFn, name: string, open: () => ClockUnderTest): void {
  test(`${name}: a time that has passed is granted at once`, async (t) => {
    const clock = open();
    const time = clock.join('a');
    const granted = await time.requestTime(clock.start_ms - 1000);
    t.true(granted >= clock.start_ms);
    time.close();
  });

  test(`${name}: never grants before the requested time, and now() agrees with the grant`, async (t) => {
    const clock = open();
    const time = clock.join('a');
    for (const after_ms of [1000, 1000, 2500, 60_000]) {
      const want = clock.start_ms + after_ms;
      const granted = await time.requestTime(want);
      t.true(granted >= want);
      t.true(time.now() >= granted);
    }
    time.close();
  });

  test(`${name}: participants are granted in the order of the times they ask for`, async (t) => {
    const clock = open();
    const seen: number[] = [];
    const walk = async (time: TimeSource, steps: number[]): Promise<void> => {
      for (const after_ms of steps) {
        await time.requestTime(clock.start_ms + after_ms);
        seen.push(after_ms);
      }
      time.close();
    };
    const [a, b] = [clock.join('a'), clock.join('b')];
    await Promise.all([walk(a, [60_000, 180_000]), walk(b, [120_000, 240_000])]);
    t.deepEqual(seen, [60_000, 120_000, 180_000, 240_000]);
  });

  test(`${name}: closing rejects what is pending, and what comes after`, async (t) => {
    const clock = open();
    const holder = clock.join('holder');
    const time = clock.join('a');
    const pending = time.requestTime(clock.start_ms + 365 * 86_400_000);
    time.close();
    t.like(await t.throwsAsync(pending), { code: 'TIME_CLOSED' });
    t.like(await t.throwsAsync(time.requestTime(clock.start_ms)), { code: 'TIME_CLOSED' });
    holder.close();
  });

  test(`${name}: patience for a later reply is longer than zero`, (t) => {
    const clock = open();
    const time = clock.join('a');
    t.true(time.patienceUntil(clock.start_ms + 3_600_000) > 0);
    time.close();
  });
}
