/**
 * What varies between two cases, as a list of GridLAB-D properties ("channels"): the parts of each scaled
 * load, and each DER's power per phase or pair of lines. Every case sets every channel.
 */
import { describeFound, InputError } from '@fieldbid/core/errors';
import type { FeederModel, PowerFlowCase } from '../power-flow.ts';
import { derObject, derProperty, derTerminals, type GlmObject } from './glm.ts';

export interface Channel {
  readonly object: string;
  readonly property: string;
  /** `power` and `current` scale with the load; `impedance` with its inverse; `der` is an injection. */
  readonly kind: 'power' | 'current' | 'impedance' | 'der';
  /** Load or DER that it belongs to. */
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
  for (const { derId, phases } of model.ders) {
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

/**
 * The numbers of a case, re and im in turn, in the order of the channels.
 * @param own the model's own value of each channel.
 * @throws InputError for a name that the model has not, a factor < 0, or a number that is not finite.
 */
export function channelValues(
  channels: readonly Channel[],
  own: readonly number[],
  one: PowerFlowCase,
  model: FeederModel,
): number[] {
  requireKnown(one.loadFactors, new Set(model.scaledLoads), 'loadFactors', 0);
  requireKnown(one.derPower_W, new Set(model.ders.map(({ derId }) => derId)), 'derPower_W', -Infinity);
  const values: number[] = [];
  channels.forEach(({ kind, owner, share }, i) => {
    if (kind === 'der') {
      // Injection is positive here, consumption in GridLAB-D.
      values.push(0 - (one.derPower_W[owner] ?? 0) * share, 0);
      return;
    }
    const factor = one.loadFactors[owner] ?? 1;
    // An impedance of zero is no load at all in GridLAB-D, which is what a factor of zero asks for.
    const scale = kind !== 'impedance' ? factor : factor === 0 ? 0 : 1 / factor;
    values.push((own[2 * i] ?? 0) * scale, (own[2 * i + 1] ?? 0) * scale);
  });
  return values;
}

function requireKnown(
  given: Readonly<Record<string, number>>,
  known: ReadonlySet<string>,
  what: string,
  least: number,
): void {
  for (const [name, value] of Object.entries(given)) {
    const fault = (found: string, expected: string) =>
      new InputError({ source: 'power-flow case', path: `/${what}/${name}`, found, expected });
    if (!known.has(name)) throw fault('an unknown name', 'a load or DER of the feeder');
    if (!Number.isFinite(value) || value < least) {
      throw fault(describeFound(value), least === 0 ? 'a finite number >= 0' : 'a finite number of watts');
    }
  }
}
