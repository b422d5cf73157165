/** What each object of a feeder's model is, for symbols and for finding loads. */
import { readText } from '@fieldbid/core/config';
import { objectsIn } from '../../power-flow/gridlabd/glm.ts';
import type { Feeder } from '../feeder.ts';

/** Name of every object of the model → its class: `regulator`, `transformer`, `load`, … @throws InputError, unreadable. */
export function kindsIn(feeder: Feeder): Map<string, string> {
  return new Map(objectsIn(readText(feeder.data.modelFile)).map(({ name, kind }) => [name, kind]));
}
