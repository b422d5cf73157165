/**
 * What may be sent to a grid emulator (pure): inside the limits, and never more than a step from where the output is.
 * Whole steps of the setpoint's resolution, rounded so that both still hold.
 */
import type { EmulatorLimits } from './section.ts';

export interface Range {
  /** Lowest and highest setpoint, V. */
  readonly least_V: number;
  readonly most_V: number;
  /** Largest change, V. */
  readonly step_V: number;
  readonly resolution_V: number;
}

/** @param resolution_V smallest step of a setpoint; 0: it has none. @throws RangeError when a step is finer than that. */
export function rangeOf(
  { low_pu, high_pu, step_pu }: Pick<EmulatorLimits, 'low_pu' | 'high_pu' | 'step_pu'>,
  nominal_V: number,
  resolution_V: number,
): Range {
  const step_V = step_pu * nominal_V;
  if (step_V < 2 * resolution_V) {
    throw new RangeError(`steps of ${step_V} V, where a setpoint has steps of ${resolution_V} V`);
  }
  return {
    least_V: onGrid(low_pu * nominal_V, resolution_V, Math.ceil),
    most_V: onGrid(high_pu * nominal_V, resolution_V, Math.floor),
    step_V,
    resolution_V,
  };
}

/** The setpoint nearest to what is wanted. @param wanted_V finite. */
export function setpointFor(wanted_V: number, { least_V, most_V, resolution_V }: Range): number {
  return Math.min(most_V, Math.max(least_V, onGrid(wanted_V, resolution_V, Math.round)));
}

/** The next setpoint on the way. @param output_V where the output is. @param goal_V as `setpointFor` gives it. */
export function nextSetpoint(output_V: number, goal_V: number, range: Range): number {
  const { least_V, most_V, step_V, resolution_V } = range;
  const change_V = goal_V - output_V;
  if (Math.abs(change_V) <= step_V) return goal_V;
  const far_V = output_V + Math.sign(change_V) * step_V;
  // Towards the output: the step stays one.
  const next_V = onGrid(far_V, resolution_V, change_V > 0 ? Math.floor : Math.ceil);
  return Math.min(most_V, Math.max(least_V, next_V));
}

/** A share of a step by which a quotient may miss a whole number, as floating-point numbers do. */
const HAIR = 1e-9;

function onGrid(value_V: number, resolution_V: number, round: (steps: number) => number): number {
  if (resolution_V === 0) return value_V;
  const steps = value_V / resolution_V;
  const whole = Math.round(steps);
  const chosen = Math.abs(steps - whole) < HAIR * Math.max(1, whole) ? whole : round(steps);
  return Number((chosen * resolution_V).toPrecision(12));
}
