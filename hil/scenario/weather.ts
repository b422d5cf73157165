/**
 * How the actual day differs from the forecast. Each quantity follows a slow bounded random walk of its own,
 * drawn from the seed and its name, so that adding a DER does not change the weather of the others.
 */
import { seededRandom } from '@fieldbid/core/random';

/** Minutes between two draws; in between the value is interpolated. */
const KNOT_MIN = 5;
/** How much of one draw carries over to the next (first-order autoregression). */
const PERSISTENCE = 0.8;

/**
 * A smooth series in [-1, 1] over `minutes`, one value a minute.
 * The stationary standard deviation is about 0.5; what lies beyond the bounds is cut.
 */
export function boundedWalk(seed: number, name: string, minutes: number): (minute: number) => number {
  const random = seededRandom(seed, name);
  const spread = 0.5 * Math.sqrt(1 - PERSISTENCE ** 2);
  const knots: number[] = [];
  let state = 0.5 * random.normal();
  for (let i = 0; i <= Math.ceil(minutes / KNOT_MIN) + 1; i++) {
    knots.push(Math.max(-1, Math.min(1, state)));
    state = PERSISTENCE * state + spread * random.normal();
  }
  return (minute) => {
    const at = Math.max(0, Math.min(knots.length - 1.001, minute / KNOT_MIN));
    const i = Math.floor(at);
    return (knots[i] ?? 0) + (at - i) * ((knots[i + 1] ?? 0) - (knots[i] ?? 0));
  };
}

export interface Deviations {
  readonly load_pct: number;
  readonly clearness: number;
  readonly cloud_pct: number;
}

/** Factor on a load's pattern at a minute of the run: within 1 ± load_pct. */
export function loadFactor(
  d: Deviations,
  seed: number,
  load: string,
  minutes: number,
): (minute: number) => number {
  const walk = boundedWalk(seed, `load ${load}`, minutes);
  return (minute) => 1 + (walk(minute) * d.load_pct) / 100;
}

/**
 * Factor on a DER's clear-sky power at a minute of the run: at most 1, on average about `clearness`, pulled
 * down by at most `cloud_pct`. Neighbours share half of their sky.
 */
export function skyFactor(
  d: Deviations,
  seed: number,
  derId: string,
  minutes: number,
): (minute: number) => number {
  const own = boundedWalk(seed, `sky ${derId}`, minutes);
  const shared = boundedWalk(seed, 'sky', minutes);
  return (minute) => {
    const walk = (own(minute) + shared(minute)) / 2;
    return Math.max(0, Math.min(1, d.clearness + (walk * d.cloud_pct) / 100));
  };
}
