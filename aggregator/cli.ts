/** `fieldbid aggregator …` */
import { type Command, group, logLevelOption, runUntilSignal } from '@fieldbid/core/cli/command';
import { readConfig } from '@fieldbid/core/config';
import { createLogger } from '@fieldbid/core/logging';
import { connectBus, gatewayClient, gatewayUp } from '@fieldbid/core/service-config';
import { clocksFor } from '@fieldbid/core/time/bus-clock';
import { AggregatorConfig } from './config.ts';
import { AggregatorService } from './service.ts';

export function register(program: Command): void {
  group(program, 'aggregator', 'the DERA: takes bids, records and offers them, allocates what clears')
    .command('run')
    .description('Run the aggregator until its calendar is over or it is told to stop.')
    .requiredOption(
      '--config <file>',
      'YAML file: deraId, broker, gateway, clock, calendar, portfolio (example: hil/examples/separate-processes)',
    )
    .addOption(logLevelOption())
    .action(run);
}

async function run(options: { config: string; logLevel: string }): Promise<void> {
  const config = readConfig(AggregatorConfig, options.config);
  const { deraId, calendar, maxSegments } = config;
  const log = createLogger({ level: options.logLevel }).child({ room: 'aggregator' });
  const gateway = gatewayClient(config.gateway, options.config);
  const bus = await connectBus(config.broker, deraId, options.config, log);
  await gatewayUp(gateway, log);
  const clock = await clocksFor(config.clock, bus);
  const portfolio = config.portfolio.map((der) => ({ ...der, deraId }));
  const service = new AggregatorService({
    deraId,
    bus,
    time: clock(),
    gateway,
    calendar,
    portfolio,
    maxSegments,
    log,
  });
  await service.start();
  log.info({ deraId, ders: portfolio.length }, 'the aggregator is running');
  await Promise.race([service.done(), runUntilSignal(() => service.stop())]);
  await service.stop();
  await bus.close();
}
