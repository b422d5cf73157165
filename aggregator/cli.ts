/** `fieldbid aggregator …` */
import {
  type Command,
  group,
  InvalidArgumentError,
  logLevelOption,
  runUntilSignal,
} from '@fieldbid/core/cli/command';
import { besideFile, readConfig } from '@fieldbid/core/config';
import { createLogger } from '@fieldbid/core/logging';
import { serveConfigured } from '@fieldbid/core/metrics/server';
import { connectBus, gatewayClient, gatewayUp } from '@fieldbid/core/service-config';
import { keyIdOf } from '@fieldbid/core/signing';
import { clocksFor } from '@fieldbid/core/time/bus-clock';
import { AggregatorConfig } from './config.ts';
import { DeraMetrics } from './metrics/dera-metrics.ts';
import { Enrolments } from './registration/enrolment.ts';
import { Journal } from './registration/journal.ts';
import { AggregatorService } from './service.ts';
import { type Baselines, openBaselines } from './settlement/baselines.ts';

const CONFIG = 'YAML file: deraId, broker, gateway, clock, calendar, portfolio (see fieldbid bench split)';
const HOUR_MS = 3_600_000;

export function register(program: Command): void {
  const aggregator = group(
    program,
    'aggregator',
    'the DERA: takes bids, records and offers them, allocates what clears',
  );
  aggregator
    .command('run')
    .description('Run the aggregator until its calendar is over or it is told to stop.')
    .requiredOption('--config <file>', CONFIG)
    .addOption(logLevelOption())
    .action(run);
  aggregator
    .command('enrol-code')
    .description(
      "Issue a one-time code with which a DER's device enrols its key; an earlier code ends. Works while the aggregator runs.",
    )
    .requiredOption('--config <file>', CONFIG)
    .requiredOption('--der <id>', 'DER of the portfolio')
    .option('--hours <n>', 'how long the code is good for, at most 720', hours, 24)
    .action(({ config, der, hours }: { config: string; der: string; hours: number }) => {
      console.log(enrolmentsOf(config).issueCode(der, hours * HOUR_MS));
      console.error(`good for ${hours} h, once: fieldbid edge enrol --config edge.yaml --der ${der}`);
    });
  aggregator
    .command('revoke-key')
    .description(
      "End a DER's key: it cannot bid until it is enrolled again. Works while the aggregator runs.",
    )
    .requiredOption('--config <file>', CONFIG)
    .requiredOption('--der <id>', 'DER of the portfolio')
    .requiredOption('--reason <text>', 'kept with the revocation')
    .action(({ config, der, reason }: { config: string; der: string; reason: string }) =>
      enrolmentsOf(config).revoke(der, reason),
    );
  aggregator
    .command('keys')
    .description('List the DERs of the portfolio with their keys.')
    .requiredOption('--config <file>', CONFIG)
    .action(({ config }: { config: string }) => listKeys(config));
}

async function run(options: { config: string; logLevel: string }): Promise<void> {
  const config = readConfig(AggregatorConfig, options.config);
  const { deraId, calendar, maxSegments, requireSignatures } = config;
  const baselines = baselinesOf(config, options.config);
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
    journal: journalOf(config, options.config),
    requireSignatures,
    settlement: {
      ...{ time: clock(), rules: config.settlement },
      ...(baselines === undefined ? {} : { baselines }),
    },
    log,
  });
  const metrics = new DeraMetrics();
  await metrics.follow(bus, deraId);
  const endMetrics = await serveConfigured(metrics, config.metrics, options.config, log);
  await service.start();
  log.info({ deraId, ders: portfolio.length }, 'the aggregator is running');
  await Promise.race([service.done(), runUntilSignal(() => service.stop())]);
  await service.stop();
  await endMetrics();
  await bus.close();
}

function journalOf({ deraId, keysFile }: AggregatorConfig, file: string): Journal {
  return new Journal(besideFile(file, keysFile ?? `${deraId}.keys.ndjson`));
}

function baselinesOf(config: AggregatorConfig, file: string): Baselines | undefined {
  const { baseline, calendar, deraId, portfolio } = config;
  if (baseline === undefined) return undefined;
  return openBaselines({
    ...{ deraId, calendar, rules: baseline.rules, derIds: portfolio.map(({ derId }) => derId) },
    file: besideFile(file, baseline.file),
    openingsFile: besideFile(file, baseline.openingsFile ?? `${deraId}.openings.ndjson`),
  });
}

/** For the commands that append to the journal beside a running aggregator. */
function enrolmentsOf(file: string): Enrolments {
  const config = readConfig(AggregatorConfig, file);
  const devices = new Map(config.portfolio.map(({ derId, deviceIds }) => [derId, deviceIds]));
  return new Enrolments({
    deraId: config.deraId,
    journal: journalOf(config, file),
    devicesOf: (derId) => devices.get(derId),
    openInterval: () => null,
    now: Date.now,
  });
}

function listKeys(file: string): void {
  const enrolments = enrolmentsOf(file);
  for (const { derId } of readConfig(AggregatorConfig, file).portfolio) {
    const keys = enrolments.keysOf(derId);
    const state =
      keys === undefined ? 'not enrolled' : keys.current === null ? 'revoked' : keyIdOf(keys.current);
    console.log(`${derId}\t${state}`);
  }
}

function hours(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0 && value <= 720) return value;
  throw new InvalidArgumentError('expected a number of hours, more than 0, at most 720');
}
