import test from 'ava';
import fc from 'fast-check';
import { nextSetpoint, rangeOf, setpointFor } from './limits.ts';

const LIMITS = { low_pu: 0.85, high_pu: 1.15, step_pu: 0.02 };

test('the range is the last whole steps of the setpoint inside of the limits', (t) => {
  // 0.85 and 1.15 of 277.13 V are 235.5605 and 318.6995 V.
  t.like(rangeOf(LIMITS, 277.13, 0.01), { least_V: 235.57, most_V: 318.69 });
  t.like(rangeOf(LIMITS, 230, 0.1), { least_V: 195.5, most_V: 264.5 });
  t.throws(() => rangeOf({ ...LIMITS, step_pu: 0.001 }, 230, 0.5), { instanceOf: RangeError });
});

test('a large change is walked, in the last steps whole', (t) => {
  const range = rangeOf(LIMITS, 230, 0.1);
  const goal_V = setpointFor(250, range);
  const way: number[] = [];
  for (let at_V = 235; at_V !== goal_V; ) {
    at_V = nextSetpoint(at_V, goal_V, range);
    way.push(at_V);
  }
  // 4.6 V a step.
  t.deepEqual(way, [239.6, 244.2, 248.8, 250]);
});

test('whatever is wanted: inside of the limits, no step too large, and it arrives', (t) => {
  const arbitrary = fc.record({
    nominal_V: fc.double({ min: 100, max: 480, noNaN: true }),
    resolution_V: fc.constantFrom(0, 0.001, 0.01, 0.1, 0.5),
    from: fc.double({ min: 0, max: 1, noNaN: true }),
    wanted_V: fc.double({ noNaN: true, noDefaultInfinity: true }),
  });
  fc.assert(
    fc.property(arbitrary, ({ nominal_V, resolution_V, from, wanted_V }) => {
      const range = rangeOf(LIMITS, nominal_V, resolution_V);
      const [low_V, high_V] = [LIMITS.low_pu * nominal_V, LIMITS.high_pu * nominal_V];
      const goal_V = setpointFor(wanted_V, range);
      let at_V = low_V + from * (high_V - low_V);
      for (let steps = 0; at_V !== goal_V; steps++) {
        const next_V = nextSetpoint(at_V, goal_V, range);
        if (steps > 40) return false;
        if (Math.abs(next_V - at_V) > LIMITS.step_pu * nominal_V + 1e-6) return false;
        if (next_V < low_V - 1e-6 || next_V > high_V + 1e-6) return false;
        at_V = next_V;
      }
      return true;
    }),
  );
  t.pass();
});
