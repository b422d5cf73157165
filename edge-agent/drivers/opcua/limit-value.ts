/**
 * Step 11 · A limit in watts → the value of the node that makes it (pure). Rounded down to the node's step, so
 * that the device may never deliver more than it was allocated.
 */
import type { LimitMapping } from './mapping.ts';
import { factorOf, heldAtMost, isWhole, largestOf } from './values.ts';

const DEFAULT_STEP = 0.01;

export interface LimitValue {
  /** For the node. */
  readonly raw: number;
  readonly commanded_pct: number;
  readonly step_pct: number;
  readonly raisedToFloor: boolean;
}

export interface LimitRequest {
  readonly limit_W: number;
  /** What 100 % means, W, > 0. */
  readonly rating_W: number;
  readonly mapped: Pick<LimitMapping, 'unit' | 'scale' | 'step'>;
  /** Built-in type of the node, or of the method's argument. */
  readonly dataType: number;
  readonly floor_pct: number;
}

/** Watts that one of the node's own units is worth. */
export function wattsPerUnit(
  { unit, scale }: Pick<LimitMapping, 'unit' | 'scale'>,
  rating_W: number,
): number {
  return unit === 'pct' ? (scale * rating_W) / 100 : scale * factorOf(unit);
}

/** The node's value as percent of the rating. */
export function pctOf(
  raw: number,
  { unit, scale }: Pick<LimitMapping, 'unit' | 'scale'>,
  perUnit_W: number,
  rating_W: number,
): number {
  // Percent need no rating. Twelve digits: 333 tenths are 33.3, not 33.300000000000004.
  return digits(unit === 'pct' ? raw * scale : ((raw * perUnit_W) / rating_W) * 100);
}

export function limitValue({ limit_W, rating_W, mapped, dataType, floor_pct }: LimitRequest): LimitValue {
  const step = mapped.step ?? (isWhole(dataType) ? 1 : DEFAULT_STEP);
  const perUnit_W = wattsPerUnit(mapped, rating_W);
  const rawOf = (steps: number): number => heldAtMost(dataType, digits(steps * step));
  const most = Math.floor(largestOf(dataType) / step);
  // The quotient may come out a hair off a whole step; the loop then settles it on the safe side.
  let steps = Math.min(most, Math.floor(Math.min(limit_W, rating_W) / perUnit_W / step + 1e-6));
  while (steps > 0 && rawOf(steps) * perUnit_W > limit_W * (1 + 1e-12)) steps--;
  const floorSteps = Math.ceil(((floor_pct / 100) * rating_W) / perUnit_W / step - 1e-6);
  const raisedToFloor = steps < floorSteps;
  steps = Math.max(steps, floorSteps);
  const raw = rawOf(steps);
  return {
    raw,
    commanded_pct: pctOf(raw, mapped, perUnit_W, rating_W),
    step_pct: pctOf(step, mapped, perUnit_W, rating_W),
    raisedToFloor,
  };
}

/**
 * The revert time for its node. Shortened where the device takes less, which is the safer side, but never to 0,
 * which means for ever.
 * @param unit_s seconds that one of the node's units is worth.
 */
export function revertValue(revert_s: number, longest_s: number, unit_s: number, dataType: number): number {
  const units = Math.min(Math.max(0, revert_s), longest_s) / unit_s;
  const held = Math.min(isWhole(dataType) ? Math.floor(units + 1e-9) : units, largestOf(dataType));
  return revert_s > 0 ? Math.max(held, isWhole(dataType) ? 1 : DEFAULT_STEP) : 0;
}

function digits(value: number): number {
  return Number(value.toPrecision(12));
}
