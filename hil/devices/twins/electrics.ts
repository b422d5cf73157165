/** Currents, DC side and temperatures that hang together with a device's power and voltages. */
import type { Present } from './part.ts';

export const EFFICIENCY = 0.97;
/** A PV string sags under load. */
const IDLE_DC_V = 680;
export const FULL_LOAD_DC_V = 600;
/** An inverter limits its current when the grid's voltage collapses, share of the rated one. */
export const LARGEST_CURRENT = 1.2;
const AMBIENT_C = 25;
/** Cabinet above ambient at full load, K; the heat sink gets warmer. */
const CABINET_RISE_K = 18;
const SINK_RISE_K = 32;

export interface Electrics {
  /** A, one per phase. */
  readonly currents_A: readonly number[];
  /** Line to line: AB, BC, CA; empty for a single phase. */
  readonly lines_V: readonly number[];
  readonly dc_W: number;
  readonly dc_V: number;
  readonly cabinet_C: number;
  readonly sink_C: number;
}

export function electricsOf({ plate, physics, voltages_V }: Present): Electrics {
  const { power_W, state } = physics;
  const load = power_W / plate.rating_W;
  const most_A = (LARGEST_CURRENT * plate.rating_W) / plate.phases / plate.nominal_V;
  const [a = 0, b = 0, c = 0] = voltages_V;
  return {
    currents_A: voltages_V.map((volts) => (volts > 0 ? Math.min(most_A, power_W / plate.phases / volts) : 0)),
    lines_V: plate.phases === 3 ? [lineToLine(a, b), lineToLine(b, c), lineToLine(c, a)] : [],
    dc_W: power_W / EFFICIENCY,
    dc_V: state === 'SLEEPING' ? 0 : IDLE_DC_V + (FULL_LOAD_DC_V - IDLE_DC_V) * load,
    cabinet_C: AMBIENT_C + CABINET_RISE_K * load,
    sink_C: AMBIENT_C + SINK_RISE_K * load,
  };
}

/** Phasors 120 degrees apart. */
function lineToLine(a_V: number, b_V: number): number {
  return Math.sqrt(a_V * a_V + b_V * b_V + a_V * b_V);
}
