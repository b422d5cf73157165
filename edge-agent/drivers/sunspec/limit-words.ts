/**
 * Step 11 · A limit in watts → the five registers of SunSpec model 123 that make it (pure). Rounded down, so
 * that the device may never deliver more than it was allocated.
 */
import { encodeRaw } from './codec.ts';
import { pointDefinition } from './models.ts';

/** In the order of the registers, which are adjacent; the last one puts the others into force. */
export const LIMIT_POINTS = [
  'WMaxLimPct',
  'WMaxLimPct_WinTms',
  'WMaxLimPct_RvrtTms',
  'WMaxLimPct_RmpTms',
  'WMaxLim_Ena',
] as const;
export type LimitPoint = (typeof LIMIT_POINTS)[number];

export interface LimitWords {
  /** One word per point of LIMIT_POINTS. */
  readonly words: readonly number[];
  /** Points that the device implements: the others keep their "not implemented" word. */
  readonly implemented: readonly LimitPoint[];
  readonly commanded_pct: number;
  readonly step_pct: number;
  readonly raisedToFloor: boolean;
}

export interface LimitRequest {
  readonly limit_W: number;
  /** What 100 % means, W, > 0. */
  readonly rating_W: number;
  /** Exponent of WMaxLimPct_SF. */
  readonly exponent: number;
  readonly floor_pct: number;
  /** Whole seconds. */
  readonly revert_s: number;
  implemented(point: LimitPoint): boolean;
}

export function limitWords(request: LimitRequest): LimitWords {
  const { limit_W, rating_W, exponent, floor_pct, revert_s } = request;
  const stepsPerPct = 10 ** -exponent;
  // The quotient may come out a hair off a whole step; the loop then settles it on the safe side.
  let steps = Math.floor((Math.min(limit_W, rating_W) / rating_W) * 100 * stepsPerPct + 1e-6);
  while (steps > 0 && (steps / stepsPerPct / 100) * rating_W > limit_W * (1 + 1e-12)) steps--;
  const floorSteps = Math.ceil(floor_pct * stepsPerPct - 1e-6);
  const raisedToFloor = steps < floorSteps;
  steps = Math.max(steps, floorSteps);
  const values: Record<LimitPoint, number> = {
    WMaxLimPct: steps,
    WMaxLimPct_WinTms: 0,
    WMaxLimPct_RvrtTms: revert_s,
    WMaxLimPct_RmpTms: 0,
    WMaxLim_Ena: 1,
  };
  const implemented = LIMIT_POINTS.filter((name) => request.implemented(name));
  const words = LIMIT_POINTS.flatMap((name) =>
    encodeRaw(pointDefinition(123, name), implemented.includes(name) ? values[name] : null),
  );
  return {
    words,
    implemented,
    commanded_pct: steps / stepsPerPct,
    step_pct: 1 / stepsPerPct,
    raisedToFloor,
  };
}
