/** A feeder with its engine running: what the DSO, the bench and the commands start from. */
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import { GridLabD } from '../power-flow/gridlabd/engine.ts';
import { OpenDss } from '../power-flow/opendss/engine.ts';
import { findOpenDss } from '../power-flow/opendss/library-file.ts';
import { ensurePythonEnvironment, platformNote } from '../python-environment.ts';
import type { Feeder } from './feeder.ts';

/**
 * Starts the engine of record with the feeder loaded: GridLAB-D, or OpenDSS on a machine that GridLAB-D has no package for,
 * which is said in the log and in every certificate. The Python environment is made first where it is missing. Each call
 * starts a process of its own.
 * @throws as the engine's `open` and `ensurePythonEnvironment`.
 */
export async function openPowerFlow(feeder: Feeder, log: Logger, quiet = false): Promise<GridLabD | OpenDss> {
  const { python, folder } = await ensurePythonEnvironment('engine', { quiet });
  const { platform, arch } = process;
  const alone = platformNote('engine', platform, arch);
  if (alone !== undefined) log.warn({ feederId: feeder.id }, alone);
  const engine =
    alone === undefined
      ? await GridLabD.open(feeder.model(), { python })
      : await OpenDss.open(feeder.model(), { library: findOpenDss(folder) });
  for (const remark of engine.description.remarks) log.warn({ feederId: feeder.id }, remark);
  return engine;
}

/** Why there may be no second engine: the feeder is beyond the translation, or the library beyond reach. */
const WITHOUT_SEARCH = ['FEEDER_NOT_TRANSLATED', 'FEEDER_REJECTED', 'ENGINE_UNAVAILABLE'];

/**
 * Starts OpenDSS with the same feeder, to search and to cross-check. Whoever gets none goes on with the engine
 * of record alone: a warning says why.
 * @throws as `ensurePythonEnvironment`; `InputError` and `ISLANDED_NODE` as `OpenDss.open`.
 */
export async function openSearchFlow(
  feeder: Feeder,
  log: Logger,
  quiet = false,
): Promise<OpenDss | undefined> {
  const { folder } = await ensurePythonEnvironment('engine', { quiet });
  try {
    return await OpenDss.open(feeder.model(), { library: findOpenDss(folder) });
  } catch (error) {
    if (!WITHOUT_SEARCH.includes(codeOf(error))) throw error;
    log.warn({ feederId: feeder.id, code: codeOf(error) }, `without OpenDSS: ${messageOf(error)}`);
    return undefined;
  }
}
