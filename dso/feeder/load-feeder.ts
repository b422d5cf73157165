/** Reads a feeder file with all that it names, and checks that the parts fit, before anything starts. */
import { basename, resolve } from 'node:path';
import { besideFile, readConfig, readText } from '@fieldbid/core/config';
import { sha256Hex } from '@fieldbid/core/digest';
import { InputError } from '@fieldbid/core/errors';
import { Phases } from '@fieldbid/core/gateway-api/schemas';
import { Id } from '@fieldbid/core/market/messages';
import Type, { type Static } from 'typebox';
import { type GlmObject, objectsIn, phasesOf } from '../power-flow/gridlabd/glm.ts';
import type { Phase, VoltageKind } from '../power-flow/power-flow.ts';
import { readDayTable } from './day-table.ts';
import { Feeder, type FeederDer } from './feeder.ts';
import { linkRatings, RatingEntry } from './ratings.ts';

const closed = { additionalProperties: false } as const;

/** Names of objects in the model. */
const ObjectName = Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_.:-]{0,63}$' });

export const FeederFile = Type.Object(
  {
    id: Id,
    /** GLM; all files are relative to this one. */
    model: Type.String(),
    limits: Type.Object(
      {
        low_pu: Type.Number({ minimum: 0.5, maximum: 1 }),
        high_pu: Type.Number({ minimum: 1, maximum: 1.5 }),
        /** Most that the feeder may send back into the substation, W; no limit where it is absent. */
        export_W: Type.Optional(Type.Number({ minimum: 0, maximum: 10_000_000_000 })),
      },
      closed,
    ),
    /** Which voltages the limits hold for; `auto`: between lines where nothing in the model has a neutral. */
    voltages: Type.Enum(['auto', 'line-to-neutral', 'line-to-line'], { default: 'auto' }),
    /** Link of the model → what it may carry. One that is not named has the rating that the model gives it. */
    ratings: Type.Record(ObjectName, RatingEntry, { default: {} }),
    /** Kept inside the limits, pu. */
    margin_pu: Type.Number({ minimum: 0, maximum: 0.05, default: 0.002 }),
    /** CSV: `minute` and one column per pattern, pu of the model's own load. */
    loadPatterns: Type.String(),
    /** CSV: `minute,clear_sky`, pu of nameplate. */
    clearSky: Type.String(),
    /** Load of the model → name of its pattern. Loads that are not named stay as the model has them. */
    loads: Type.Record(ObjectName, Type.String()),
    ders: Type.Array(
      Type.Object(
        {
          derId: Id,
          bus: ObjectName,
          phases: Phases,
          nameplate_W: Type.Integer({ minimum: 1, maximum: 1_000_000_000 }),
          resource: Type.Optional(Type.Enum(['pv', 'storage'])),
          deviceIds: Type.Array(Id, { minItems: 1, maxItems: 64 }),
          /** Retail programme that pays for the same energy (net metering): the DER may not bid. */
          retailProgramme: Type.Optional(Type.String({ minLength: 1, maxLength: 80 })),
        },
        closed,
      ),
      { maxItems: 10_000 },
    ),
  },
  closed,
);
export type FeederFile = Static<typeof FeederFile>;

/** Most that a load may be of the model's own value. */
const LARGEST_LOAD_PU = 10;
const CLEAR_SKY_COLUMN = 'clear_sky';

/** @throws InputError for the first fault: file, path, found, expected. */
export function loadFeeder(path: string): Feeder {
  const file = resolve(path);
  const config = readConfig(FeederFile, file);
  const modelFile = besideFile(file, config.model);
  const patternFile = besideFile(file, config.loadPatterns);
  const clearSkyFile = besideFile(file, config.clearSky);
  const objects = new Map(objectsIn(readText(modelFile)).map((object) => [object.name, object]));
  const ders = config.ders.map((der) => ({ ...der, phases: [...der.phases] as Phase[] }));
  checkOnce(file, ders);
  const voltages = config.voltages === 'auto' ? voltageKind(objects.values()) : config.voltages;
  ders.forEach((der, i) => {
    checkConnection(file, config.model, `/ders/${i}`, der, objects);
    if (voltages === 'line-to-line' && der.phases.length < 2) {
      const expected = 'two phases or three: the feeder has no neutral (voltages: line-to-line)';
      throw wrong(file, `/ders/${i}/phases`, `the single phase ${der.phases.join('')}`, expected);
    }
  });
  const patterns = readDayTable(patternFile, LARGEST_LOAD_PU);
  const clearSky = readDayTable(clearSkyFile, 1).get(CLEAR_SKY_COLUMN);
  if (clearSky === undefined) {
    throw new InputError({
      source: clearSkyFile,
      path: '',
      found: `no column ${CLEAR_SKY_COLUMN}`,
      expected: `the columns minute,${CLEAR_SKY_COLUMN}`,
    });
  }
  const loads = new Map<string, readonly number[]>();
  for (const [load, name] of Object.entries(config.loads)) {
    const at = `/loads/${load}`;
    if (objects.get(load)?.kind !== 'load') {
      throw wrong(file, at, `${load}, which is no load of ${config.model}`, 'a load object of the model');
    }
    const pattern = patterns.get(name);
    if (pattern === undefined) {
      throw wrong(file, at, `the pattern ${name}`, `one of ${[...patterns.keys()].join(', ')}`);
    }
    loads.set(load, pattern);
  }
  const parts = [file, modelFile, patternFile, clearSkyFile];
  return new Feeder({
    file,
    id: config.id,
    modelFile,
    clearSkyFile,
    limits: config.limits,
    voltages,
    ratings: linkRatings(file, config.ratings, objects),
    margin_pu: config.margin_pu,
    ders,
    loads,
    clearSky,
    sha256: sha256Hex(parts.map((part) => `${basename(part)} ${sha256Hex(readText(part))}\n`).join('')),
  });
}

/** The feeder file and all that it names, absolute. @throws InputError for a file that is none. */
export function feederFiles(path: string): string[] {
  const file = resolve(path);
  const { model, loadPatterns, clearSky } = readConfig(FeederFile, file);
  return [file, ...[model, loadPatterns, clearSky].map((name) => besideFile(file, name))];
}

/** Without a neutral anywhere there is only the voltage between lines to speak of. */
export function voltageKind(objects: Iterable<GlmObject>): VoltageKind {
  for (const { properties } of objects) {
    if (/[NS]/.test(properties.get('phases') ?? '')) return 'line-to-neutral';
  }
  return 'line-to-line';
}

function checkOnce(file: string, ders: readonly FeederDer[]): void {
  const seen = new Map<string, string>();
  ders.forEach(({ derId, deviceIds }, i) => {
    for (const [kind, id, path] of [
      ['DER', derId, `/ders/${i}/derId`],
      ...deviceIds.map((deviceId, j) => ['device', deviceId, `/ders/${i}/deviceIds/${j}`] as const),
    ] as const) {
      const before = seen.get(`${kind} ${id}`);
      if (before !== undefined) throw wrong(file, path, `${id}, as at ${before}`, `each ${kind} once`);
      seen.set(`${kind} ${id}`, path);
    }
  });
}

function checkConnection(
  file: string,
  model: string,
  path: string,
  { derId, bus, phases }: FeederDer,
  objects: ReadonlyMap<string, GlmObject>,
): void {
  const properties = objects.get(bus)?.properties;
  if (properties === undefined) {
    const buses = [...objects.values()].filter(({ kind }) => ['node', 'load', 'meter'].includes(kind));
    const names = buses.map(({ name }) => name).slice(0, 30);
    throw wrong(file, `${path}/bus`, `${bus}, which ${model} has not`, `one of ${names.join(', ')}`);
  }
  const parent = properties.get('parent');
  if (parent !== undefined) {
    throw wrong(file, `${path}/bus`, `${bus}, which hangs on ${parent}`, `${parent} itself for ${derId}`);
  }
  const has = phasesOf(properties.get('phases'));
  const lacking = phases.filter((phase) => !has.includes(phase));
  if (lacking.length > 0) {
    const found = `${phases.join('')}: ${bus} has no phase ${lacking.join(', ')}`;
    throw wrong(file, `${path}/phases`, found, `phases out of ${has.join('')} for ${derId}`);
  }
}

function wrong(source: string, path: string, found: string, expected: string): InputError {
  return new InputError({ source, path, found, expected });
}
