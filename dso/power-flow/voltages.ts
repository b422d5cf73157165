/** Which voltages of a bus are watched, and between which lines a DER is connected there. */
import type { Phase, VoltageKind } from './power-flow.ts';

/** A voltage of a bus: to neutral (`A`), or between two lines in the direction of rotation. */
export type VoltageName = Phase | LinePair;
export type LinePair = 'AB' | 'BC' | 'CA';

/**
 * The voltages of a bus that has these phases. A single phase has no line to compare with: it keeps its own
 * voltage, to neutral.
 */
export function monitoredVoltages(phases: readonly Phase[], kind: VoltageKind): VoltageName[] {
  return kind === 'line-to-line' && phases.length > 1 ? linePairs(phases) : [...phases];
}

/** AB, BC and CA, as far as both of their lines are there. */
export function linePairs(phases: readonly Phase[]): LinePair[] {
  return (['AB', 'BC', 'CA'] as const).filter((pair) =>
    [...pair].every((phase) => phases.includes(phase as Phase)),
  );
}
