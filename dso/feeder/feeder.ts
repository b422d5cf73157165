/**
 * A feeder as the DSO knows it (A9): model, limits, where each DER is connected, and the forecast of load and
 * PV by minute of day. What a day really brings is not in here.
 */
import { placesOf } from '../power-flow/places.ts';
import type {
  DerConnection,
  FeederModel,
  LinkRating,
  PowerFlowCase,
  VoltageKind,
} from '../power-flow/power-flow.ts';
import { monitoredVoltages } from '../power-flow/voltages.ts';

export interface FeederDer extends DerConnection {
  readonly nameplate_W: number;
  /** What its power comes from: the sun, or what a battery holds, which no hour limits. `pv` by default. */
  readonly resource?: 'pv' | 'storage';
  readonly deviceIds: readonly string[];
  /** Retail programme that pays for the DER's energy: it is not qualified for the market. */
  readonly retailProgramme?: string;
}

export interface FeederData {
  readonly file: string;
  readonly id: string;
  /** Model file, absolute. */
  readonly modelFile: string;
  /** Table of `clearSky`, absolute: agents may read it too. */
  readonly clearSkyFile: string;
  readonly limits: FeederLimits;
  /** Which voltages the limits hold for. */
  readonly voltages: VoltageKind;
  /** Links that have to stay within a rating. */
  readonly ratings: ReadonlyMap<string, LinkRating>;
  /** Kept inside the limits because forecasts are not exact, pu. */
  readonly margin_pu: number;
  readonly ders: readonly FeederDer[];
  /** Load → its pattern, pu of the model's own load, by whole minute of day 0 … 1440. */
  readonly loads: ReadonlyMap<string, readonly number[]>;
  /** PV power under a clear sky, pu of nameplate, by whole minute of day 0 … 1440. */
  readonly clearSky: readonly number[];
  /** Over all files that the feeder consists of. */
  readonly sha256: string;
}

/** What the feeder must stay within; the ratings of its links are limits too. */
export interface FeederLimits {
  readonly low_pu: number;
  readonly high_pu: number;
  /** Most that the feeder may send back into the substation, W, >= 0; absent: no limit. */
  readonly export_W?: number;
  /** Ratings are told, and do not bind. */
  readonly ratings?: 'watched';
}

export interface CaseRequest {
  /** Minute of day in UTC, [0, 1440); fractions are interpolated. */
  readonly minuteOfDay: number;
  /** Factor on each load's pattern, e.g. how the actual load deviates; 1 where a load is not named. */
  readonly loadFactors?: Readonly<Record<string, number>>;
  /** Active power of each DER, W, injection positive; 0 where a DER is not named. */
  readonly derPower_W: Readonly<Record<string, number>>;
}

export class Feeder {
  readonly data: FeederData;
  readonly #ders: ReadonlyMap<string, FeederDer>;
  /** DER → the first one with its bus and phases. */
  readonly #places: ReadonlyMap<string, string>;

  constructor(data: FeederData) {
    this.data = data;
    this.#ders = new Map(data.ders.map((der) => [der.derId, der]));
    this.#places = placesOf(data.ders).of;
  }

  get id(): string {
    return this.data.id;
  }

  get sha256(): string {
    return this.data.sha256;
  }

  get ders(): readonly FeederDer[] {
    return this.data.ders;
  }

  der(derId: string): FeederDer | undefined {
    return this.#ders.get(derId);
  }

  /** What an engine needs to load it. */
  model(): FeederModel {
    const { modelFile, ders, loads, voltages, ratings } = this.data;
    return { file: modelFile, ders, scaledLoads: [...loads.keys()], voltages, ratings };
  }

  /** The monitored voltages where a DER is connected, named as in `FeederDescription.nodePhases`. */
  connection(derId: string): string[] {
    const der = this.#ders.get(derId);
    if (der === undefined) return [];
    return monitoredVoltages(der.phases, this.data.voltages).map((voltage) => `${der.bus}.${voltage}`);
  }

  /** The first DER that is connected where this one is: to the power flow they are one. Itself for a stranger. */
  atSamePlace(derId: string): string {
    return this.#places.get(derId) ?? derId;
  }

  /** Most that a DER can deliver, W: under a clear sky, of storage at any hour; 0 for one that the feeder has not. */
  clearSky_W(derId: string, minuteOfDay: number): number {
    const der = this.#ders.get(derId);
    if (der === undefined) return 0;
    return der.nameplate_W * (der.resource === 'storage' ? 1 : at(this.data.clearSky, minuteOfDay));
  }

  /** The power-flow case of a minute: loads by their patterns. */
  caseAt({ minuteOfDay, loadFactors = {}, derPower_W }: CaseRequest): PowerFlowCase {
    const factors: Record<string, number> = {};
    for (const [load, pattern] of this.data.loads) {
      factors[load] = at(pattern, minuteOfDay) * (loadFactors[load] ?? 1);
    }
    return { loadFactors: factors, derPower_W };
  }
}

/** Minute of day of an instant, UTC, [0, 1440). */
export function minuteOfDay(at_ms: number): number {
  return (at_ms / 60_000) % 1440;
}

function at(byMinute: readonly number[], minute: number): number {
  const i = Math.floor(minute);
  const left = byMinute[i];
  if (left === undefined) throw new RangeError(`minute ${minute} is not in [0, 1440]`);
  return left + (minute - i) * ((byMinute[i + 1] ?? left) - left);
}
