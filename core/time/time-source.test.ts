import test from 'ava';
import { timeSourceConformance } from './conformance.ts';
import { TimeCoordinator } from './coordinator.ts';
import { WallClock } from './wall-clock.ts';

const START_MS = Date.parse('2026-06-21T00:00:00Z');

timeSourceConformance(test, 'coordinator', () => {
  const coordinator = new TimeCoordinator(START_MS);
  return { start_ms: START_MS, join: (name) => coordinator.join(name) };
});

timeSourceConformance(test, 'wall clock', (slowdown) => {
  const shared = { speed: 5000 / slowdown, origin_ms: START_MS, realOrigin_ms: Date.now() };
  return { start_ms: START_MS, join: () => new WallClock(shared) };
});

test('the coordinator lets nobody pass one who is still at work', async (t) => {
  const coordinator = new TimeCoordinator(START_MS);
  const worker = coordinator.join('worker');
  const other = coordinator.join('other');
  const log: string[] = [];
  const waiting = other.requestTime(START_MS + 1000).then(() => log.push('other at +1 s'));
  await worker.requestTime(START_MS);
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  log.push('worker done');
  const next = worker.requestTime(START_MS + 2000);
  await waiting;
  other.close();
  await next;
  t.deepEqual(log, ['worker done', 'other at +1 s']);
  t.is(coordinator.now(), START_MS + 2000);
  worker.close();
});

test('the coordinator names who holds time back', async (t) => {
  const names = await new Promise<string[]>((resolve) => {
    const coordinator = new TimeCoordinator(START_MS, { hangGuard_ms: 5, onHang: resolve });
    coordinator.join('stuck');
    void coordinator.join('waiting').requestTime(START_MS + 1000);
    // The watchdog does not keep a process alive; this test does until it barks.
    const keepAlive = setInterval(() => {}, 1000);
    t.teardown(() => clearInterval(keepAlive));
  });
  t.deepEqual(names, ['stuck']);
});

test('the coordinator refuses a second participant of a name, and a second request while one waits', async (t) => {
  const coordinator = new TimeCoordinator(START_MS);
  const a = coordinator.join('a');
  coordinator.join('b');
  t.throws(() => coordinator.join('a'), { code: 'TIME_NAME_TAKEN' });
  void a.requestTime(START_MS + 1);
  t.like(await t.throwsAsync(a.requestTime(START_MS + 2)), { code: 'TIME_PENDING' });
});

test('a wall clock refuses a speed that makes no sense', (t) => {
  t.throws(() => new WallClock({ speed: 0 }), { instanceOf: RangeError });
  t.throws(() => new WallClock({ speed: Number.NaN }), { instanceOf: RangeError });
});
