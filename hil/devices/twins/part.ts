/**
 * A simulated device is made of parts, as a SunSpec device is made of models: each part shows something of the
 * present in its registers, says what may be written there, and passes on to the physics what was.
 */
import type { InverterPhysics } from '../inverter-physics.ts';
import type { ModelContent, RegisterMap } from '../register-map.ts';

/** What stays as it is for the life of a device. */
export interface Nameplate {
  readonly manufacturer: string;
  readonly model: string;
  readonly version: string;
  readonly serial: string;
  readonly rating_W: number;
  /** Line to neutral, V. */
  readonly nominal_V: number;
  readonly nominal_Hz: number;
  /** Number of phases, 1 or 3. */
  readonly phases: 1 | 3;
  /** Modbus unit id, model 1 DA. */
  readonly unit: number;
}

/** What the registers shall show. */
export interface Present {
  readonly plate: Nameplate;
  readonly physics: InverterPhysics;
  /** Line to neutral, one per phase, V. */
  readonly voltages_V: readonly number[];
}

/** Raw values that a writable point takes; null: none but "not implemented". */
export type Range = readonly [least: number, most: number] | null;

export interface Part {
  readonly models: readonly ModelContent[];
  /** Puts the present into the registers. */
  show(map: RegisterMap, present: Present): void;
  /** By `model.point`: what may be written there. Points not listed are not taken. */
  readonly takes?: Readonly<Record<string, Range>>;
  /** Passes on what was written. @param names `model.point` of the points that were. */
  obey?(map: RegisterMap, names: readonly string[], physics: InverterPhysics): void;
}

/** The smallest exponent, from `finest` on, with which `largest` fits into an int16. */
export function exponentFor(largest: number, finest = 0): number {
  let exponent = finest;
  while (largest / 10 ** exponent > 32_000) exponent++;
  return exponent;
}

/** Smallest step of power in the registers, W. */
export function powerStep_W(rating_W: number): number {
  return 10 ** powerExponent(rating_W);
}

/** Exponent of every register that holds power. */
export function powerExponent(rating_W: number): number {
  return exponentFor(1.25 * rating_W);
}
