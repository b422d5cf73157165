/**
 * One market day in one process (M1-M3, M27-M30): simulated inverters behind Modbus TCP or OPC UA sockets, an agent per
 * DER, DERA, BC-GW, DSO and ISO, and the plant that solves the feeder every minute. They share nothing but
 * sockets and the clock.
 */
import { join } from 'node:path';
import type { AggregatorService } from '@fieldbid/aggregator/service';
import type { Bus } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { codeOf } from '@fieldbid/core/errors';
import type { GatewayClient } from '@fieldbid/core/gateway-api/client';
import type { FaultControl } from '@fieldbid/core/lab/faults';
import type { Logger } from '@fieldbid/core/logging';
import { firstBid_ms, moments } from '@fieldbid/core/market/calendar';
import type { EmulatorTwin } from '../emulator/twin/emulator-twin.ts';
import { agentFaults } from '../faults/agent-faults.ts';
import { BenchFaults } from '../faults/control.ts';
import { deviceFaults } from '../faults/device-faults.ts';
import { CONTROL_FILE } from '../faults/fault-api.ts';
import { serviceFaults } from '../faults/service-faults.ts';
import { checkLedgerFaults, timelineOf } from '../faults/timeline.ts';
import type { MinuteRecord, RunRecord } from '../recorder/run-record.ts';
import { beginRunFile, endRunFile } from '../replay/run-file.ts';
import { type LoadedScenario, scenarioFeeder } from '../scenario/load.ts';
import { deraPortfolios } from '../scenario/schema.ts';
import { startAgents } from './agents.ts';
import { openBench } from './bench.ts';
import { Closers } from './closers.ts';
import { type BenchInverter, faultyDevice } from './devices.ts';
import { GridMeasurements } from './grid-measurements.ts';
import { INTERRUPTED_CLOSING_MS, interrupted } from './interrupt.ts';
import { type LedgerChoice, openBenchLedger } from './ledger.ts';
import { writeLedgerPayloads } from './ledger-payloads.ts';
import { makeAggregator, openDsoEngines, openGateway, startDso, startIso } from './market-services.ts';
import { type FederationChoice, openMedium } from './medium.ts';
import { memoryOf } from './memory.ts';
import { keepPace, type Pace, wallPace } from './pace.ts';
import { openBenchPage, type PageAddress } from './page.ts';
import type { Progress } from './progress.ts';
import { LabPublisher, labDescription } from './publish-lab.ts';

export interface MarketDayOptions {
  readonly loaded: LoadedScenario;
  /** Where ledger and raw store go. */
  readonly folder: string;
  /** Embedded by default. */
  readonly ledger?: LedgerChoice;
  /** False: every bid is approved unchecked. */
  readonly dsoEnforced: boolean;
  /** An MQTT broker instead of the embedded one. */
  readonly brokerUrl?: string;
  /** By the wall clock, market seconds per real second; as fast as possible when absent. */
  readonly realtimeSpeed?: number;
  /** Of a federation: no faster than so many market seconds per real second, as hardware wants it. */
  readonly paceSpeed?: number;
  /** HELICS carries time and messages, instead of the clock in this process and MQTT. */
  readonly federation?: FederationChoice;
  readonly log: Logger;
  readonly say: (line: string) => void;
  /** Called after each minute of the plant, with what a fault test may lay hands on. */
  readonly onMinute?: (minute: MinuteRecord, hands: Hands) => void | Promise<void>;
  readonly progress: Progress;
  /** Where the operator's page is served; absent: nowhere. */
  readonly page?: PageAddress;
  /** Called when the day is over and recorded, while everything is still up. */
  readonly onEnd?: (record: RunRecord) => Promise<void>;
  /** Ends the day before its time, in order. */
  readonly signal?: AbortSignal;
  /** Given what an operator may let go wrong, before the day begins. */
  readonly onFaultControl?: (faults: FaultControl) => void | Promise<void>;
}

/** What can be broken while a day runs. */
export interface Hands {
  /** Simulated inverter of a DER. */
  inverter(derId: string): BenchInverter | undefined;
  /** Twin of a simulated grid emulator. */
  emulator(name: string): EmulatorTwin | undefined;
  /** Where a DER's device answers. */
  endpoint(derId: string): string | undefined;
  /** Ends a DER's agent as a power cut of its gateway would. */
  stopAgent(derId: string): Promise<void>;
  /** Ends the BC-GW and starts it again. */
  restartGateway(): Promise<void>;
  /** Faults on demand. */
  readonly faults: FaultControl;
  /** The DSO's way into the BC-GW. */
  readonly dso: GatewayClient;
  /** Process ids of the engines, while they run. */
  enginePids(): { plant: number | undefined; dso: number | undefined };
}

/** Real ms for an answer of a simulated inverter, or of the BC-GW, on the fast clock. */
const PATIENT_DEADLINE_MS = 60_000;
/** Codes of the bench are used at once. Real ms. */
const CODE_VALID_MS = 60_000;

/** The wall clock of a run that goes by it: its own clock, or one that is begun when a federation's time is let go. */
function paceOf({ realtimeSpeed, paceSpeed }: MarketDayOptions, now: () => number): Pace | undefined {
  if (realtimeSpeed !== undefined) return { speed: realtimeSpeed, now };
  return paceSpeed === undefined ? undefined : wallPace(paceSpeed, now);
}

/** @throws FieldbidError or InputError when the bench cannot be set up; what happens in the day is in the record. */
export async function runMarketDay(options: MarketDayOptions): Promise<RunRecord> {
  const closers = new Closers();
  try {
    return await run(options, closers);
  } catch (error) {
    if (codeOf(error) === 'INTERRUPTED') await closers.closeAll(options.log, INTERRUPTED_CLOSING_MS);
    throw error;
  } finally {
    await closers.closeAll(options.log);
  }
}

async function run(options: MarketDayOptions, closers: Closers): Promise<RunRecord> {
  const { loaded, folder, log, say } = options;
  const { scenario } = loaded;
  const choice = options.ledger ?? { kind: 'embedded' };
  checkLedgerFaults(
    scenario.faults ?? [],
    choice.kind === 'fabric' && choice.profile === undefined,
    loaded.file,
  );
  const runFile = beginRunFile(options);
  const began = performance.now();
  const feeder = scenarioFeeder(loaded);
  const schedule = moments(scenario.calendar);
  const engines = await openDsoEngines(feeder, log, closers);
  const first_ms = firstBid_ms(scenario.calendar);
  const nodes = engines.powerFlow.description.nodePhases;
  const medium = await openMedium({ ...options, feeder, nodes, first_ms }, closers);
  const { clock, connect, remote, nowAt, linkOf } = medium;
  // Holds time back until everything has been started.
  const hold = clock.hold('bench');

  const marketNow = (): number => Math.floor(clock.now());
  const ledger = await openBenchLedger(choice, folder, marketNow, say, closers);
  // While time stands still a busy gateway must not look like one that is away. Fabric's peers may be away.
  const speed = options.realtimeSpeed ?? options.paceSpeed;
  const patience = speed === undefined ? { deadline_ms: PATIENT_DEADLINE_MS } : {};
  const own = choice.kind === 'embedded' ? patience : {};
  const gateway = await openGateway(loaded, folder, ledger, marketNow, log, closers, own);

  const { dsoEnforced: enforce } = options;
  startDso(loaded, { ...engines, feeder, gateway: gateway.client('dso'), enforce, log, closers });
  const iso = await startIso(loaded, await connect('iso'), clock.join('iso'), log);
  closers.add('ISO', () => iso.stop());
  const gridLog = log.child({ room: 'plant' });
  const grid = new GridMeasurements(
    gateway.client('dso'),
    feeder.id,
    () => bench.description.nodePhases,
    gridLog,
  );
  // On a broker of this run alone only the page can listen.
  const listened = options.page !== undefined || options.brokerUrl !== undefined;
  const lab = new LabPublisher(await connect('lab'), gridLog);
  const pace = paceOf(options, clock.now);
  const bench = await openBench({
    loaded,
    feeder,
    now: clock.now,
    time: clock.join('plant'),
    ...(pace === undefined ? {} : { pace }),
    join: clock.join,
    ...(nowAt === undefined ? {} : { nowAt }),
    ...(linkOf === undefined ? {} : { linkOf }),
    ...(remote === undefined ? {} : { devices: remote.devices }),
    connect,
    progress: options.progress,
    onMinute: (minute) => {
      grid.take(minute);
      medium.afterSolve?.(minute, bench.enginePid());
      if (listened) lab.take(minute);
      return options.onMinute?.(minute, hands);
    },
    ...{ log, say, closers },
  });
  if (listened) {
    const { description } = bench;
    const about = { scenario, feeder, description, clock: medium.description, ledger: ledger.description };
    await lab.describe(labDescription(about));
  }
  const agents =
    remote?.agents ??
    (await startAgents({
      loaded,
      feeder,
      devices: bench.devices,
      connect,
      folder,
      timeFor: clock.join,
      // While time stands still a busy machine must not look like a dead inverter: two runs would differ.
      ...patience,
      log,
      closers,
    }));
  const aggregators: AggregatorService[] = [];
  const aggregatorOf = new Map<string, AggregatorService>();
  for (const [deraId, derIds] of deraPortfolios(scenario)) {
    const bus = await connect(deraId);
    const own = { deraId, derIds, feeder, bus, join: clock.join, gateway: gateway.client(deraId), folder };
    const aggregator = makeAggregator(loaded, own, log);
    aggregators.push(aggregator);
    for (const derId of derIds) aggregatorOf.set(derId, aggregator);
  }
  const faultsBus = await connect('faults');
  const faults = new BenchFaults({
    sources: [
      deviceFaults(bench.devices.flatMap(faultyDevice), scenario.seed),
      ...(agents.machines === undefined ? [] : [agentFaults(agents.machines)]),
      serviceFaults({
        broker: connect.mqtt?.broker,
        gateway,
        network: ledger.network,
        dsoEnginePid: () => engines.powerFlow.pid,
      }),
    ],
    timeFor: clock.join,
    now: marketNow,
    publish: (mark) => faultsBus.publish(topics.faultMarks, mark),
    log: log.child({ room: 'faults' }),
  });
  let pageBus: Bus | undefined;
  if (options.page !== undefined) {
    pageBus = await connect('page');
    const page = await openBenchPage(options.page, folder, {
      ...{ bus: pageBus, gateway: gateway.client('operator'), now: clock.now, faults },
      ...{ speed: speed ?? null, log: log.child({ room: 'dashboard' }) },
    });
    closers.add('page', () => page.close());
    say(`the operator's page is at ${page.url}, its token in ${join(folder, CONTROL_FILE)}`);
  }
  const hands: Hands = {
    inverter: (derId) => bench.devices.find((device) => device.derId === derId)?.inverter,
    emulator: (name) => bench.emulatorTwin(name),
    endpoint: (derId) => bench.devices.find((device) => device.derId === derId)?.endpoint,
    stopAgent: (derId) => agents.stop(derId),
    restartGateway: async () => {
      await gateway.kill();
      await gateway.startAgain();
    },
    faults,
    dso: gateway.client('dso'),
    enginePids: () => ({ plant: bench.enginePid(), dso: engines.powerFlow.pid }),
  };
  for (const aggregator of aggregators) {
    await aggregator.start();
    closers.add('aggregator', () => aggregator.stop());
  }
  await agents.enrol((derId) => aggregatorOf.get(derId)!.issueCode(derId, CODE_VALID_MS));

  const minutes = schedule.length * scenario.calendar.interval_min;
  say(
    `${feeder.ders.length} DERs, ${schedule.length} intervals, ${minutes} minutes; ${bench.description.engine}`,
  );
  const setUp_ms = performance.now() - began;
  const timeline = faults.follow(timelineOf(scenario.faults ?? []), clock.join('faults'));
  closers.add('faults', () => faults.close(marketNow()));
  await options.onFaultControl?.(faults);
  const paced =
    options.paceSpeed === undefined || pace === undefined
      ? undefined
      : keepPace(clock.join('pace'), pace, schedule.at(-1)?.interval.end_ms ?? first_ms);
  const market = Promise.all([
    paced,
    bench.run(),
    iso.done(),
    timeline,
    ...aggregators.map((one) => one.done()),
  ]);
  // Those that a fault has ended may have been started again by then.
  const running = market.then(() => agents.done());
  hold.release();
  try {
    await Promise.race([running, clock.failure, interrupted(options.signal)]);
  } catch (error) {
    // Before anybody else is told: what stands at an emulator's output outlasts the run.
    await bench.breakOff();
    medium.abort?.(error);
    throw error;
  }
  const day_ms = performance.now() - began - setUp_ms;
  options.progress.finish();
  await faults.close(marketNow());
  await Promise.race([hold.regain(), clock.failure]);
  await grid.settle();
  await lab.settle();
  const record = await bench.record(gateway.client('operator'), {
    dsoEnforced: options.dsoEnforced,
    ledger: ledger.description,
    clock: medium.description,
    wall_ms: { setUp: Math.round(setUp_ms), day: Math.round(day_ms) },
    faults: faults.marks(),
    memory_MiB: memoryOf({
      fieldbid: process.pid,
      'gridlabd of the plant': bench.enginePid(),
      'gridlabd of the DSO': engines.powerFlow.pid,
    }),
  });
  endRunFile(folder, runFile, record.header.engine, record.faults);
  await writeLedgerPayloads(ledger.ledger, folder);
  if (options.onEnd !== undefined && medium.leave !== undefined) {
    // The page keeps what it was told; that everybody leaves is no news of the day.
    await pageBus?.close();
    await remote?.end();
    await medium.leave();
    await options.onEnd(record);
  } else {
    await options.onEnd?.(record);
    await remote?.end();
  }
  await closers.closeAll(log);
  return record;
}
