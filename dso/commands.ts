/** `fieldbid dso run`, and the other commands of the room. */

import { type Command, group, logLevelOption, runUntilSignal } from '@fieldbid/core/cli/command';
import { besideFile, readConfig } from '@fieldbid/core/config';
import { createLogger } from '@fieldbid/core/logging';
import { serveConfigured } from '@fieldbid/core/metrics/server';
import { gatewayClient } from '@fieldbid/core/service-config';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.ts';
import { registerApprove } from './commands/approve.ts';
import { registerCheckFeeder } from './commands/check-feeder.ts';
import { DsoConfig } from './config.ts';
import { policyNamed } from './feasibility/policies.ts';
import { loadFeeder } from './feeder/load-feeder.ts';
import { openPowerFlow, openSearchFlow } from './feeder/open-feeder.ts';
import { DsoMetrics } from './metrics/dso-metrics.ts';
import { DsoService } from './service.ts';

export function registerDso(program: Command): void {
  const dso = group(program, 'dso', 'the DSO: checks what the feeder can carry');
  dso
    .command('run')
    .description('Run the DSO until it is told to stop.')
    .requiredOption('--config <file>', 'YAML file: gateway, feederFile, calendar, deraIds')
    .addOption(logLevelOption())
    .action((options: { config: string; logLevel: string }) => run(options.config, options.logLevel));
  registerApprove(dso);
  registerCheckFeeder(dso);
}

async function run(configFile: string, level: string): Promise<void> {
  const config = readConfig(DsoConfig, configFile);
  const log = createLogger({ level }).child({ room: 'dso' });
  const feeder = loadFeeder(besideFile(configFile, config.feederFile));
  const checkpointFile =
    config.checkpointFile === undefined ? undefined : besideFile(configFile, config.checkpointFile);
  const after = checkpointFile === undefined ? undefined : readCheckpoint(checkpointFile);
  const gateway = gatewayClient(config.gateway, configFile);
  const powerFlow = await openPowerFlow(feeder, log);
  const search = await openSearchFlow(feeder, log);
  const metrics = new DsoMetrics();
  const endMetrics = await serveConfigured(metrics, config.metrics, configFile, log);
  try {
    const service = new DsoService({
      gateway,
      feeder,
      powerFlow,
      search,
      interval_min: config.calendar.interval_min,
      dayAheadStep_min: config.dayAheadStep_min,
      deraIds: config.deraIds,
      policy: policyNamed(config.policy),
      safety: config.safety,
      enforce: config.enforce,
      lateAfter_ms: config.lateAfter_s * 1000,
      log,
      onDecision: (step, certificate, duration_ms) => metrics.take(step, certificate, duration_ms),
      ...(config.margin_pu === undefined ? {} : { margin_pu: config.margin_pu }),
      ...(after === undefined ? {} : { after }),
      ...(checkpointFile === undefined
        ? {}
        : { onHandled: (checkpoint) => writeCheckpoint(checkpointFile, checkpoint) }),
    });
    service.start();
    log.info({ feederId: feeder.id, policy: config.policy }, 'the DSO is running');
    await Promise.race([service.done(), runUntilSignal(() => service.stop())]);
  } finally {
    await endMetrics();
    await search?.close();
    await powerFlow.close();
  }
}
