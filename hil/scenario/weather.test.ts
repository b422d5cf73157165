import test from 'ava';
import fc from 'fast-check';
import { boundedWalk, loadFactor, skyFactor } from './weather.ts';

const d = { load_pct: 3, clearness: 0.97, cloud_pct: 8 };

test('deviations stay within their bounds, for any seed and minute', (t) => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(1500), (seed, minute) => {
      const load = loadFactor(d, seed, 'l675', 1440)(minute);
      t.true(load >= 0.97 && load <= 1.03);
      const sky = skyFactor(d, seed, 'pv-1', 1440)(minute);
      t.true(sky >= 0.89 && sky <= 1);
    }),
  );
});

test('a walk is repeatable, differs by name and seed, and moves slowly', (t) => {
  const walk = boundedWalk(1, 'a', 1440);
  const day = Array.from({ length: 1440 }, (_, minute) => walk(minute));
  t.deepEqual(
    day,
    Array.from({ length: 1440 }, (_, minute) => boundedWalk(1, 'a', 1440)(minute)),
  );
  t.notDeepEqual(
    day,
    Array.from({ length: 1440 }, (_, minute) => boundedWalk(1, 'b', 1440)(minute)),
  );
  t.notDeepEqual(
    day,
    Array.from({ length: 1440 }, (_, minute) => boundedWalk(2, 'a', 1440)(minute)),
  );
  for (let minute = 1; minute < day.length; minute++) t.true(Math.abs(day[minute]! - day[minute - 1]!) < 0.4);
});
