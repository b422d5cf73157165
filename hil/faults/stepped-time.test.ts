import { timeSourceConformance } from '@fieldbid/core/time/conformance';
import { TimeCoordinator } from '@fieldbid/core/time/coordinator';
import test from 'ava';
import { SteppedTime } from './stepped-time.ts';

const START_MS = Date.parse('2026-06-21T00:00:00Z');

timeSourceConformance(test, 'a machine’s clock', () => {
  const coordinator = new TimeCoordinator(START_MS);
  return { start_ms: START_MS, join: (name) => new SteppedTime(coordinator.join(name), { step_ms: 0 }) };
});

test('a clock set ahead: what is due comes early; set back: it stands still until time has caught up', async (t) => {
  const coordinator = new TimeCoordinator(START_MS);
  const machine = { step_ms: 0 };
  const time = new SteppedTime(coordinator.join('agent'), machine);
  const after = () => (coordinator.now() - START_MS) / 1000;
  machine.step_ms = 600_000;
  t.is(await time.requestTime(START_MS + 660_000), START_MS + 660_000);
  t.is(after(), 60);
  machine.step_ms = 0;
  t.is(time.now(), START_MS + 660_000);
  t.is(await time.requestTime(START_MS + 720_000), START_MS + 720_000);
  t.is(after(), 720);
  time.close();
});
