import test from 'ava';
import fc from 'fast-check';
import { payment_uUSD, ppmFromPercent, roundedQuotient, roundedTogether } from './arithmetic.ts';

test('worked by hand: power, minutes and price to µ$', (t) => {
  // 10 kW · ¼ h = 2.5 kWh at 40 $/MWh: 0.10 $.
  t.is(payment_uUSD(10_000, 15, 40_000_000), 100_000);
  // 1 W · 15 min = 0.25 Wh at 30 $/MWh: 7.5 µ$, away from zero.
  t.is(payment_uUSD(1, 15, 30_000_000), 8);
  t.is(payment_uUSD(-1, 15, 30_000_000), -8);
  t.is(payment_uUSD(1, 15, -30_000_000), -8);
  // 1 W · 15 min at 29.999999 $/MWh: 7.49999975 µ$.
  t.is(payment_uUSD(1, 15, 29_999_999), 7);
  // 1 GW for a day at 2,000 $/MWh: 24,000 MWh, 48 million $. W · min · µ$/MWh alone exceeds 2^53.
  t.is(payment_uUSD(1_000_000_000, 1440, 2_000_000_000), 48_000_000_000_000);
  t.is(Object.is(payment_uUSD(-1, 1, 1), 0), true);
  t.throws(() => payment_uUSD(1.5, 15, 1), { instanceOf: RangeError });
  t.throws(() => payment_uUSD(1e12, 1440, 1e12), { message: /too large to be exact/ });
});

test('half goes away from zero, for both signs', (t) => {
  const quotients = [-15n, -14n, -5n, -4n, 0n, 4n, 5n, 14n, 15n].map((n) => roundedQuotient(n, 10n));
  t.deepEqual(quotients, [-2n, -1n, -1n, 0n, 0n, 0n, 1n, 1n, 2n]);
});

test('worked by hand: amounts that are rounded together', (t) => {
  // 7.5 + 7.5 + 7.5 = 22.5, rounded 23: whole parts 21, two left, the first two of equal fractions.
  t.deepEqual(roundedTogether([75n, 75n, 75n], 10n), [8, 8, 7]);
  // 0.2 + 0.9 - 0.4 = 0.7, rounded 1: downwards 0, 0, -1; two left for the fractions 0.9 and 0.6 (of -0.4).
  t.deepEqual(roundedTogether([2n, 9n, -4n], 10n), [0, 1, 0]);
  // -7.5 twice: -15; downwards -16, one left.
  t.deepEqual(roundedTogether([-75n, -75n], 10n), [-7, -8]);
  t.deepEqual(roundedTogether([], 10n), []);
});

test('rounded together they add up, each is less than one off, and a whole amount stays', (t) => {
  const numerators = fc.array(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), { maxLength: 20 });
  fc.assert(
    fc.property(numerators, fc.bigInt({ min: 1n, max: 10n ** 6n }), (parts, denominator) => {
      const rounded = roundedTogether(parts, denominator);
      const sum = parts.reduce((all, part) => all + part, 0n);
      const roundedSum = rounded.reduce((all, part) => all + BigInt(part), 0n);
      if (roundedSum !== roundedQuotient(sum, denominator)) return false;
      return parts.every((part, i) => {
        const difference = BigInt(rounded[i]!) * denominator - part;
        return part % denominator === 0n
          ? difference === 0n
          : -denominator < difference && difference < denominator;
      });
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('percent counts to a ten-thousandth', (t) => {
  t.deepEqual([10, 0.0001, 12.5, 0.00004].map(ppmFromPercent), [100_000n, 1n, 125_000n, 0n]);
});
