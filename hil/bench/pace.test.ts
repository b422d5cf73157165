import { TimeCoordinator } from '@fieldbid/core/time/coordinator';
import test from 'ava';
import { keepPace, type Pace } from './pace.ts';

test('nothing happens before it is due by the pace, all of it happens, and a clock that is behind catches up', async (t) => {
  const coordinator = new TimeCoordinator(0);
  // A wall clock by hand: an hour of market goes by with each look.
  let wall_ms = 0;
  const pace: Pace = { speed: 1e6, now: () => wall_ms };
  const pacer = coordinator.join('pace');
  const worker = coordinator.join('worker');
  const done: { at_ms: number; wall_ms: number }[] = [];
  const work = (async () => {
    for (const at_ms of [1, 90_000, 30_000_000, 500_000_000]) {
      await worker.requestTime(at_ms);
      done.push({ at_ms, wall_ms });
    }
    worker.close();
  })();
  const ticking = setInterval(() => {
    wall_ms += 20_000_000;
  }, 1);
  await Promise.all([keepPace(pacer, pace, 600_000_000), work]);
  clearInterval(ticking);
  t.deepEqual(
    done.map(({ at_ms }) => at_ms),
    [1, 90_000, 30_000_000, 500_000_000],
  );
  t.true(coordinator.now() >= 500_000_000);
});

test('a clock that is closed ends it', async (t) => {
  const coordinator = new TimeCoordinator(0);
  const pacer = coordinator.join('pace');
  const kept = keepPace(pacer, { speed: 1, now: () => 0 }, 1e12);
  pacer.close();
  await t.notThrowsAsync(kept);
});
