/**
 * Step 7 · What the feeder is at given quantities, and how each DER's power moves it: finite differences of whole power
 * flows on the searching engine. One "watch" is a voltage, a link or the reverse power, with its distance to a limit.
 */

import { isSolved, type Solution } from '../power-flow/power-flow.ts';
import type { Outcome } from './clearing-outcomes.ts';
import type { Envelope, Quantities } from './envelope.ts';
import type { Case } from './interval-check.ts';
import { exportScale_W } from './limits.ts';

/** Difference that a sensitivity is taken over: small against a DER, large against the solver's noise, W. */
const STEP_W = 1000;

/** One case of the interval around a point. */
export interface Linearisation {
  readonly case: Case;
  /** Outcomes that have a solution, each with the distance of every watch to its limit, pu; negative is outside. */
  readonly outcomes: readonly { readonly outcome: Outcome; readonly room_pu: Float64Array }[];
  /** By request: how much of every watch's room a watt of it takes, pu per W. */
  readonly takes_pu_per_W: readonly Float64Array[];
}

/** Undefined where the point itself has no solution in this case. */
export async function linearise(
  envelope: Envelope,
  quantities: Quantities,
  one: Case,
): Promise<Linearisation | undefined> {
  const { check, requests } = envelope;
  const outcomes = envelope.outcomes.filter(({ between }) => !between);
  const around = outcomes.map((outcome) => envelope.injection(quantities, outcome));
  const base = around[0] ?? {};
  const places = [...new Set(requests.map(({ derId }) => check.placeOf(derId)))];
  const stepped = places.map((place) => ({ ...base, [place]: (base[place] ?? 0) + STEP_W }));
  const points = [...around, ...stepped].map((injection_W) => ({ injection_W, case: one }));
  const solutions = await check.solutions(points);
  const rooms = solutions.map((solution) =>
    isSolved(solution) ? roomOf(envelope, one, solution) : undefined,
  );
  const [here] = rooms;
  if (here === undefined) return undefined;
  const takes = new Map(
    places.map((place, i) => {
      const there = rooms[around.length + i];
      return [place, here.map((room, k) => (there === undefined ? 0 : (room - (there[k] ?? room)) / STEP_W))];
    }),
  );
  return {
    case: one,
    outcomes: outcomes.flatMap((outcome, i) => {
      const room_pu = rooms[i];
      return room_pu === undefined ? [] : [{ outcome, room_pu }];
    }),
    takes_pu_per_W: requests.map(
      ({ derId }) => takes.get(check.placeOf(derId)) ?? new Float64Array(here.length),
    ),
  };
}

/** Room below the upper limit of every voltage, above the lower one, below every rating, below the reverse power. */
function roomOf({ check, tighten_pu }: Envelope, one: Case, solution: Solution): Float64Array {
  const limits = check.limitsOf(one);
  const { magnitude_pu, loading_pu, swing_W } = solution;
  const rooms = [
    ...magnitude_pu.map((value) => limits.high_pu - value),
    ...magnitude_pu.map((value) => value - limits.low_pu),
    ...loading_pu.map((value) => limits.loading_pu - value),
  ];
  if (limits.export_W < Number.POSITIVE_INFINITY) {
    rooms.push((limits.export_W + swing_W) / exportScale_W(limits));
  }
  return Float64Array.from(rooms, (room) => room - tighten_pu);
}
