/** Loads, capacitors and DERs as OpenDSS loads: one for each phase (or pair of phases) and each load model. */
import { InputError } from '@fieldbid/core/errors';
import type { Channel } from '../gridlabd/channels.ts';
import type { DerConnection, FeederModel, Phase, VoltageKind } from '../power-flow.ts';
import { type Complex, complex, conjugate, divide, isZero, multiply, polar } from './complex.ts';
import type { ObjectReader } from './glm-reader.ts';
import type { Network } from './network.ts';

/** A load whose power a case sets. */
export interface LoadChannel extends Channel {
  /** Place of its OpenDSS load among all, from 1. */
  readonly index: number;
  /** The model's own power, VA. */
  readonly own: Complex;
}

/** Where a load's power goes: a phase and the ground, or two phases. */
type Terminals = readonly [Phase] | readonly [Phase, Phase];

const PAIR: Readonly<Record<Phase, readonly [Phase, Phase]>> = {
  A: ['A', 'B'],
  B: ['B', 'C'],
  C: ['C', 'A'],
};
/** Angles that a GLM's constant currents refer to, degrees. */
const ANGLE_DEG: Readonly<Record<string, number>> = { A: 0, B: -120, C: 120, AB: 30, BC: -90, CA: 150 };
/** OpenDSS's numbers for what stays constant. */
const MODELS = { power: 1, impedance: 2, current: 5 } as const;
type Model = keyof typeof MODELS;
/** A load keeps its model at any voltage: OpenDSS would make it an impedance outside 0.95 … 1.05 pu. */
const AT_ANY_VOLTAGE = 'vminpu=0.01 vlowpu=0.005 vmaxpu=100';

export class Loads {
  readonly channels: LoadChannel[] = [];
  readonly #network: Network;
  readonly #scaled: ReadonlySet<string>;
  #count = 0;

  constructor(network: Network, scaledLoads: readonly string[]) {
    this.#network = network;
    this.#scaled = new Set(scaledLoads);
  }

  /** @param bus name of the node that it is at: its parent, where it is a child. */
  addLoad(load: ObjectReader, bus: string): void {
    load.allowOnly(
      /^(parent|voltage_[ABC]|constant_(power|current|impedance)_([ABC]|[ABC]N|AB|BC|CA)|load_class)$/,
    );
    const nominal_V = load.number('nominal_voltage', 'V');
    for (const key of load.keys) {
      const [, model, at] = /^constant_(power|current|impedance)_([ABCN]+)$/.exec(key) ?? [];
      if (model === undefined || at === undefined) continue;
      const unit = ({ power: 'VA', current: 'A', impedance: 'Ohm' } as const)[model as Model];
      const value = load.complex(key, unit);
      if (isZero(value)) continue;
      const terminals = terminalsOf(load, at);
      const volts = terminals.length === 2 ? nominal_V * Math.sqrt(3) : nominal_V;
      const own = powerAt(volts, ANGLE_DEG[terminals.join('')] ?? 0, model as Model, value);
      const index = this.#add(bus, terminals, volts, model as Model, own);
      // As power, whatever its model: at a factor of two it takes twice of it at any voltage.
      if (this.#scaled.has(load.name)) {
        this.channels.push({
          index,
          own,
          object: load.name,
          property: key,
          kind: 'power',
          owner: load.name,
          share: 1,
        });
      }
    }
  }

  /** Its switches stand as the model has them. */
  addCapacitor(capacitor: ObjectReader, bus: string): void {
    capacitor.allowOnly(CAPACITOR);
    const nominal_V = capacitor.number('cap_nominal_voltage', 'V', capacitor.number('nominal_voltage', 'V'));
    const connected = capacitor.text('phases_connected') ?? capacitor.text('phases') ?? '';
    for (const phase of ['A', 'B', 'C'] as const) {
      const rated_var = capacitor.number(`capacitor_${phase}`, 'VAr', 0);
      const closed = capacitor.text(`switch${phase}`) ?? 'OPEN';
      if (!['OPEN', 'CLOSED'].includes(closed)) throw capacitor.refuse(`switch${phase} ${closed}`);
      if (rated_var === 0 || closed === 'OPEN' || !connected.includes(phase)) continue;
      const terminals = connected.includes('D') ? PAIR[phase] : ([phase] as const);
      this.#add(bus, terminals, nominal_V, 'impedance', complex(0, -rated_var));
    }
  }

  /** A DER, or all that are connected where it is, is a load of negative constant power. */
  addDer(
    der: DerConnection,
    bus: string,
    nominal_V: number,
    voltages: VoltageKind,
    model: FeederModel,
  ): void {
    const places: Terminals[] =
      voltages === 'line-to-neutral' ? der.phases.map((phase) => [phase] as const) : pairsOf(der, model);
    const volts = voltages === 'line-to-neutral' ? nominal_V : nominal_V * Math.sqrt(3);
    for (const terminals of places) {
      const index = this.#add(bus, terminals, volts, 'power', complex(0));
      this.channels.push({
        index,
        own: complex(0),
        object: der.derId,
        property: terminals.join(''),
        kind: 'der',
        owner: der.derId,
        share: 1 / places.length,
      });
    }
  }

  #add(bus: string, terminals: Terminals, volts: number, model: Model, power: Complex): number {
    this.#network.add(
      'load',
      `bus1=${this.#network.terminal(bus, terminals)} phases=1 conn=${terminals.length === 2 ? 'delta' : 'wye'} ` +
        `kv=${volts / 1000} kw=${power.re / 1000} kvar=${power.im / 1000} model=${MODELS[model]} ${AT_ANY_VOLTAGE}`,
    );
    return ++this.#count;
  }
}

const CAPACITOR =
  /^(parent|voltage_[ABC]|phases_connected|pt_phase|capacitor_[ABC]|switch[ABC]|control|control_level|cap_nominal_voltage|voltage_set_(high|low)|VAr_set_(high|low)|current_set_(high|low)|time_delay|dwell_time|lockout_time|remote_sense|remote_sense_B)$/;

/** `A` is phase A to ground, or A to B where the load is delta-connected; `AN` and `AB` say which. */
function terminalsOf(load: ObjectReader, at: string): Terminals {
  const phase = at[0] as Phase;
  const delta = at.length === 1 ? load.hasPhase('D') : at[1] !== 'N';
  const terminals: Terminals = delta ? PAIR[phase] : [phase];
  const lacking = terminals.find((one) => !load.phases.includes(one));
  if (lacking !== undefined) throw load.refuse(`a load at ${at} without phase ${lacking}`);
  return terminals;
}

/** Power that a load takes at its nominal voltage, VA. */
function powerAt(volts: number, angle_deg: number, model: Model, value: Complex): Complex {
  if (model === 'power') return value;
  if (model === 'current') return multiply(polar(volts, angle_deg), conjugate(value));
  return divide(complex(volts * volts), conjugate(value));
}

function pairsOf({ derId, phases }: DerConnection, model: FeederModel): Terminals[] {
  const pairs = Object.values(PAIR).filter((pair) => pair.every((phase) => phases.includes(phase)));
  if (pairs.length > 0) return pairs;
  throw new InputError({
    source: model.file,
    path: `/ders/${derId}`,
    found: `phases ${phases.join('')}`,
    expected: 'two or three phases, as the voltages are watched between lines',
  });
}

/** What `CaseChannels` scales: re and im in turn, in the order of the channels. */
export function ownValues(channels: readonly LoadChannel[]): number[] {
  return channels.flatMap(({ own }) => [own.re, own.im]);
}
