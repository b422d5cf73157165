/**
 * `fieldbid bench init`: a bench of one's own devices (hil/commissioning/). `bench split|run`: the day as separate processes,
 * over a broker of one's own, by the wall clock.
 */
import { join } from 'node:path';
import { topics } from '@fieldbid/core/bus/topics';
import { type Command, group, logLevelOption } from '@fieldbid/core/cli/command';
import { besideFile, readConfig } from '@fieldbid/core/config';
import { codeOf } from '@fieldbid/core/errors';
import { createLogger } from '@fieldbid/core/logging';
import { firstBid_ms, moments } from '@fieldbid/core/market/calendar';
import { connectBus, gatewayClient } from '@fieldbid/core/service-config';
import { shareClock } from '@fieldbid/core/time/bus-clock';
import { WallClock } from '@fieldbid/core/time/wall-clock';
import { registerInit } from '../commissioning/init-command.ts';
import { BenchFaults } from '../faults/control.ts';
import { deviceFaults } from '../faults/device-faults.ts';
import { CONTROL_FILE } from '../faults/fault-api.ts';
import { refuseFaultsOfPrograms, timelineOf } from '../faults/timeline.ts';
import { shortcomings } from '../report/summary.ts';
import { loadScenario, scenarioFeeder } from '../scenario/load.ts';
import { openBench } from './bench.ts';
import { Closers } from './closers.ts';
import { closingText } from './closing.ts';
import { BenchConfig } from './config.ts';
import { faultyDevice } from './devices.ts';
import { endedInOrder, INTERRUPTED_CLOSING_MS, interrupted } from './interrupt.ts';
import { memoryOf } from './memory.ts';
import { integer, overridesOf, positive, type ScenarioOptions, scenarioOptions } from './options.ts';
import { openBenchPage, type PageAddress, pageAddress, pageOption } from './page.ts';
import { progressLine } from './progress.ts';
import { LabPublisher, labDescription } from './publish-lab.ts';
import { makeRunFolder, writeResults } from './run-folder.ts';
import { splitScenario } from './split.ts';

interface SplitCommand extends ScenarioOptions {
  out: string;
  broker: string;
  gatewayPort: number;
  firstPort: number;
  agents: number;
  speed: number;
  lead: number;
  metricsPort: number;
  /** False with --no-metrics. */
  metrics: boolean;
}

export function registerBench(program: Command): void {
  const bench = group(
    program,
    'bench',
    'commission a bench of your own devices; or the bench alone, for a market that runs elsewhere',
  );
  registerInit(bench);
  scenarioOptions(
    bench
      .command('split')
      .description(
        'Write one config file per program, with API keys, for running a scenario as separate processes.',
      )
      .requiredOption('--out <dir>', 'new folder for the files')
      .option('--broker <url>', 'MQTT broker', 'mqtt://127.0.0.1:1883')
      .option('--gateway-port <n>', 'port of the BC-GW', integer(1024), 8080)
      .option(
        '--first-port <n>',
        'port of the first simulated inverter; the others follow',
        integer(1024),
        15_100,
      )
      .option('--agents <n>', 'edge agents that the DERs are shared out to', integer(1), 2)
      .option('--speed <x>', 'market seconds per real second', positive, 60)
      .option(
        '--lead <seconds>',
        'real seconds before the first bid, for everything to come up',
        positive,
        20,
      )
      .option(
        '--metrics-port <n>',
        'port of the first program’s Prometheus metrics; the others follow, and prometheus.yml names them',
        integer(1024),
        9464,
      )
      .option('--no-metrics', 'no metrics: nothing listens for Prometheus'),
  ).action(async (options: SplitCommand) => {
    const loaded = loadScenario(options.scenario, overridesOf(options));
    refuseFaultsOfPrograms(loaded.scenario.faults ?? [], loaded.file);
    const { metrics, metricsPort, ...others } = options;
    const commands = await splitScenario(loaded, {
      ...others,
      brokerUrl: options.broker,
      lead_s: options.lead,
      ...(metrics ? { metricsPort } : {}),
    });
    console.log(
      `# Start these, each in a terminal of its own, the bench within ${options.lead} s of the others:`,
    );
    for (const command of commands) console.log(command);
  });
  bench
    .command('run')
    .description(
      'Run the bench: inverters on their ports, the feeder every minute, the shared clock, the report.',
    )
    .requiredOption('--config <file>', 'bench.yaml as `fieldbid bench split` writes it')
    .option('--out <dir>', 'folder for the results (default: a new one under runs/)')
    .addOption(pageOption())
    .addOption(logLevelOption())
    .action(runBench);
}

/** Market ms after the last interval's end: its settlement has been heard. */
const SETTLED_AFTER_MS = 120_000;

interface RunCommand {
  config: string;
  out?: string;
  page?: PageAddress | true;
  logLevel: string;
}

async function runBench(options: RunCommand): Promise<void> {
  const config = readConfig(BenchConfig, options.config);
  const loaded = loadScenario(besideFile(options.config, config.scenarioFile), {
    seed: config.seed,
    calendar: config.calendar,
  });
  refuseFaultsOfPrograms(loaded.scenario.faults ?? [], loaded.file);
  const folder = makeRunFolder(loaded.scenario.name, options.out);
  const log = createLogger({ level: options.logLevel, file: join(folder, 'log.ndjson') }).child({
    room: 'hil',
  });
  console.error(`${loaded.scenario.name}: results go to ${folder}`);
  const schedule = moments(config.calendar);
  const progress = progressLine(schedule.length * config.calendar.interval_min);
  const source = gatewayClient(config.gateway, options.config);
  const closers = new Closers();
  try {
    const began = performance.now();
    const bus = await connectBus(config.broker, 'bench', options.config, log);
    closers.add('bus', () => bus.close());
    // Market time runs as fast during the lead: it starts that much before the first bid.
    const origin_ms = Math.floor(firstBid_ms(config.calendar) - config.lead_s * 1000 * config.speed);
    const shared = { speed: config.speed, origin_ms, realOrigin_ms: Date.now() };
    const clock = new WallClock(shared);
    const feeder = scenarioFeeder(loaded);
    const lab = new LabPublisher(bus, log);
    const bench = await openBench({
      loaded,
      feeder,
      now: () => clock.now(),
      time: new WallClock(shared),
      pace: clock,
      join: () => new WallClock(shared),
      connect: async () => bus,
      firstPort: config.firstPort,
      ...(config.opcuaFolder === undefined
        ? {}
        : { opcuaFolder: besideFile(options.config, config.opcuaFolder) }),
      progress,
      onMinute: (minute) => lab.take(minute),
      log,
      say: (line) => console.error(line),
      closers,
    });
    const clockText = `wall clock × ${config.speed}, separate processes`;
    await lab.describe(
      labDescription({
        ...{ scenario: loaded.scenario, feeder, description: bench.description, clock: clockText },
        ledger: 'of the BC-GW',
      }),
    );
    const timelineClock = new WallClock(shared);
    const faults = new BenchFaults({
      // Of the bench's own: agents, broker, BC-GW and DSO are programs that others have started.
      sources: [deviceFaults(bench.devices.flatMap(faultyDevice), config.seed)],
      timeFor: () => new WallClock(shared),
      now: () => clock.now(),
      publish: (mark) => bus.publish(topics.faultMarks, mark),
      log: log.child({ room: 'faults' }),
    });
    closers.add('faults', async () => {
      timelineClock.close();
      await faults.close(Math.floor(clock.now()));
    });
    const page = pageAddress(options.page);
    if (page !== undefined) {
      const pageBus = await connectBus(config.broker, 'page', options.config, log);
      closers.add('bus of the page', () => pageBus.close());
      const { url, close } = await openBenchPage(page, folder, {
        ...{ bus: pageBus, gateway: source, now: () => clock.now(), faults, speed: config.speed },
        log: log.child({ room: 'dashboard' }),
      });
      closers.add('page', close);
      console.error(`the operator's page is at ${url}, its token in ${join(folder, CONTROL_FILE)}`);
    }
    await shareClock(bus, shared);
    console.error(
      `${bench.devices.length} inverters from port ${config.firstPort} on; first bids in about ${config.lead_s} s`,
    );
    const setUp_ms = performance.now() - began;
    try {
      const timeline = faults.follow(timelineOf(loaded.scenario.faults ?? []), timelineClock);
      // A fault may be in force beyond the day: only one that cannot be followed ends the run.
      const unfollowed = timeline.then(() => new Promise<never>(() => {}));
      await Promise.race([bench.run(), unfollowed, interrupted(endedInOrder(loaded.scenario))]);
    } catch (error) {
      await bench.breakOff();
      if (codeOf(error) === 'INTERRUPTED') await closers.closeAll(log, INTERRUPTED_CLOSING_MS);
      throw error;
    }
    progress.finish();
    await faults.close(Math.floor(clock.now()));
    // The last interval is settled a little later.
    await new WallClock(shared).requestTime((schedule.at(-1)?.interval.end_ms ?? 0) + SETTLED_AFTER_MS);
    await lab.settle();
    const run = await bench.record(source, {
      dsoEnforced: true,
      ledger: 'of the BC-GW',
      clock: clockText,
      faults: faults.marks(),
      wall_ms: { setUp: Math.round(setUp_ms), day: Math.round(performance.now() - began - setUp_ms) },
      memory_MiB: memoryOf({ bench: process.pid, 'gridlabd of the plant': bench.enginePid() }),
    });
    const summary = writeResults(folder, run);
    console.log(closingText(summary, folder));
    if (shortcomings(summary).length > 0) process.exitCode = 1;
  } finally {
    await closers.closeAll(log);
  }
}
