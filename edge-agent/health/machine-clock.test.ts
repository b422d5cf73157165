import test from 'ava';
import { MachineClock } from './machine-clock.ts';

test('set back by an hour is an hour; time that passes, and a step forward, are nothing', (t) => {
  let [wall, running] = [1_782_000_000_000, 500];
  const clock = new MachineClock({ wall: () => wall, running: () => running });
  const pass = (ms: number): void => {
    wall += ms;
    running += ms;
  };
  t.is(clock.setBack_ms(), 0);
  pass(60_000);
  t.is(clock.setBack_ms(), 0);
  wall += 86_400_000; // a time server is heard for the first time
  t.is(clock.setBack_ms(), 0);
  wall -= 3_600_000;
  t.is(clock.setBack_ms(), 3_600_000);
  pass(1000);
  t.is(clock.setBack_ms(), 3_600_000);
  wall += 4_000_000;
  t.is(clock.setBack_ms(), 0);
});

test('of this machine: nothing has set it back', (t) => {
  t.true(new MachineClock().setBack_ms() < 1000);
});
