/** Lines, switches, fuses, reactors, transformers and regulators as OpenDSS elements. */
import type { Phase } from '../power-flow.ts';
import { type Complex, complex } from './complex.ts';
import type { Globals, ObjectReader } from './glm-reader.ts';
import { lineMatrices } from './lines.ts';
import { type Network, triangle } from './network.ts';

const FEET_PER_MILE = 5280;

/** A link with the names of the nodes that it joins (never a child: its parent) and the phases that live at both. */
export interface LinkPlace {
  readonly object: ObjectReader;
  readonly from: string;
  readonly to: string;
  readonly phases: readonly Phase[];
}

type Translate = (network: Network, place: LinkPlace, globals: Globals) => void;

/** In the order in which GridLAB-D's links are described. */
export const LINKS: Readonly<Record<string, Translate>> = {
  overhead_line: line,
  underground_line: line,
  transformer,
  regulator,
  switch: closedSwitch,
  fuse: closedSwitch,
  recloser: closedSwitch,
  sectionalizer: closedSwitch,
  series_reactor: seriesReactor,
};

/** What is no link and read by way of one. */
export const CONFIGURATIONS = [
  'line_configuration',
  'line_spacing',
  'overhead_line_conductor',
  'underground_line_conductor',
  'transformer_configuration',
  'regulator_configuration',
];

const SWITCHES = ['switch', 'fuse', 'recloser', 'sectionalizer'];

const CLOSED: Readonly<Record<string, boolean>> = { CLOSED: true, GOOD: true, OPEN: false, BLOWN: false };

export function isClosed(link: ObjectReader): boolean {
  if (!SWITCHES.includes(link.kind)) return true;
  const keys = [
    'status',
    ...link.phases.flatMap((phase) => [`phase_${phase}_state`, `phase_${phase}_status`]),
  ];
  const told = keys.map((key) => link.text(key)).filter((state) => state !== undefined);
  const states = new Set(told.map((state) => CLOSED[state]));
  if (states.has(undefined) || states.size > 1) throw link.refuse(`the state (${told.join(', ')})`);
  return !states.has(false);
}

function line(network: Network, { object, from, to, phases }: LinkPlace, globals: Globals): void {
  object.allowOnly(/^(from|to|configuration|length)$/);
  const { impedance_ohm_per_mile, capacitance_nF_per_mile } = lineMatrices(object, phases, globals);
  const miles = object.number('length', 'ft') / FEET_PER_MILE;
  if (!(miles > 0)) throw object.refuse(`length ${object.text('length')}`);
  series(
    network,
    { object, from, to, phases },
    impedance_ohm_per_mile.map((row) => row.map(({ re, im }) => complex(re * miles, im * miles))),
    capacitance_nF_per_mile.map((row) => row.map((value) => value * miles)),
  );
}

function closedSwitch(network: Network, place: LinkPlace, { resistance_ohm }: Globals): void {
  place.object.allowOnly(
    /^(from|to|status|phase_[ABC]_(state|status)|operating_mode|current_limit|mean_replacement_time)$/,
  );
  // GridLAB-D gives a closed switch a negative reactance as well, and a fuse half of both: no matter what it
  // means, with it the engines are ten times closer to each other behind a switch.
  const ohm = place.object.kind === 'fuse' ? resistance_ohm / 2 : resistance_ohm;
  diagonal(network, place, () => complex(ohm, -ohm));
}

function seriesReactor(network: Network, place: LinkPlace): void {
  const { object } = place;
  object.allowOnly(/^(from|to|phase_[ABC]_(impedance|resistance|reactance)|rated_current_limit)$/);
  diagonal(network, place, (phase) => {
    const both = object.complex(`phase_${phase}_impedance`, 'Ohm', complex(0));
    const r = object.number(`phase_${phase}_resistance`, 'Ohm', both.re);
    const x = object.number(`phase_${phase}_reactance`, 'Ohm', both.im);
    if (r === 0 && x === 0) throw object.refuse(`no impedance on phase ${phase}`);
    return complex(r, x);
  });
}

function diagonal(network: Network, place: LinkPlace, impedance: (phase: Phase) => Complex): void {
  const { phases } = place;
  const rows = phases.map((a) => phases.map((b) => (a === b ? impedance(a) : complex(0))));
  series(
    network,
    place,
    rows,
    rows.map((row) => row.map(() => 0)),
  );
}

function series(
  network: Network,
  { object, from, to, phases }: LinkPlace,
  impedance_ohm: readonly (readonly Complex[])[],
  capacitance_nF: readonly (readonly number[])[],
): void {
  network.addLink(
    object.name,
    'line',
    [phases.map((phase) => network.node(from, phase)), phases.map((phase) => network.node(to, phase))],
    [
      `bus1=${network.terminal(from, phases)} bus2=${network.terminal(to, phases)} phases=${phases.length}`,
      `rmatrix=${triangle(impedance_ohm.map((row) => row.map(({ re }) => re)))}`,
      `xmatrix=${triangle(impedance_ohm.map((row) => row.map(({ im }) => im)))}`,
      `cmatrix=${triangle(capacitance_nF)} length=1 units=none`,
    ].join(' '),
  );
}

const CONNECTIONS: Readonly<Record<string, 'WYE' | 'DELTA_GWYE'>> = {
  WYE_WYE: 'WYE',
  1: 'WYE',
  // GridLAB-D's Newton-Raphson solver has one impedance per phase for this too. Between lines it is the same;
  // to ground a true delta winding would leave the voltages undefined.
  DELTA_DELTA: 'WYE',
  2: 'WYE',
  SINGLE_PHASE: 'WYE',
  4: 'WYE',
  DELTA_GWYE: 'DELTA_GWYE',
  3: 'DELTA_GWYE',
};

const TRANSFORMER_CONFIGURATION =
  /^(connect_type|install_type|coolant_type|cooling_type|primary_voltage|secondary_voltage|power[ABC]?_rating|resistance|reactance|impedance)$/;

/** One single-phase transformer per phase: all that its windings have to fit are ratio and impedance. */
function transformer(network: Network, place: LinkPlace): void {
  const { object, from, to, phases } = place;
  object.allowOnly(/^(from|to|configuration)$/);
  const configuration = object.named('configuration', 'transformer_configuration');
  configuration.allowOnly(TRANSFORMER_CONFIGURATION);
  const connection = CONNECTIONS[configuration.text('connect_type') ?? ''];
  if (connection === undefined)
    throw configuration.refuse(`connect_type ${configuration.text('connect_type')}`);
  const primary_kV = configuration.number('primary_voltage', 'V') / 1000;
  const secondary_kV = configuration.number('secondary_voltage', 'V') / 1000;
  const rating_kVA = configuration.number('power_rating', 'kVA');
  const both = configuration.complex('impedance', 'pu*Ohm', complex(0));
  const r = configuration.number('resistance', 'pu*Ohm', both.re);
  const x = configuration.number('reactance', 'pu*Ohm', both.im);
  if (!(primary_kV > 0 && secondary_kV > 0 && rating_kVA > 0 && x > 0)) {
    throw configuration.refuse('a voltage, rating or reactance that is not above zero');
  }
  if (connection === 'DELTA_GWYE' && phases.length < 3)
    throw object.refuse('a delta winding on fewer than three phases');
  for (const phase of phases) {
    const winding = connection === 'WYE' ? undefined : deltaPartner(phase, primary_kV > secondary_kV);
    const high = winding === undefined ? '0' : network.node(from, winding);
    const ends = [
      [network.node(from, phase), high],
      [network.node(to, phase), '0'],
    ] as const;
    const conductors =
      winding === undefined
        ? `${network.terminal(from, [phase])}.0`
        : network.terminal(from, [phase, winding]);
    // Volts of the windings: against ground both are 1/√3 of the rated ones, and the ratio stays what it is.
    const low_kV = winding === undefined ? secondary_kV : secondary_kV / Math.sqrt(3);
    const winding_kVA = winding === undefined ? rating_kVA : rating_kVA / 3;
    network.addLink(
      object.name,
      'transformer',
      ends,
      `phases=1 windings=2 buses=(${conductors} ${network.terminal(to, [phase])}.0) conns=(${winding === undefined ? 'wye' : 'delta'} wye) ` +
        `kvs=(${primary_kV} ${low_kV}) kvas=(${winding_kVA} ${winding_kVA}) %rs=(${r * 50} ${r * 50}) xhl=${x * 100} ppm_antifloat=0`,
    );
  }
}

/** The phase at a delta winding's other end: the low side lags by 30 degrees. */
function deltaPartner(phase: Phase, stepDown: boolean): Phase {
  const next: Record<Phase, Phase> = { A: 'B', B: 'C', C: 'A' };
  return stepDown ? next[next[phase]] : next[phase];
}

const REGULATOR_CONFIGURATION =
  /^(connect_type|band_center|band_width|time_delay|dwell_time|raise_taps|lower_taps|current_transducer_ratio|power_transducer_ratio|compensator_[rx]_setting_[ABC]|CT_phase|PT_phase|regulation|control_level|Control|reverse_flow_control|Type|tap_pos_[ABC])$/;
/** Base on which one percent of a 1 kV, 1 MVA winding is 0.01 ohm. */
const REGULATOR_BASE = 'kvas=(1000 1000)';

/** A regulator stands at its taps; what control it has is said by `controlRemarks`. */
function regulator(
  network: Network,
  { object, from, to, phases }: LinkPlace,
  { resistance_ohm }: Globals,
): void {
  object.allowOnly(/^(from|to|configuration|sense_node|tap_[ABC])$/);
  const configuration = object.named('configuration', 'regulator_configuration');
  configuration.allowOnly(REGULATOR_CONFIGURATION);
  const connection = configuration.text('connect_type') ?? '';
  if (!['1', 'WYE_WYE'].includes(connection)) throw configuration.refuse(`connect_type ${connection}`);
  const type = configuration.text('Type') ?? '';
  if (!['A', 'B'].includes(type)) throw configuration.refuse(`Type ${type}`);
  const step = configuration.number('regulation', '') / configuration.number('raise_taps', '');
  for (const phase of phases) {
    const tap = object.number(`tap_${phase}`, '', configuration.number(`tap_pos_${phase}`, '', 0));
    const ratio = type === 'A' ? 1 + tap * step : 1 / (1 - tap * step);
    if (!(ratio > 0.5 && ratio < 2)) throw object.refuse(`a ratio of ${ratio}`);
    const percent = (resistance_ohm * 100) / (ratio * ratio);
    const properties =
      `phases=1 windings=2 buses=(${network.terminal(from, [phase])}.0 ${network.terminal(to, [phase])}.0) conns=(wye wye) ` +
      `kvs=(1 ${ratio}) ${REGULATOR_BASE} %rs=(0 ${percent}) xhl=1e-7 ppm_antifloat=0`;
    network.addLink(
      object.name,
      'transformer',
      [
        [network.node(from, phase), '0'],
        [network.node(to, phase), '0'],
      ],
      properties,
    );
  }
}
