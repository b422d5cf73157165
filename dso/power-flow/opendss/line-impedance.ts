/**
 * Series impedance and shunt capacitance of overhead lines and of cables with concentric neutrals, out of
 * conductors and their spacing, as GridLAB-D computes them.
 * @see W. H. Kersting, Distribution System Modeling and Analysis, ch. 4 (modified Carson equations, Kron
 * reduction) and ch. 5 (potential coefficients, concentric neutral).
 */
import { type Complex, complex, inverse, kron } from './complex.ts';

/** Values of GridLAB-D, in the units of its properties: another rounding here would be a gap between engines. */
const EARTH_RESISTIVITY_OHM_M = 100;
const CARSON_RESISTANCE_OHM_PER_MILE_HZ = 0.00158836;
const CARSON_REACTANCE_OHM_PER_MILE_HZ = 0.00202237;
const CARSON_CONSTANT = 7.6786;
const PERMITTIVITY_AIR_UF_PER_MILE = 0.01424;
const PERMITTIVITY_FREE_UF_PER_MILE = 0.0142;

/** A conductor of its own, or all strands of a concentric neutral together. */
export interface Conductor {
  readonly gmr_ft: number;
  readonly resistance_ohm_per_mile: number;
}

/**
 * Impedance per mile between the phases, all other conductors grounded.
 * @param phases how many of the conductors, from the first, are phases.
 * @param distance_ft between two conductors; 0 where they are not coupled.
 */
export function seriesImpedance(
  conductors: readonly Conductor[],
  phases: number,
  distance_ft: (i: number, j: number) => number,
  frequency_Hz: number,
): Complex[][] {
  const earth_ohm = CARSON_RESISTANCE_OHM_PER_MILE_HZ * frequency_Hz;
  const depth = Math.log(EARTH_RESISTIVITY_OHM_M / frequency_Hz) / 2 + CARSON_CONSTANT;
  const reactance = (ft: number) => CARSON_REACTANCE_OHM_PER_MILE_HZ * frequency_Hz * (depth - Math.log(ft));
  const primitive = conductors.map(({ gmr_ft, resistance_ohm_per_mile }, i) =>
    conductors.map((_, j) => {
      if (i === j) return complex(resistance_ohm_per_mile + earth_ohm, reactance(gmr_ft));
      const ft = distance_ft(i, j);
      return ft > 0 ? complex(earth_ohm, reactance(ft)) : complex(0);
    }),
  );
  return kron(primitive, phases);
}

/** An overhead conductor above ground. */
export interface Suspended {
  readonly diameter_in: number;
  readonly height_ft: number;
}

/**
 * Capacitance matrix of an overhead line, nF per mile.
 * @param phases, distance_ft as in `seriesImpedance`.
 * @returns undefined where a height or diameter is missing: GridLAB-D then leaves it out.
 */
export function overheadCapacitance(
  conductors: readonly Suspended[],
  phases: number,
  distance_ft: (i: number, j: number) => number,
): number[][] | undefined {
  if (!conductors.every(({ diameter_in, height_ft }) => diameter_in > 0 && height_ft > 0)) return undefined;
  const coefficient = 1 / (2 * Math.PI * PERMITTIVITY_AIR_UF_PER_MILE);
  const potential = conductors.map((a, i) =>
    conductors.map((b, j) => {
      if (i === j) return complex(coefficient * Math.log((2 * a.height_ft) / (a.diameter_in / 24)));
      const ft = distance_ft(i, j);
      if (!(ft > 0)) return complex(0);
      // The image of b lies as deep below ground as b hangs above it.
      const image_ft = Math.sqrt(ft * ft + 4 * a.height_ft * b.height_ft);
      return complex(coefficient * Math.log(image_ft / ft));
    }),
  );
  return inverse(kron(potential, phases)).map((row) => row.map(({ re }) => re * 1000));
}

/** A cable with its phase conductor and the strands of a concentric neutral around it. */
export interface Cable {
  readonly outerDiameter_in: number;
  readonly conductorDiameter_in: number;
  readonly strands: number;
  readonly strandDiameter_in: number;
  readonly strandGmr_ft: number;
  readonly strandResistance_ohm_per_mile: number;
  readonly permittivity: number;
}

/** Radius of the circle that the strands lie on, ft. */
export function neutralRadius_ft(cable: Cable): number {
  return (cable.outerDiameter_in - cable.strandDiameter_in) / 24;
}

/** All strands of a neutral as one conductor. */
export function concentricNeutral(cable: Cable): Conductor {
  const { strands, strandGmr_ft, strandResistance_ohm_per_mile } = cable;
  return {
    gmr_ft: (strandGmr_ft * strands * neutralRadius_ft(cable) ** (strands - 1)) ** (1 / strands),
    resistance_ohm_per_mile: strandResistance_ohm_per_mile / strands,
  };
}

/** Between a cable's conductor and its neutral, nF per mile. */
export function cableCapacitance(cable: Cable): number {
  const { strands } = cable;
  const ring = neutralRadius_ft(cable);
  const strand = (1 / strands) * Math.log((strands * (cable.strandDiameter_in / 24)) / ring);
  const gap = Math.log(ring / (cable.conductorDiameter_in / 24)) - strand;
  return (2 * Math.PI * PERMITTIVITY_FREE_UF_PER_MILE * cable.permittivity * 1000) / gap;
}
