import test from 'ava';
import fc from 'fast-check';
import { limitWords } from './limit-words.ts';

const request = {
  limit_W: 4700,
  rating_W: 5000,
  exponent: -2,
  floor_pct: 0,
  revert_s: 1200,
  implemented: () => true,
};

test('4,700 W of 5,000 W are 94.00 %: five words in the order of the registers', (t) => {
  const made = limitWords(request);
  t.deepEqual(made.words, [9400, 0, 1200, 0, 1]);
  t.is(made.commanded_pct, 94);
  t.is(made.step_pct, 0.01);
});

test('a fraction of a step is cut: 3,333 W of 10 kW in whole percent are 33 %', (t) => {
  t.is(limitWords({ ...request, limit_W: 3333, rating_W: 10_000, exponent: 0 }).commanded_pct, 33);
});

test("the profile's floor holds the limit up, and says so", (t) => {
  t.like(limitWords({ ...request, limit_W: 0, floor_pct: 2 }), { commanded_pct: 2, raisedToFloor: true });
  t.like(limitWords({ ...request, limit_W: 0 }), { commanded_pct: 0, raisedToFloor: false });
});

test('registers that are not implemented keep their word', (t) => {
  const made = limitWords({ ...request, implemented: (name) => !name.endsWith('Tms') });
  t.deepEqual(made.words, [9400, 0xffff, 0xffff, 0xffff, 1]);
  t.deepEqual(made.implemented, ['WMaxLimPct', 'WMaxLim_Ena']);
});

test('never above the limit nor 100 %, and less than a step below the smaller of both', (t) => {
  const any = fc.record({
    limit_W: fc.integer({ min: 0, max: 400_000 }),
    rating_W: fc.integer({ min: 1, max: 300_000 }),
    exponent: fc.integer({ min: -2, max: 0 }),
  });
  fc.assert(
    fc.property(any, ({ limit_W, rating_W, exponent }) => {
      const { commanded_pct, step_pct } = limitWords({ ...request, limit_W, rating_W, exponent });
      const commanded_W = (commanded_pct / 100) * rating_W;
      t.true(commanded_pct <= 100);
      t.true(commanded_W <= limit_W * (1 + 1e-9));
      t.true(commanded_W > Math.min(limit_W, rating_W) - (step_pct / 100) * rating_W * (1 + 1e-6));
    }),
    { numRuns: 1000 },
  );
});
