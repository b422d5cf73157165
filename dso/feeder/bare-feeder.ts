/** A model file on its own as a feeder: no DERs, and loads that stay as the model has them. */
import { basename, extname, resolve } from 'node:path';
import { readText } from '@fieldbid/core/config';
import { sha256Hex } from '@fieldbid/core/digest';
import { objectsIn } from '../power-flow/gridlabd/glm.ts';
import { Feeder, type FeederLimits } from './feeder.ts';
import { voltageKind } from './load-feeder.ts';
import { linkRatings } from './ratings.ts';

const DAY_MIN = 1440;
/** Of a model without a feeder file, pu: ANSI C84.1, service voltage, range A. */
export const DEFAULT_LIMITS = { low_pu: 0.95, high_pu: 1.05 } as const;

/** @param path GLM file. @throws InputError when it cannot be read; what is in it the engine judges. */
export function bareFeeder(path: string, limits: FeederLimits): Feeder {
  const modelFile = resolve(path);
  const text = readText(modelFile);
  const objects = new Map(objectsIn(text).map((object) => [object.name, object]));
  return new Feeder({
    file: modelFile,
    id: basename(modelFile, extname(modelFile)),
    modelFile,
    clearSkyFile: '',
    limits,
    voltages: voltageKind(objects.values()),
    ratings: linkRatings(modelFile, {}, objects),
    margin_pu: 0,
    ders: [],
    loads: new Map(),
    clearSky: new Array<number>(DAY_MIN + 1).fill(0),
    sha256: sha256Hex(text),
  });
}
