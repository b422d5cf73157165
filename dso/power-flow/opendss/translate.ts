/** A GLM with its DERs as an OpenDSS circuit, with all that is needed to set cases and to read answers. */
import { FieldbidError, InputError } from '@fieldbid/core/errors';
import { describe } from '../gridlabd/description.ts';
import { placesOf } from '../places.ts';
import type {
  FeederDescription,
  FeederModel,
  LinkDescription,
  NodeDescription,
  Phase,
  VoltageKind,
} from '../power-flow.ts';
import { magnitude, polar } from './complex.ts';
import { GlmReader, type ObjectReader } from './glm-reader.ts';
import { CONFIGURATIONS, isClosed, LINKS } from './links.ts';
import { type LoadChannel, Loads } from './loads.ts';
import { type DssNode, type LinkElement, Network } from './network.ts';

/** A voltage of a solution: between a node and the ground, or another node. */
export interface WatchedVoltage {
  readonly name: string;
  readonly plus: DssNode;
  readonly minus: DssNode;
  readonly nominal_V: number;
}

/** A link whose loading is watched, or that leads away from the swing bus. */
export interface WatchedLink {
  readonly name: string;
  readonly elements: readonly LinkElement[];
}

export interface Translation {
  readonly commands: readonly string[];
  readonly channels: readonly LoadChannel[];
  readonly voltages: readonly WatchedVoltage[];
  readonly rated: readonly (WatchedLink & { readonly kind: 'current' | 'power'; readonly rating: number })[];
  /** With the end (0 from, 1 to) that is at the swing bus. */
  readonly feeding: readonly (WatchedLink & { readonly end: 0 | 1 })[];
  /** All but the engine's name. */
  readonly description: FeederDescription;
}

const NODES = ['node', 'load', 'meter'];
const PAIRS: readonly (readonly [Phase, Phase])[] = [
  ['A', 'B'],
  ['B', 'C'],
  ['C', 'A'],
];
/** Impedance of the source, ohm: none that shows. */
const SOURCE = 'r1=0 x1=1e-8 r0=0 x0=1e-8';
/** Of the nominal voltage, between two iterations: a thousandth of what the engines differ by is enough. */
const TOLERANCE_PU = 1e-8;
const ITERATIONS = 100;

/**
 * @throws FieldbidError `FEEDER_NOT_TRANSLATED` naming object and class of what the translation does not know;
 * `FEEDER_REJECTED`, `ISLANDED_NODE` as the engine of record does.
 * @throws InputError for DERs and ratings that do not fit the model.
 */
export function translate(model: FeederModel, glm: string): Translation {
  const reader = new GlmReader(model.file, glm);
  refuseUnknown(reader);
  checkModel(model, reader.objects);
  const description = describeModel(reader, model);
  const { nodes, swing } = description;
  const live = new Map(nodes.map(({ name, phases }) => [name, phases]));
  const busOf = (name: string) => parentOf(reader, name);
  const network = new Network();
  const source = requireObject(reader, swing);
  network.commands.push('clear', `set defaultbasefrequency=${reader.globals.frequency_Hz}`);
  addSource(network, source);
  for (const link of reader.ofKind(...Object.keys(LINKS))) {
    const [from, to] = [busOf(link.text('from') ?? ''), busOf(link.text('to') ?? '')];
    const phases = link.phases.filter((phase) => [from, to].every((bus) => live.get(bus)?.includes(phase)));
    if (phases.length === 0 || !isClosed(link)) continue;
    LINKS[link.kind]?.(network, { object: link, from, to, phases }, reader.globals);
  }
  const loads = new Loads(network, model.scaledLoads);
  for (const load of reader.ofKind('load')) loads.addLoad(load, busOf(load.name));
  for (const capacitor of reader.ofKind('capacitor')) loads.addCapacitor(capacitor, busOf(capacitor.name));
  const kind = model.voltages ?? 'line-to-neutral';
  for (const der of placesOf(model.ders).representatives) {
    const nominal_V = requireObject(reader, busOf(der.bus)).number('nominal_voltage', 'V');
    loads.addDer(der, busOf(der.bus), nominal_V, kind, model);
  }
  network.commands.push(
    `set tolerance=${TOLERANCE_PU}`,
    `set maxiterations=${ITERATIONS}`,
    'set controlmode=off',
    'set mode=snapshot',
  );
  const voltages = watchedVoltages(network, nodes, kind);
  const elementsOf = (name: string) => ({ name, elements: network.links.get(name) ?? [] });
  const feeding = [...network.links.keys()].flatMap((name): Translation['feeding'] => {
    const link = requireObject(reader, name);
    if (busOf(link.text('from') ?? '') === swing) return [{ ...elementsOf(name), end: 0 }];
    return busOf(link.text('to') ?? '') === swing ? [{ ...elementsOf(name), end: 1 }] : [];
  });
  return {
    commands: network.commands,
    channels: loads.channels,
    voltages,
    rated: [...(model.ratings ?? [])].map(([name, rating]) => ({ ...elementsOf(name), ...rating })),
    feeding,
    description: { ...description, nodePhases: voltages.map(({ name }) => name) },
  };
}

function refuseUnknown(reader: GlmReader): void {
  const known = [...Object.keys(LINKS), ...CONFIGURATIONS, ...NODES, 'capacitor'];
  for (const object of reader.objects.values()) {
    if (!known.includes(object.kind)) throw object.refuse('the class');
    if (object.kind === 'capacitor' && object.text('parent') === undefined) {
      throw object.refuse('the place (a child of no node)');
    }
    const bustype = object.text('bustype') ?? 'PQ';
    if (!['PQ', 'SWING'].includes(bustype)) throw object.refuse(`bustype ${bustype}`);
    if (object.kind === 'node' || object.kind === 'meter') object.allowOnly(/^(parent|voltage_[ABC])$/);
  }
}

/** The model as the engine of record describes it, with nodes and links in the same order. */
function describeModel(reader: GlmReader, model: FeederModel): FeederDescription {
  const here = reader.ofKind(...NODES).filter((node) => node.text('parent') === undefined);
  const nodes: NodeDescription[] = here.map((node) => {
    const nominal_V = node.number('nominal_voltage', 'V');
    if (!(nominal_V > 0)) throw node.refuse(`nominal_voltage ${nominal_V}`);
    return { name: node.name, phases: node.phases, nominal_V };
  });
  const links: LinkDescription[] = reader.ofKind(...Object.keys(LINKS)).map((link) => {
    if (link.phases.length === 0) throw link.refuse('phases');
    const [from, to] = (['from', 'to'] as const).map((end) => link.named(end, ...NODES, 'capacitor').name);
    return { name: link.name, from: from!, to: to!, phases: link.phases, closed: isClosed(link) };
  });
  const objects = new Map([...reader.objects].map(([name, { glm }]) => [name, glm]));
  const swing = here.filter((node) => node.text('bustype') === 'SWING').map(({ name }) => name);
  return describe(
    { ok: true, engine: 'opendss', nodes, links, swing, remarks: heldControls(reader) },
    objects,
    model,
  );
}

function heldControls(reader: GlmReader): string[] {
  const held = (kind: string, key: string, free: readonly string[]) =>
    reader.ofKind(kind).flatMap((object) => {
      const was = object.text(key) ?? 'MANUAL';
      return free.includes(was)
        ? []
        : [`${kind} ${object.name} is held as the model sets it (was ${was}, now MANUAL)`];
    });
  return [
    ...held('regulator_configuration', 'Control', ['MANUAL']),
    ...held('capacitor', 'control', ['MANUAL', 'NONE']),
  ];
}

/** An ideal source: one voltage per phase, as the swing bus gives them. */
function addSource(network: Network, swing: ObjectReader): void {
  const nominal_V = swing.number('nominal_voltage', 'V');
  swing.phases.forEach((phase, i) => {
    const voltage = swing.complex(
      `voltage_${phase}`,
      'V',
      polar(nominal_V, { A: 0, B: -120, C: 120 }[phase]),
    );
    const angle_deg = (Math.atan2(voltage.im, voltage.re) * 180) / Math.PI;
    network.commands.push(
      `new ${i === 0 ? 'circuit.feeder' : `vsource.${phase.toLowerCase()}`} bus1=${network.terminal(swing.name, [phase])} phases=1 ` +
        `basekv=${magnitude(voltage) / 1000} pu=1 angle=${angle_deg} ${SOURCE}`,
    );
  });
}

function watchedVoltages(
  network: Network,
  nodes: readonly NodeDescription[],
  kind: VoltageKind,
): WatchedVoltage[] {
  return nodes.flatMap(({ name, phases, nominal_V }): WatchedVoltage[] => {
    if (kind === 'line-to-neutral') {
      return phases.map((phase) => ({
        name: `${name}.${phase}`,
        plus: network.node(name, phase),
        minus: '0',
        nominal_V,
      }));
    }
    return PAIRS.filter((pair) => pair.every((phase) => phases.includes(phase))).map(([plus, minus]) => ({
      name: `${name}.${plus}${minus}`,
      plus: network.node(name, plus),
      minus: network.node(name, minus),
      nominal_V: nominal_V * Math.sqrt(3),
    }));
  });
}

/** The node that an object is at: itself, or what its parents lead to. */
function parentOf(reader: GlmReader, name: string): string {
  let object = requireObject(reader, name);
  for (let depth = 0; object.text('parent') !== undefined; depth++) {
    if (depth > reader.objects.size) throw object.refuse('a parent that is its own child');
    object = object.named('parent', ...NODES, 'capacitor');
  }
  return object.name;
}

function requireObject(reader: GlmReader, name: string): ObjectReader {
  const object = reader.objects.get(name);
  if (object === undefined)
    throw new FieldbidError('FEEDER_REJECTED', `${reader.file} has no object ${name}`);
  return object;
}

/** @throws InputError for a DER on a bus or phase that the model has not, or a scaled load that it has not. */
function checkModel(model: FeederModel, objects: ReadonlyMap<string, ObjectReader>): void {
  const wrong = (path: string, found: string, expected: string) =>
    new InputError({ source: model.file, path, found, expected });
  for (const { derId, bus, phases } of model.ders) {
    const has = objects.get(bus)?.phases;
    if (has !== undefined && phases.every((phase) => has.includes(phase))) continue;
    const expected = has === undefined ? 'a bus of the model' : `phases among ${has.join('')}`;
    throw wrong(`/ders/${derId}`, `bus ${bus}, phases ${phases.join('')}`, expected);
  }
  for (const load of model.scaledLoads) {
    if (!objects.has(load)) throw wrong(`/loads/${load}`, 'no such object', 'a load of the model');
  }
}
