/** `fieldbid iso …` */
import { type Command, group, logLevelOption, runUntilSignal } from '@fieldbid/core/cli/command';
import { besideFile, readConfig } from '@fieldbid/core/config';
import { createLogger } from '@fieldbid/core/logging';
import { priceRange } from '@fieldbid/core/market/calendar';
import { serveConfigured } from '@fieldbid/core/metrics/server';
import { connectBus } from '@fieldbid/core/service-config';
import { clocksFor } from '@fieldbid/core/time/bus-clock';
import { registerClear } from './clearing/clear-command.ts';
import { IsoConfig } from './config.ts';
import { loadMarketData } from './market-data.ts';
import { IsoMetrics } from './metrics/iso-metrics.ts';
import { IsoService } from './service.ts';
import { registerSettle } from './settlement/settle-command.ts';

export function register(program: Command): void {
  const iso = group(program, 'iso', 'the ISO simulation: takes offers, clears at a uniform price');
  registerClear(iso);
  registerSettle(iso);
  iso
    .command('run')
    .description('Run the ISO until its calendar is over or it is told to stop.')
    .requiredOption(
      '--config <file>',
      'YAML file: broker, clock, calendar, market (see hil/examples/separate-processes)',
    )
    .addOption(logLevelOption())
    .action(async (options: { config: string; logLevel: string }) => {
      const config = readConfig(IsoConfig, options.config);
      const log = createLogger({ level: options.logLevel }).child({ room: 'iso-sim' });
      const bus = await connectBus(config.broker, 'iso', options.config, log);
      const clock = await clocksFor(config.clock, bus);
      const service = new IsoService({
        bus,
        time: clock(),
        calendar: config.calendar,
        rules: config.market,
        marketData: loadMarketData({
          supplyFile: besideFile(options.config, config.market.supplyFile),
          demandFile: besideFile(options.config, config.market.demandFile),
          cap_uUSD_per_MWh: priceRange(config.calendar).cap,
          demandDeviation_pct: config.market.demandDeviation_pct,
          seed: config.seed,
        }),
        log,
      });
      const metrics = new IsoMetrics();
      await metrics.follow(bus);
      const endMetrics = await serveConfigured(metrics, config.metrics, options.config, log);
      await service.start();
      log.info('the ISO is running');
      await Promise.race([service.done(), runUntilSignal(() => service.stop())]);
      await endMetrics();
      await bus.close();
    });
}
