/**
 * What varies between two cases, as a list of GridLAB-D properties ("channels"): the parts of each scaled
 * load, and the power of the DERs at each place, per phase or pair of lines. Every case sets every channel.
 */
import { describeFound, InputError } from '@fieldbid/core/errors';
import { placesOf } from '../places.ts';
import type { FeederModel, PowerFlowCase } from '../power-flow.ts';
import { derObject, derProperty, derTerminals, type GlmObject } from './glm.ts';

export interface Channel {
  readonly object: string;
  readonly property: string;
  /** `power` and `current` scale with the load; `impedance` with its inverse; `der` is an injection. */
  readonly kind: 'power' | 'current' | 'impedance' | 'der';
  /** Load, or DER that stands for its place, that it belongs to. */
  readonly owner: string;
  /** Share of a DER's power on this phase, or between these lines. */
  readonly share: number;
}

/** @throws InputError for a scaled load that the model has not. */
export function channelsFor(model: FeederModel, objects: ReadonlyMap<string, GlmObject>): Channel[] {
  const channels: Channel[] = [];
  for (const load of model.scaledLoads) {
    const object = objects.get(load);
    if (object === undefined) {
      throw new InputError({
        source: model.file,
        path: `/loads/${load}`,
        found: 'no such object',
        expected: 'a load of the model',
      });
    }
    for (const property of object.properties.keys()) {
      const kind = /^constant_(power|current|impedance)_[ABC][ABCN]?$/.exec(property)?.[1];
      if (kind === undefined) continue;
      channels.push({ object: load, property, kind: kind as Channel['kind'], owner: load, share: 1 });
    }
  }
  for (const { derId, phases } of placesOf(model.ders).representatives) {
    const terminals = derTerminals(phases, model.voltages);
    for (const terminal of terminals) {
      const share = 1 / terminals.length;
      channels.push({
        object: derObject(derId),
        property: derProperty(terminal),
        kind: 'der',
        owner: derId,
        share,
      });
    }
  }
  return channels;
}

/** Cases as the numbers of a feeder's channels. */
export class CaseChannels {
  readonly #channels: readonly Channel[];
  readonly #places: ReadonlyMap<string, string>;
  readonly #loads: ReadonlySet<string>;

  constructor(channels: readonly Channel[], model: FeederModel) {
    this.#channels = channels;
    this.#places = placesOf(model.ders).of;
    this.#loads = new Set(model.scaledLoads);
  }

  /**
   * The numbers of a case, re and im in turn, in the order of the channels.
   * @param own the model's own value of each channel.
   * @throws InputError for a name that the model has not, a factor < 0, or a number that is not finite.
   */
  values(own: readonly number[], { loadFactors, derPower_W }: PowerFlowCase): number[] {
    for (const [load, factor] of Object.entries(loadFactors)) {
      if (!this.#loads.has(load)) throw wrong('loadFactors', load, 'an unknown name', A_NAME);
      if (!(Number.isFinite(factor) && factor >= 0))
        throw wrong('loadFactors', load, describeFound(factor), 'a finite number >= 0');
    }
    const at_W = new Map<string, number>();
    for (const [derId, power_W] of Object.entries(derPower_W)) {
      const place = this.#places.get(derId);
      if (place === undefined) throw wrong('derPower_W', derId, 'an unknown name', A_NAME);
      if (!Number.isFinite(power_W))
        throw wrong('derPower_W', derId, describeFound(power_W), 'a finite number of watts');
      at_W.set(place, (at_W.get(place) ?? 0) + power_W);
    }
    return this.#channels.flatMap(({ kind, owner, share }, i) => {
      // Injection is positive here, consumption in GridLAB-D.
      if (kind === 'der') return [0 - (at_W.get(owner) ?? 0) * share, 0];
      const factor = loadFactors[owner] ?? 1;
      // An impedance of zero is no load at all in GridLAB-D, which is what a factor of zero asks for.
      const scale = kind !== 'impedance' ? factor : factor === 0 ? 0 : 1 / factor;
      return [(own[2 * i] ?? 0) * scale, (own[2 * i + 1] ?? 0) * scale];
    });
  }
}

const A_NAME = 'a load or DER of the feeder';

function wrong(what: string, name: string, found: string, expected: string): InputError {
  return new InputError({ source: 'power-flow case', path: `/${what}/${name}`, found, expected });
}
