/** A feeder with its engine running: what the DSO, the bench and the commands start from. */

import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import { GridLabD } from '../power-flow/gridlabd/engine.ts';
import { OpenDss } from '../power-flow/opendss/engine.ts';
import { findOpenDss } from '../power-flow/opendss/library-file.ts';
import { ensurePythonEnvironment } from '../python-environment.ts';
import type { Feeder } from './feeder.ts';

/**
 * Starts GridLAB-D with the feeder loaded; its Python environment is made first where it is missing. Each call
 * starts a process of its own.
 * @throws as `GridLabD.open` and `ensurePythonEnvironment`.
 */
export async function openPowerFlow(feeder: Feeder, log: Logger, quiet = false): Promise<GridLabD> {
  const { python } = await ensurePythonEnvironment('engine', { quiet });
  const engine = await GridLabD.open(feeder.model(), { python });
  for (const remark of engine.description.remarks) log.warn({ feederId: feeder.id }, remark);
  return engine;
}

/**
 * Starts OpenDSS on the same feeder, to search with; undefined, and said in the log, where the model cannot be
 * translated or the library cannot be loaded: then GridLAB-D searches too.
 */
export async function openSearchFlow(feeder: Feeder, log: Logger): Promise<OpenDss | undefined> {
  try {
    const { folder } = await ensurePythonEnvironment('engine', { quiet: true });
    return await OpenDss.open(feeder.model(), { library: findOpenDss(folder) });
  } catch (error) {
    log.warn({ feederId: feeder.id, code: codeOf(error) }, `GridLAB-D searches alone: ${messageOf(error)}`);
    return undefined;
  }
}
