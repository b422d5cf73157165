/**
 * Step 13 · Exact money: energies are whole watt-minutes (W · min; 60 to a Wh), prices whole µ$/MWh, and what they
 * come to is a fraction until it is rounded once, half away from zero.
 */

/** W·min · µ$/MWh to the µ$: 60 min/h · 1,000,000 Wh/MWh. */
export const WMIN_PER_MWH = 60_000_000n;

/** Half away from zero, the same for both signs. @param denominator > 0. */
export function roundedQuotient(numerator: bigint, denominator: bigint): bigint {
  const sign = numerator < 0n ? -1n : 1n;
  return (sign * (2n * sign * numerator + denominator)) / (2n * denominator);
}

/** µ$ for a constant power over some minutes. @throws RangeError for what is no integer, or not exact as a number. */
export function payment_uUSD(power_W: number, duration_min: number, price_uUSD_per_MWh: number): number {
  const numerator = BigInt(power_W) * BigInt(duration_min) * BigInt(price_uUSD_per_MWh);
  return exactNumber(roundedQuotient(numerator, WMIN_PER_MWH));
}

/** @throws RangeError beyond 2^53. */
export function exactNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is too large to be exact`);
  return number;
}

/**
 * Rounds amounts that must add up to their rounded sum: each gets its whole part (downwards), and the units left go
 * one each to the largest fractions, of equal ones to the first. Each is less than 1 off; a whole amount stays.
 * @param denominator > 0, of all amounts.
 */
export function roundedTogether(numerators: readonly bigint[], denominator: bigint): number[] {
  const whole = numerators.map((numerator) => floored(numerator, denominator));
  const fraction = numerators.map((numerator, i) => numerator - whole[i]! * denominator);
  const sum = numerators.reduce((all, numerator) => all + numerator, 0n);
  const left = roundedQuotient(sum, denominator) - whole.reduce((all, part) => all + part, 0n);
  if (left > 0n) {
    const byFraction = [...fraction.keys()].sort((a, b) =>
      fraction[a] === fraction[b] ? a - b : fraction[a]! > fraction[b]! ? -1 : 1,
    );
    for (const i of byFraction.slice(0, Number(left))) whole[i]!++;
  }
  return whole.map(exactNumber);
}

function floored(numerator: bigint, denominator: bigint): bigint {
  const towardsZero = numerator / denominator;
  return numerator < 0n && towardsZero * denominator !== numerator ? towardsZero - 1n : towardsZero;
}

/** Percent as millionths: 10 % is 100,000. */
export function ppmFromPercent(percent: number): bigint {
  return BigInt(Math.round(percent * 10_000));
}
