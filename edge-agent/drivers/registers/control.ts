/**
 * Step 11 · A limit in watts → the registers that make it (pure): the same for SunSpec 123, 704, 124 and a
 * family's own registers. Rounded down, so that the device may never deliver more than it was allocated.
 */
import type { DeviceRefused, LimitState } from '../../device/der-device.ts';
import { scale } from '../sunspec/codec.ts';
import type { RegisterImage } from './image.ts';
import { type PointRef, wordsOf } from './point-ref.ts';

/** A point that is written together with a limit, and the value in its units that it gets. */
export interface Companion {
  readonly point: PointRef;
  readonly value: number;
  /** The value is a share of what 100 % means, percent; absent: it is in the point's own units. */
  readonly ofBase?: boolean;
}

/** How a device's active power is limited. */
export interface ControlBinding {
  /** In the device's own terms: `SunSpec 704`. */
  readonly name: string;
  readonly limit: PointRef;
  /** What the limit register counts: percent of `base_W`, or watts. */
  readonly unit: 'pct' | 'W';
  /** What 100 % means: the first of these that says something, W. */
  readonly base_W: readonly PointRef[];
  /** The point that puts the limit into force; absent: the limit always is. */
  readonly enable: { readonly point: PointRef; readonly on: number; readonly off: number } | undefined;
  /** The device's own timer for the limit, s. */
  readonly revert: { readonly point: PointRef; readonly longest_s: number } | undefined;
  /** Window and ramp times, revert values: written before the limit is put into force, where implemented. */
  readonly companions: readonly Companion[];
  /** It is a set point: the device delivers so much, not at most that. */
  readonly setPoint?: boolean;
  /** Step of a floating-point register, or one coarser than the register's own, in the register's unit. */
  readonly smallestStep?: number;
}

/** One point to be written. */
export interface PointWrite {
  readonly point: PointRef;
  readonly words: readonly number[];
  /** In the point's units, for people. */
  readonly value: number;
}

/** A command in registers, in the order of writing; the last one puts the others into force. */
export interface LimitPlan {
  readonly writes: readonly PointWrite[];
  readonly commanded_pct: number;
  readonly step_pct: number;
  readonly raisedToFloor: boolean;
  /** Exponent of the limit's scale factor that the words were made with. */
  readonly exponent: number;
}

export interface LimitRequest {
  /** >= 0 */
  readonly limit_W: number;
  /** What 100 % means, W, > 0. */
  readonly base_W: number;
  readonly floor_pct: number;
  /** Whole seconds. */
  readonly revert_s: number;
}

/** Points that a limit needs to be read: what 100 % means, scale factors, what stands there now. */
export function controlPoints(control: ControlBinding): PointRef[] {
  return [...control.base_W, ...stateOf(control), ...control.companions.map(({ point }) => point)];
}

/** Points that show the limit in force. */
export function stateOf({ limit, enable, revert }: ControlBinding): PointRef[] {
  return [limit, enable?.point, revert?.point].filter((point) => point !== undefined);
}

/** Step of a floating-point limit where nothing else is said, in its unit. */
const FLOAT_STEP = 0.01;

/** @returns the plan, or a refusal when a register's scale is not known. */
export function planLimit(
  control: ControlBinding,
  image: RegisterImage,
  request: LimitRequest,
): LimitPlan | DeviceRefused {
  const exponent = image.exponent(control.limit);
  if (exponent === null) {
    return refused('NO_RATING', `the scale factor of ${control.limit.name} is not implemented`);
  }
  const { base_W, floor_pct } = request;
  // One step of the register is 10^exponent in its unit.
  const perUnit = control.unit === 'pct' ? base_W / 100 : 1;
  const float = control.limit.type === 'float32';
  const step = float
    ? (control.smallestStep ?? FLOAT_STEP)
    : Math.max(scale(1, exponent), control.smallestStep ?? 0);
  const step_W = step * perUnit;
  const limit_W = Math.min(request.limit_W, base_W);
  // The quotient may come out a hair off a whole step, and a float32 a hair above what it stands for; the loop
  // settles both on the safe side.
  const sent = (count: number): number => (float ? Math.fround(count * step) : count * step) * perUnit;
  let steps = Math.floor(limit_W / step_W + 1e-6);
  while (steps > 0 && sent(steps) > limit_W * (1 + 1e-12)) steps--;
  const floorSteps = Math.ceil(((floor_pct / 100) * base_W) / step_W - 1e-6);
  const raisedToFloor = steps < floorSteps;
  steps = Math.max(steps, floorSteps);
  const value = rounded(steps * step);
  const writes = companionWrites(control, image);
  if (control.revert !== undefined && image.raw(control.revert.point) !== null) {
    const { point, longest_s } = control.revert;
    writes.push(pointWrite(image, point, Math.min(longest_s, Math.max(0, Math.floor(request.revert_s)))));
  }
  writes.push(pointWrite(image, control.limit, value));
  if (control.enable !== undefined) {
    writes.push(pointWrite(image, control.enable.point, control.enable.on));
  }
  return {
    writes,
    commanded_pct: rounded((value * perUnit * 100) / base_W),
    step_pct: rounded((step_W * 100) / base_W),
    raisedToFloor,
    exponent,
  };
}

/** What a limit needs beside it, where the device implements it. */
export function companionWrites(control: ControlBinding, image: RegisterImage): PointWrite[] {
  const base_W = image.first(control.base_W);
  return control.companions.flatMap(({ point, value, ofBase = false }) => {
    if (image.raw(point) === null || (ofBase && base_W === null)) return [];
    return [pointWrite(image, point, ofBase ? ((base_W ?? 0) * value) / 100 : value)];
  });
}

function pointWrite(image: RegisterImage, point: PointRef, value: number): PointWrite {
  const raw = point.type === 'float32' ? value : Math.round(scale(value, -(image.exponent(point) ?? 0)));
  return { point, words: wordsOf(point, raw), value };
}

/** Lifts the limit: out of force, or to 100 % where the device has no such switch. */
export function planRelease(control: ControlBinding, image: RegisterImage): PointWrite[] | DeviceRefused {
  if (control.enable !== undefined) {
    const { point, off } = control.enable;
    return [{ point, words: wordsOf(point, off), value: off }];
  }
  const base_W = image.first(control.base_W);
  if (base_W === null) return refused('NO_RATING', 'what 100 % means is not implemented');
  const plan = planLimit(control, image, { limit_W: base_W, base_W, floor_pct: 0, revert_s: 0 });
  return 'outcome' in plan ? plan : [...plan.writes];
}

/** The limit as the registers say it; null when the register is not implemented. */
export function limitState(control: ControlBinding, image: RegisterImage): LimitState | null {
  const value = image.number(control.limit);
  if (value === null) return null;
  const base_W = image.first(control.base_W);
  if (control.unit === 'W' && !base_W) return null;
  const pct = control.unit === 'pct' ? value : rounded((value * 100) / (base_W ?? 1));
  const { enable, revert } = control;
  return {
    pct,
    enabled: enable === undefined ? pct < 100 : image.raw(enable.point) === enable.on,
    revert_s: revert === undefined ? null : image.number(revert.point),
  };
}

export function refused(code: DeviceRefused['code'], reason: string): DeviceRefused {
  return { outcome: 'refused', code, reason };
}

/** Binary fractions of decimal steps, without their last digits. */
function rounded(value: number): number {
  return Math.round(value * 1e9) / 1e9;
}
