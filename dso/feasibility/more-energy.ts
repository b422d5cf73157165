/**
 * Step 7 · From quantities that are safe to others with more energy in all: a linear programme over the feeder's
 * sensitivities says where to go, the full power flow how far, and again from there. Every point on the way is safe in
 * every outcome and case, so it can be stopped anywhere.
 */
import { along, type Envelope, type Quantities, wholeWatts } from './envelope.ts';
import type { Case } from './interval-check.ts';
import { type LinearProgram, maximise, type Row } from './linear-program.ts';
import { type Linearisation, linearise } from './sensitivities.ts';

/** Programmes solved for one answer, at most; each is followed by the full power flow. */
const MOST_STEPS = 10;
/** Less gain than this ends it, as a share of everything that was asked for. */
const LEAST_GAIN = 5e-4;
/** Rows are added where a programme's answer breaks them; so often, and so many at a time. */
const MOST_CUTS = 25;
const ROWS_A_CUT = 40;
/** Cases that are linearised, at most: those that have bound so far. */
const MOST_CASES = 4;
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
  let here = wholeWatts(start);
  const cases: Case[] = [(await envelope.worst(room.ceiling)).case];
  for (let step = 0; step < MOST_STEPS; step++) {
    const around: Linearisation[] = [];
    for (const one of cases) {
      const linear = await linearise(envelope, here, one);
      if (linear !== undefined) around.push(linear);
    }
    const target = await solved(around, here, room);
    if (target === undefined || total(target) - total(here) < LEAST_GAIN * asked_W) break;
    const way = { from: here, to: target };
    const { share_ppm, binding } = await envelope.farthest(way);
    const there = wholeWatts(along(way, share_ppm)).map((quantity, i) =>
      Math.max(quantity, Math.ceil(room.floor[i] ?? 0)),
    );
    const gain_W = total(there) - total(here);
    const newCase = binding !== null && !cases.includes(binding.case) && cases.length < MOST_CASES;
    if (newCase) cases.push(binding.case);
    if (gain_W > 0) here = there;
    if (gain_W < LEAST_GAIN * asked_W && !newCase) break;
  }
  return here;
}

/** The best quantities by the linear picture; rows are added until none is broken. */
async function solved(
  around: readonly Linearisation[],
  here: Quantities,
  { floor, ceiling }: Room,
): Promise<number[] | undefined> {
  const bounds = here.map((_, i) => ({
    low: (floor[i] ?? 0) / W_PER_KW,
    high: (ceiling[i] ?? 0) / W_PER_KW,
  }));
  const program: LinearProgram & { rows: Row[] } = { weights: here.map(() => 1), bounds, rows: [] };
  let best: number[] | undefined;
  for (let cut = 0; cut < MOST_CUTS; cut++) {
    const found = await maximise(program);
    if (found === undefined) return best;
    best = found.map((kW) => kW * W_PER_KW);
    const broken = brokenRows(around, here, best);
    if (broken.length === 0) return best;
    program.rows.push(...broken);
  }
  return best;
}

/** The rows that a target breaks most, by the linear picture. */
function brokenRows(around: readonly Linearisation[], here: Quantities, target: Quantities): Row[] {
  const broken: (Row & { by_pu: number })[] = [];
  for (const { outcomes, takes_pu_per_W } of around) {
    for (const { outcome, room_pu } of outcomes) {
      const moved = outcome.shares.map((share, i) => share * ((target[i] ?? 0) - (here[i] ?? 0)));
      for (let watch = 0; watch < room_pu.length; watch++) {
        let taken_pu = 0;
        for (let i = 0; i < moved.length; i++) taken_pu += moved[i]! * takes_pu_per_W[i]![watch]!;
        const by_pu = taken_pu - Math.max(0, room_pu[watch]!);
        if (by_pu <= 1e-7) continue;
        const coefficients = outcome.shares.map((share, i) => share * takes_pu_per_W[i]![watch]! * W_PER_KW);
        const now_pu = coefficients.reduce((sum, a, i) => sum + (a * (here[i] ?? 0)) / W_PER_KW, 0);
        broken.push({ coefficients, most: Math.max(0, room_pu[watch]!) + now_pu, by_pu });
      }
    }
  }
  return broken.sort((a, b) => b.by_pu - a.by_pu).slice(0, ROWS_A_CUT);
}

function total(quantities: Quantities): number {
  return quantities.reduce((sum, quantity) => sum + quantity, 0);
}
