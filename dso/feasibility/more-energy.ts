/**
 * Step 7 · From quantities that are safe to others with more energy in all: a linear programme over the feeder's
 * sensitivities says where to go, the full power flow whether that is safe in every outcome and case, and again from
 * there. The feeder is nearly linear, so that a few rounds settle it; only what was found safe is ever returned.
 */
import { type Envelope, type OutcomeResult, type Quantities, total, wholeWatts } from './envelope.ts';
import type { Case } from './interval-check.ts';
import { isInside } from './limits.ts';
import { type LinearProgram, maximise, type Row } from './linear-program.ts';
import { type Linearisation, linearise } from './sensitivities.ts';

/** Programmes solved for one answer, at most; each is followed by the full power flow. */
const MOST_STEPS = 14;
/** Less gain than this ends it, as a share of everything that was asked for. */
const LEAST_GAIN = 2e-4;
/** Rows are added where a programme's answer breaks them; so often, and so many at a time. */
const MOST_CUTS = 40;
const ROWS_A_CUT = 40;
/** Cases that are linearised, at most: those that have bound so far. */
const MOST_CASES = 4;
/** The programme aims so far inside, W of the DER that counts most, and at most pu. */
const AIM_INSIDE_W = 50;
const AIM_INSIDE_PU = 1e-6;
/** From this step on what bends is aimed at as well. */
const STEPS_BEFORE_AIMING_FURTHER = 3;
/** A target that is further outside than this is too far for the linear picture, pu: half of the way instead. */
const TOO_FAR_PU = 0.02;
/** A row is broken by more than this, W of the DER that counts most. */
const BROKEN_W = 5;
/** The programme works in kW: its numbers are nearer to 1. */
const W_PER_KW = 1000;

export interface Room {
  /** Nobody gets less, W. */
  readonly floor: Quantities;
  /** Nobody gets more, W. */
  readonly ceiling: Quantities;
}

/** @param start safe; @returns quantities at least as large in all, as safe on the searching engine, whole watts. */
export async function moreEnergy(envelope: Envelope, start: Quantities, room: Room): Promise<number[]> {
  const asked_W = total(room.ceiling);
  const cases: Case[] = [(await envelope.worst(room.ceiling)).case];
  let best = wholeWatts(start);
  let here = best;
  let further_pu = 0;
  for (let step = 0; step < MOST_STEPS; step++) {
    const around = await Promise.all(cases.map((one) => linearise(envelope, here, one)));
    const linear = around.filter((one) => one !== undefined);
    const target = linear.length === 0 ? undefined : await solved(linear, here, room, further_pu);
    if (target === undefined) break;
    const { quantities, worst } = await within(envelope, here, target, room);
    const settled = total(quantities) - total(best) < LEAST_GAIN * asked_W;
    if (isInside(worst.violation_pu)) {
      if (total(quantities) > total(best)) best = quantities;
      if (settled) break;
    } else {
      if (!cases.includes(worst.case) && cases.length < MOST_CASES) cases.push(worst.case);
      if (step >= STEPS_BEFORE_AIMING_FURTHER) further_pu += worst.violation_pu;
      // No better than what there is, and not even safe: nothing to be found here.
      if (settled && step >= STEPS_BEFORE_AIMING_FURTHER) break;
    }
    here = quantities;
  }
  return best;
}

/** A target, or so much of the way to it that the linear picture can still be trusted. */
async function within(
  envelope: Envelope,
  here: Quantities,
  target: Quantities,
  { floor }: Room,
): Promise<{ quantities: number[]; worst: OutcomeResult }> {
  let quantities = wholeWatts(target).map((quantity, i) => Math.max(quantity, floor[i] ?? 0));
  let worst = await envelope.worst(quantities);
  for (let halved = 0; worst.violation_pu > TOO_FAR_PU && halved < 5; halved++) {
    quantities = wholeWatts(quantities.map((quantity, i) => (quantity + (here[i] ?? 0)) / 2));
    worst = await envelope.worst(quantities);
  }
  return { quantities, worst };
}

/** The best quantities by the linear picture; rows are added until none is broken. */
async function solved(
  around: readonly Linearisation[],
  here: Quantities,
  { floor, ceiling }: Room,
  further_pu: number,
): Promise<number[] | undefined> {
  const bounds = here.map((_, i) => ({
    low: (floor[i] ?? 0) / W_PER_KW,
    high: (ceiling[i] ?? 0) / W_PER_KW,
  }));
  const program: LinearProgram & { rows: Row[] } = { weights: here.map(() => 1), bounds, rows: [] };
  let best: number[] | undefined;
  for (let cut = 0; cut < MOST_CUTS; cut++) {
    const found = await maximise(program);
    if (found === undefined) return undefined;
    best = found.map((kW) => kW * W_PER_KW);
    const broken = brokenRows(around, { here, floor }, best, further_pu);
    if (broken.length === 0) return best;
    program.rows.push(...broken);
  }
  return best;
}

/** The rows that a target breaks most, by the linear picture. */
function brokenRows(
  around: readonly Linearisation[],
  { here, floor }: { readonly here: Quantities; readonly floor: Quantities },
  target: Quantities,
  further_pu: number,
): Row[] {
  const broken: (Row & { by_W: number })[] = [];
  for (const { outcomes, takes_pu_per_W } of around) {
    for (const { outcome, room_pu } of outcomes) {
      const { shares } = outcome;
      for (let watch = 0; watch < room_pu.length; watch++) {
        let taken_pu = 0;
        // The floor is safe, if only just: aiming further inside than it is would leave nothing to be found.
        let byFloor_pu = 0;
        let steepest = 0;
        for (let i = 0; i < shares.length; i++) {
          const slope = shares[i]! * takes_pu_per_W[i]![watch]!;
          taken_pu += slope * (target[i]! - here[i]!);
          byFloor_pu += slope * (floor[i]! - here[i]!);
          steepest = Math.max(steepest, Math.abs(slope));
        }
        const aim_pu = Math.min(AIM_INSIDE_PU, AIM_INSIDE_W * steepest) + further_pu;
        const left_pu = Math.max(room_pu[watch]! - aim_pu, Math.min(byFloor_pu, room_pu[watch]!));
        const by_W = (taken_pu - left_pu) / steepest;
        if (!(by_W > BROKEN_W)) continue;
        const coefficients = shares.map((share, i) => share * takes_pu_per_W[i]![watch]! * W_PER_KW);
        const now_pu = coefficients.reduce((sum, a, i) => sum + (a * here[i]!) / W_PER_KW, 0);
        broken.push({ coefficients, most: left_pu + now_pu, by_W });
      }
    }
  }
  return broken.sort((a, b) => b.by_W - a.by_W).slice(0, ROWS_A_CUT);
}
