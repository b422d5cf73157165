/**
 * Largest factor at which a violation is not positive, by false position (Illinois variant: the end that
 * stays gets half its weight) with a bisection guard, in whole parts per million.
 */

/** The search ends when the feasible and the infeasible end are this close. */
const RESOLUTION_PPM = 100;
/** Steps are at least this long: one from an end that is right ends the search, on either side. */
const LEAST_STEP_PPM = 90;
/** Every so many steps the interval is halved, however slowly the line moves. */
const HALVE_EVERY = 3;
const MOST_STEPS = 60;

/** Violations at the two ends, pu: at no factor at all (<= 0), and above (> 0, may be infinite). */
export interface Ends {
  readonly atZero_pu: number;
  readonly above_pu: number;
}

/**
 * @param above_ppm an infeasible factor.
 * @param violationAt_pu the violation at a factor; infinite where there is no solution.
 * @returns a factor whose violation was found not to be positive, next to one where it is; 0 when there is none.
 */
export async function largestFeasible(
  above_ppm: number,
  ends: Ends,
  violationAt_pu: (ppm: number) => Promise<number>,
): Promise<number> {
  let low = { ppm: 0, weight: ends.atZero_pu };
  let high = { ppm: above_ppm, weight: ends.above_pu };
  let lastSide: 'low' | 'high' | undefined;
  for (let step = 0; step < MOST_STEPS && high.ppm - low.ppm > RESOLUTION_PPM; step++) {
    const width = high.ppm - low.ppm;
    const line = low.ppm + (width * -low.weight) / (high.weight - low.weight);
    // Where the line says nothing (an end without a value, or a step that hardly moves) halve instead.
    const useLine =
      Number.isFinite(line) && line > low.ppm && line < high.ppm && step % HALVE_EVERY !== HALVE_EVERY - 1;
    const ppm = Math.floor(
      useLine
        ? Math.min(high.ppm - LEAST_STEP_PPM, Math.max(low.ppm + LEAST_STEP_PPM, line))
        : low.ppm + width / 2,
    );
    if (ppm <= low.ppm || ppm >= high.ppm) break;
    const violation_pu = await violationAt_pu(ppm);
    if (violation_pu <= 0) {
      low = { ppm, weight: violation_pu };
      if (lastSide === 'low') high.weight /= 2;
      lastSide = 'low';
    } else {
      high = { ppm, weight: violation_pu };
      if (lastSide === 'high') low.weight /= 2;
      lastSide = 'high';
    }
  }
  return low.ppm;
}
