/** `fieldbid dashboard …` */
import { type Command, group, logLevelOption, runUntilSignal } from '@fieldbid/core/cli/command';
import { readConfig } from '@fieldbid/core/config';
import { createLogger } from '@fieldbid/core/logging';
import { connectBus, gatewayClient } from '@fieldbid/core/service-config';
import { clocksFor } from '@fieldbid/core/time/bus-clock';
import { accessOf, DashboardConfig } from './config.ts';
import { requireSafeAccess } from './http/access.ts';
import { openPage } from './open-page.ts';

export function register(program: Command): void {
  const dashboard = group(
    program,
    'dashboard',
    'the operator’s page: feeder, market and ledger, live in a browser',
  );
  dashboard
    .command('run')
    .description('Serve the page beside a broker and a BC-GW, until told to stop. Read-only.')
    .requiredOption('--config <file>', 'YAML file: listen, broker, gateway with an operator’s key, clock')
    .addOption(logLevelOption())
    .action(run);
}

async function run({ config: file, logLevel }: { config: string; logLevel: string }): Promise<void> {
  const config = readConfig(DashboardConfig, file);
  const log = createLogger({ level: logLevel }).child({ room: 'dashboard' });
  const access = accessOf(config, file);
  // Before anything is connected: a config that would be open to others is refused at once.
  requireSafeAccess(access, file);
  const gateway = config.gateway === undefined ? undefined : gatewayClient(config.gateway, file);
  const bus = await connectBus(config.broker, `dashboard-${process.pid}`, file, log);
  try {
    const clock = (await clocksFor(config.clock, bus))();
    const page = await openPage({
      ...{ bus, access, source: file, log, now: () => clock.now(), speed: clock.speed },
      ...(gateway === undefined ? {} : { gateway }),
    });
    console.log(`the operator's page is at ${page.url}`);
    await runUntilSignal(() => page.close());
  } finally {
    await bus.close();
  }
}
