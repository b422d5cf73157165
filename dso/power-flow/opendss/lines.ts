/** Lines: the matrices of a line_configuration, per mile, between the phases of a line. */
import type { Phase } from '../power-flow.ts';
import { type Complex, isZero, ZERO } from './complex.ts';
import type { Globals, ObjectReader } from './glm-reader.ts';
import {
  type Cable,
  type Conductor,
  cableCapacitance,
  concentricNeutral,
  neutralRadius_ft,
  overheadCapacitance,
  seriesImpedance,
} from './line-impedance.ts';

export interface LineMatrices {
  readonly impedance_ohm_per_mile: readonly (readonly Complex[])[];
  readonly capacitance_nF_per_mile: readonly (readonly number[])[];
}

/** A conductor position: a phase or the neutral. */
type Position = Phase | 'N';

const CONFIGURATION = /^(conductor_[ABCN]|spacing|z[123][123]|c[123][123])$/;

/** @throws FieldbidError `FEEDER_NOT_TRANSLATED`. */
export function lineMatrices(line: ObjectReader, phases: readonly Phase[], globals: Globals): LineMatrices {
  const configuration = line.named('configuration', 'line_configuration');
  configuration.allowOnly(CONFIGURATION);
  if (['z11', 'z22', 'z33'].some((key) => !isZero(configuration.complex(key, 'Ohm/mile', ZERO)))) {
    return given(configuration, phases, globals);
  }
  const positions: Position[] =
    line.hasPhase('N') && configuration.text('conductor_N') !== undefined ? [...phases, 'N'] : [...phases];
  const spacing =
    configuration.text('spacing') === undefined ? undefined : configuration.named('spacing', 'line_spacing');
  spacing?.allowOnly(/^distance_[ABCN][ABCNE]$/);
  const distance_ft = (a: Position | 'E', b: Position | 'E') =>
    spacing?.number(`distance_${a}${b}`, 'ft', spacing.number(`distance_${b}${a}`, 'ft', 0)) ?? 0;
  return line.kind === 'overhead_line'
    ? overhead(configuration, positions, phases.length, distance_ft, globals)
    : underground(configuration, positions, phases.length, distance_ft, globals);
}

/** Matrices that the model gives as such. */
function given(configuration: ObjectReader, phases: readonly Phase[], globals: Globals): LineMatrices {
  const at = (phase: Phase) => 'ABC'.indexOf(phase) + 1;
  const matrix = <T>(value: (i: number, j: number) => T): T[][] =>
    phases.map((a) => phases.map((b) => value(at(a), at(b))));
  for (const letter of ['z', 'c']) {
    const unequal = ['12', '13', '23'].find((ij) => {
      const [one, other] = [ij, [...ij].reverse().join('')].map((key) => configuration.text(letter + key));
      return one !== other && phases.length > 1;
    });
    // OpenDSS keeps one triangle of a line's matrices.
    if (unequal !== undefined)
      throw configuration.refuse(`${letter}${unequal}, not equal to its mirror image,`);
  }
  return {
    impedance_ohm_per_mile: matrix((i, j) => configuration.complex(`z${i}${j}`, 'Ohm/mile', ZERO)),
    capacitance_nF_per_mile: matrix((i, j) =>
      globals.lineCapacitance ? configuration.number(`c${i}${j}`, 'nF/mile', 0) : 0,
    ),
  };
}

type Distance = (a: Position | 'E', b: Position | 'E') => number;

function overhead(
  configuration: ObjectReader,
  positions: readonly Position[],
  phases: number,
  distance_ft: Distance,
  { frequency_Hz, lineCapacitance }: Globals,
): LineMatrices {
  const conductors = positions.map((position) => {
    const conductor = configuration.named(`conductor_${position}`, 'overhead_line_conductor');
    conductor.allowOnly(/^(geometric_mean_radius|resistance|diameter)$/);
    return {
      gmr_ft: positive(conductor, 'geometric_mean_radius', 'ft'),
      resistance_ohm_per_mile: positive(conductor, 'resistance', 'Ohm/mile'),
      diameter_in: conductor.number('diameter', 'in', 0),
      height_ft: distance_ft(position, 'E'),
    };
  });
  const distance = (i: number, j: number) => distance_ft(positions[i]!, positions[j]!);
  return {
    impedance_ohm_per_mile: seriesImpedance(conductors, phases, distance, frequency_Hz),
    capacitance_nF_per_mile:
      (lineCapacitance ? overheadCapacitance(conductors, phases, distance) : undefined) ?? zeros(phases),
  };
}

const UNDERGROUND =
  /^(outer_diameter|(conductor|neutral)_(gmr|diameter|resistance)|neutral_strands|insulation_relative_permitivitty|shield_(gmr|resistance|thickness|diameter))$/;

function underground(
  configuration: ObjectReader,
  positions: readonly Position[],
  phases: number,
  distance_ft: Distance,
  { frequency_Hz, lineCapacitance }: Globals,
): LineMatrices {
  const readers = positions.map((position) => {
    const conductor = configuration.named(`conductor_${position}`, 'underground_line_conductor');
    conductor.allowOnly(UNDERGROUND);
    if (conductor.number('shield_gmr', 'ft', 0) !== 0) throw conductor.refuse('the tape shield');
    return conductor;
  });
  const cores = readers.map(
    (conductor): Conductor => ({
      gmr_ft: positive(conductor, 'conductor_gmr', 'ft'),
      resistance_ohm_per_mile: positive(conductor, 'conductor_resistance', 'Ohm/mile'),
    }),
  );
  const cables = readers.slice(0, phases).map(cableOf);
  const withNeutral = cables.flatMap((cable, i) => (cable === undefined ? [] : [i]));
  const neutrals = withNeutral.map((i) => concentricNeutral(cables[i]!));
  // Order: phase conductors, then what is grounded: a neutral of its own, and the concentric neutrals.
  const centre = [...positions.keys(), ...withNeutral];
  const distance = (i: number, j: number) => {
    const [a, b] = [centre[i]!, centre[j]!];
    return a === b ? neutralRadius_ft(cables[a]!) : distance_ft(positions[a]!, positions[b]!);
  };
  const capacitance = zeros(phases);
  if (lineCapacitance) {
    for (const i of withNeutral) capacitance[i]![i] = cableCapacitance(cables[i]!);
  }
  return {
    impedance_ohm_per_mile: seriesImpedance([...cores, ...neutrals], phases, distance, frequency_Hz),
    capacitance_nF_per_mile: capacitance,
  };
}

/** @returns undefined for a cable without a concentric neutral. */
function cableOf(conductor: ObjectReader): Cable | undefined {
  const strands = conductor.number('neutral_strands', '', 0);
  const strandGmr_ft = conductor.number('neutral_gmr', 'ft', 0);
  if (strands === 0 || strandGmr_ft === 0) return undefined;
  return {
    outerDiameter_in: positive(conductor, 'outer_diameter', 'in'),
    conductorDiameter_in: positive(conductor, 'conductor_diameter', 'in'),
    strands,
    strandDiameter_in: positive(conductor, 'neutral_diameter', 'in'),
    strandGmr_ft,
    strandResistance_ohm_per_mile: conductor.number('neutral_resistance', 'Ohm/mile', 0),
    permittivity: conductor.number('insulation_relative_permitivitty', '', 1),
  };
}

function positive(object: ObjectReader, key: string, unit: 'ft' | 'in' | 'Ohm/mile'): number {
  const value = object.number(key, unit);
  if (!(value > 0)) throw object.refuse(`${key} ${value}`);
  return value;
}

function zeros(n: number): number[][] {
  return Array.from({ length: n }, () => new Array<number>(n).fill(0));
}
