/** A feeder with its engine running: what the DSO, the bench and the commands start from. */
import type { Logger } from '@fieldbid/core/logging';
import { GridLabD } from '../power-flow/gridlabd/engine.ts';
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
