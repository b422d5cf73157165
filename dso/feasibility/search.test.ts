import test from 'ava';
import fc from 'fast-check';
import { largestFeasible } from './search.ts';

const ALL_PPM = 1_000_000;

/** Runs the search on a violation given as a function of the factor in [0, 1]. */
async function run(violation: (alpha: number) => number): Promise<{ ppm: number; calls: number }> {
  let calls = 0;
  const ends = { atZero_pu: violation(0), above_pu: violation(1) };
  const ppm = await largestFeasible(ALL_PPM, ends, async (at) => {
    calls++;
    return violation(at / ALL_PPM);
  });
  return { ppm, calls };
}

test('the root of a violation that rises, straight or bent, is met within 0.001, from below', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.double({ min: 0.02, max: 0.98, noNaN: true }),
      fc.double({ min: 0.3, max: 3, noNaN: true }),
      fc.double({ min: 0.003, max: 0.1, noNaN: true }),
      async (root, bend, steepness) => {
        const violation = (alpha: number) => steepness * (alpha ** bend - root ** bend);
        const { ppm, calls } = await run(violation);
        const alpha = ppm / ALL_PPM;
        const near = root - alpha < 1e-3;
        return alpha <= root && near && calls <= 25;
      },
    ),
  );
  t.pass();
});

test('a nearly straight violation takes few solves', async (t) => {
  const { calls } = await run((alpha) => 0.026 * alpha - 0.017 + 0.001 * alpha ** 2);
  t.true(calls <= 8, `${calls} solves`);
});

test('factors without a solution count as infeasible', async (t) => {
  const { ppm } = await run((alpha) => (alpha > 0.37 ? Number.POSITIVE_INFINITY : -0.01));
  t.true(ppm <= 370_000 && ppm > 369_500, String(ppm));
});

test('what is infeasible at any factor above zero ends at zero', async (t) => {
  t.is((await run((alpha) => (alpha === 0 ? 0 : 0.01))).ppm, 0);
});
