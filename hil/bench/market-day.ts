/**
 * One market day in one process (M1-M3, M27-M30): simulated inverters behind Modbus TCP or OPC UA sockets, an agent per
 * DER, DERA, BC-GW, DSO and ISO, and the plant that solves the feeder every minute. They share nothing but
 * sockets and the clock.
 */
import { join } from 'node:path';
import { Journal } from '@fieldbid/aggregator/registration/journal';
import type { GatewayClient } from '@fieldbid/core/gateway-api/client';
import type { Logger } from '@fieldbid/core/logging';
import { firstBid_ms, moments } from '@fieldbid/core/market/calendar';
import { policyNamed } from '@fieldbid/dso/feasibility/policies';
import { openPowerFlow, openSearchFlow } from '@fieldbid/dso/feeder/open-feeder';
import { DsoService } from '@fieldbid/dso/service';
import type { MinuteRecord, RunRecord } from '../recorder/run-record.ts';
import { type LoadedScenario, scenarioFeeder } from '../scenario/load.ts';
import { startAgents } from './agents.ts';
import { openBench } from './bench.ts';
import { openClock } from './clock.ts';
import { Closers } from './closers.ts';
import { openBus } from './connect.ts';
import type { BenchInverter } from './devices.ts';
import { GridMeasurements } from './grid-measurements.ts';
import { type LedgerChoice, openBenchLedger } from './ledger.ts';
import { writeLedgerPayloads } from './ledger-payloads.ts';
import { baselinesOf, makeAggregator, openGateway, startIso } from './market-services.ts';
import { memoryOf } from './memory.ts';
import { CONTROL_FILE, openBenchPage, type PageAddress } from './page.ts';
import { portfolioOf } from './portfolio.ts';
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
  readonly log: Logger;
  readonly say: (line: string) => void;
  /** Called after each minute of the plant, with what a fault test may lay hands on. */
  readonly onMinute?: (minute: MinuteRecord, hands: Hands) => void | Promise<void>;
  readonly progress: Progress;
  /** Where the operator's page is served; absent: nowhere. */
  readonly page?: PageAddress;
  /** Called when the day is over and recorded, while everything is still up. */
  readonly onEnd?: (record: RunRecord) => Promise<void>;
}

/** What can be broken while a day runs. */
export interface Hands {
  /** Simulated inverter of a DER. */
  inverter(derId: string): BenchInverter | undefined;
  /** Where a DER's device answers. */
  endpoint(derId: string): string | undefined;
  /** Ends a DER's agent as a power cut of its gateway would. */
  stopAgent(derId: string): Promise<void>;
  /** Ends the BC-GW and starts it again. */
  restartGateway(): Promise<void>;
  /** The DSO's way into the BC-GW. */
  readonly dso: GatewayClient;
  /** Process ids of the engines, while they run. */
  enginePids(): { plant: number | undefined; dso: number | undefined };
}

/** Real ms for a simulated inverter's answer on the fast clock. */
const PATIENT_DEADLINE_MS = 30_000;
/** Codes of the bench are used at once. Real ms. */
const CODE_VALID_MS = 60_000;

/** @throws FieldbidError or InputError when the bench cannot be set up; what happens in the day is in the record. */
export async function runMarketDay(options: MarketDayOptions): Promise<RunRecord> {
  const closers = new Closers();
  try {
    return await run(options, closers);
  } finally {
    await closers.closeAll(options.log);
  }
}

async function run(options: MarketDayOptions, closers: Closers): Promise<RunRecord> {
  const { loaded, folder, log, say } = options;
  const { scenario } = loaded;
  const began = performance.now();
  const feeder = scenarioFeeder(loaded);
  const baselines = baselinesOf(loaded);
  const schedule = moments(scenario.calendar);
  // Before the clock: on first use this sets up Python, which takes a while.
  const dsoFlow = await openPowerFlow(feeder, log.child({ room: 'dso' }));
  closers.add('power flow of the DSO', () => dsoFlow.close());
  const dsoSearch = await openSearchFlow(feeder, log.child({ room: 'dso' }));
  closers.add('search engine of the DSO', async () => dsoSearch?.close());
  const clock = openClock(firstBid_ms(scenario.calendar), options, closers);
  // Holds time back until everything has been started.
  const starting = clock.join('bench');

  const connect = await openBus(options, closers);
  const marketNow = (): number => Math.floor(clock.now());
  const choice = options.ledger ?? { kind: 'embedded' };
  const ledger = await openBenchLedger(choice, folder, marketNow, say, closers);
  const gateway = await openGateway(loaded, folder, ledger, marketNow, log, closers);

  const dso = new DsoService({
    gateway: gateway.client('dso'),
    feeder,
    powerFlow: dsoFlow,
    search: dsoSearch,
    interval_min: scenario.calendar.interval_min,
    deraIds: [scenario.deraId],
    policy: policyNamed(scenario.dso.policy),
    safety: scenario.dso.safety,
    margin_pu: scenario.dso.margin_pu ?? feeder.data.margin_pu,
    enforce: options.dsoEnforced,
    log: log.child({ room: 'dso' }),
  });
  dso.start();
  closers.add('DSO', () => dso.stop());
  const iso = await startIso(loaded, await connect('iso'), clock.join('iso'), log);
  closers.add('ISO', () => iso.stop());
  const gridLog = log.child({ room: 'plant' });
  const grid = new GridMeasurements(gateway.client('dso'), feeder.id, () => bench.nodes, gridLog);
  // On a broker of this run alone only the page can listen.
  const listened = options.page !== undefined || options.brokerUrl !== undefined;
  const lab = new LabPublisher(await connect('lab'), gridLog);
  const bench = await openBench({
    loaded,
    feeder,
    now: clock.now,
    time: clock.join('plant'),
    connect,
    progress: options.progress,
    onMinute: (minute) => {
      grid.take(minute);
      if (listened) lab.take(minute);
      return options.onMinute?.(minute, hands);
    },
    log,
    closers,
  });
  const clockText = options.realtimeSpeed === undefined ? 'fast' : `wall clock × ${options.realtimeSpeed}`;
  const description = labDescription({
    ...{ scenario, feeder, description: bench.description, clock: clockText, ledger: ledger.description },
    ...{ derIds: bench.devices.map(({ derId }) => derId), deraOf: () => scenario.deraId },
  });
  await lab.describe(description);
  if (options.page !== undefined) {
    const page = await openBenchPage(options.page, folder, {
      ...{ bus: await connect('page'), gateway: gateway.client('operator'), now: clock.now },
      ...{ speed: options.realtimeSpeed ?? null, log: log.child({ room: 'dashboard' }) },
    });
    closers.add('page', () => page.close());
    say(`the operator's page is at ${page.url}, its token in ${join(folder, CONTROL_FILE)}`);
  }
  const agents = await startAgents({
    loaded,
    feeder,
    devices: bench.devices,
    connect,
    timeFor: clock.join,
    // While time stands still a busy machine must not look like a dead inverter: two runs would differ.
    ...(options.realtimeSpeed === undefined ? { deadline_ms: PATIENT_DEADLINE_MS } : {}),
    log,
    closers,
  });
  const aggregator = makeAggregator(
    loaded,
    {
      bus: await connect(scenario.deraId),
      time: clock.join(scenario.deraId),
      gateway: gateway.client('dera'),
      journal: new Journal(join(folder, `${scenario.deraId}.keys.ndjson`)),
      settlement: {
        ...{ time: clock.join(`${scenario.deraId}/settlement`), rules: scenario.settlement },
        ...(baselines === undefined ? {} : { baselines }),
      },
      portfolio: portfolioOf(feeder).map((der) => ({ ...der, deraId: scenario.deraId })),
    },
    log,
  );
  const hands: Hands = {
    inverter: (derId) => bench.devices.find((device) => device.derId === derId)?.inverter,
    endpoint: (derId) => bench.devices.find((device) => device.derId === derId)?.endpoint,
    stopAgent: (derId) => agents.stop(derId),
    restartGateway: () => gateway.restart(),
    dso: gateway.client('dso'),
    enginePids: () => ({ plant: bench.enginePid(), dso: dsoFlow.pid }),
  };
  await aggregator.start();
  closers.add('aggregator', () => aggregator.stop());
  await agents.enrol((derId) => aggregator.issueCode(derId, CODE_VALID_MS));

  const minutes = schedule.length * scenario.calendar.interval_min;
  say(`${feeder.ders.length} DERs, ${schedule.length} intervals, ${minutes} minutes; ${bench.engine}`);
  const setUp_ms = performance.now() - began;
  const running = Promise.all([bench.run(), aggregator.done(), iso.done(), agents.done()]);
  starting.close();
  await Promise.race([running, clock.failure]);
  const day_ms = performance.now() - began - setUp_ms;
  options.progress.finish();
  await grid.settle();
  await lab.settle();
  const record = await bench.record(gateway.client('operator'), {
    dsoEnforced: options.dsoEnforced,
    ledger: ledger.description,
    clock: clockText,
    wall_ms: { setUp: Math.round(setUp_ms), day: Math.round(day_ms) },
    memory_MiB: memoryOf({
      fieldbid: process.pid,
      'gridlabd of the plant': bench.enginePid(),
      'gridlabd of the DSO': dsoFlow.pid,
    }),
  });
  await writeLedgerPayloads(ledger.ledger, folder);
  await options.onEnd?.(record);
  await closers.closeAll(log);
  return record;
}
