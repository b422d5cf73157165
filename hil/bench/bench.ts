/**
 * The bench proper: devices, plant and recorder. The market around it may run in this process (market-day.ts) or
 * in processes of its own (bench-command.ts); the bench cannot tell.
 */
import type { Bus } from '@fieldbid/core/bus/bus';
import type { Logger } from '@fieldbid/core/logging';
import { dayAheadMoments, moments } from '@fieldbid/core/market/calendar';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { Feeder } from '@fieldbid/dso/feeder/feeder';
import { openPowerFlow } from '@fieldbid/dso/feeder/open-feeder';
import type { FeederDescription } from '@fieldbid/dso/power-flow/power-flow';
import { openBenchEmulators } from '../emulator/bench-emulators.ts';
import type { EmulatorTwin } from '../emulator/twin/emulator-twin.ts';
import { MarketRecorder, type RecordSource } from '../recorder/market-recorder.ts';
import type { MinuteRecord, RunRecord } from '../recorder/run-record.ts';
import type { LoadedScenario } from '../scenario/load.ts';
import type { Closers } from './closers.ts';
import { type BenchDevices, LOOPBACK, openBenchDevices, writesOf } from './devices.ts';
import { sharedOpcUaLab } from './opcua-lab.ts';
import type { Pace } from './pace.ts';
import { Plant, type TerminalLink } from './plant.ts';
import type { Progress } from './progress.ts';

export interface BenchParts {
  readonly loaded: LoadedScenario;
  readonly feeder: Feeder;
  readonly now: () => number;
  /** Market time at a DER, where each has a clock of its own. */
  readonly nowAt?: (derId: string) => () => number;
  readonly time: TimeSource;
  /** The wall clock, where market time goes by it; absent on a clock that waits for the work. */
  readonly pace?: Pace;
  /** Joins the feeder's clock: each grid emulator is a participant of its own. */
  readonly join: (name: string) => TimeSource;
  /** Devices that run elsewhere; absent: they are opened here. */
  readonly devices?: BenchDevices;
  /** What lies between the devices and the feeder; absent: nothing. */
  readonly linkOf?: (devices: BenchDevices) => TerminalLink;
  readonly connect: (clientId: string) => Promise<Bus>;
  /** Port of the first simulated inverter, the others follow; free ones when absent. */
  readonly firstPort?: number;
  /** Certificates, password and mappings of simulated OPC UA inverters; a temporary one when absent. */
  readonly opcuaFolder?: string;
  readonly progress: Progress;
  readonly onMinute?: (minute: MinuteRecord) => void | Promise<void>;
  readonly log: Logger;
  /** Lines for whoever watches. */
  readonly say: (line: string) => void;
  readonly closers: Closers;
}

export interface Bench {
  readonly devices: BenchDevices;
  /** The feeder as the plant's engine has it: that engine's name, node and phase of each voltage of a minute. */
  readonly description: FeederDescription;
  /** Process of the plant's power flow, while it runs. */
  enginePid(): number | undefined;
  /** Of a simulated grid emulator, by its name. */
  emulatorTwin(name: string): EmulatorTwin | undefined;
  /** The feeder, minute by minute, to the end of the day; and grid emulators back to their safe state. */
  run(): Promise<void>;
  /** The run ends before its time: physical grid emulators go back to their safe state first. */
  breakOff(): Promise<void>;
  /** Everything that happened, once the day is over. */
  record(
    source: RecordSource,
    about: Pick<RunRecord['header'], 'dsoEnforced' | 'clock' | 'ledger'> &
      Pick<RunRecord, 'wall_ms' | 'memory_MiB'> &
      Partial<Pick<RunRecord, 'faults'>>,
  ): Promise<RunRecord>;
}

export async function openBench(parts: BenchParts): Promise<Bench> {
  const { loaded, feeder, connect, log, closers, progress } = parts;
  const { scenario } = loaded;
  const schedule = moments(scenario.calendar);
  const start_ms = schedule[0]?.interval.start_ms ?? 0;
  const end_ms = schedule.at(-1)?.interval.end_ms ?? start_ms;
  const powerFlow = await openPowerFlow(feeder, log.child({ room: 'plant' }));
  closers.add('power flow of the plant', () => powerFlow.close());
  const recorder = new MarketRecorder(await connect('recorder'));
  await recorder.start();
  closers.add('recorder', () => recorder.close());
  const opcuaLab = sharedOpcUaLab(parts.opcuaFolder, LOOPBACK, closers);
  const devices =
    parts.devices ??
    (await openBenchDevices({
      loaded,
      feeder,
      now: parts.now,
      ...(parts.nowAt === undefined ? {} : { nowAt: parts.nowAt }),
      bus: await connect('plant'),
      ...{ opcuaLab, closers },
      ...(parts.firstPort === undefined ? {} : { firstPort: parts.firstPort }),
    }));
  const step_ms = scenario.powerFlow.step_s * 1000;
  const offset_ms = scenario.powerFlow.offset_s * 1000;
  const emulators = await openBenchEmulators({
    ...{ loaded, feeder, devices, opcuaLab, closers, join: parts.join, say: parts.say },
    nodes: powerFlow.description.nodePhases,
    instants_ms: Array.from(
      { length: Math.ceil((end_ms - start_ms) / step_ms) },
      (_, i) => start_ms + i * step_ms + offset_ms,
    ),
    log: log.child({ room: 'emulators' }),
  });
  const link = parts.linkOf?.(devices);
  const minutes: MinuteRecord[] = [];
  const plant = new Plant({
    time: parts.time,
    powerFlow,
    devices: link?.devices ?? devices.map((device) => device.plant),
    ...(link === undefined ? {} : { link }),
    connections: new Map(feeder.ders.map(({ derId }) => [derId, feeder.connection(derId)])),
    loadFactors: devices.loadFactors,
    start_ms,
    end_ms,
    ...(parts.pace === undefined ? {} : { pace: parts.pace }),
    step_ms,
    offset_ms,
    onMinute: async (minute) => {
      minutes.push(minute);
      emulators.take(minute);
      const highest =
        minute.voltages_pu.length === 0 ? 'not solved' : `${Math.max(...minute.voltages_pu).toFixed(4)} pu`;
      progress.update(
        minutes.length,
        `${new Date(minute.at_ms).toISOString().slice(11, 16)} · highest ${highest}`,
      );
      await parts.onMinute?.(minute);
    },
    log: log.child({ room: 'plant' }),
  });
  return {
    devices,
    description: powerFlow.description,
    enginePid: () => powerFlow.pid,
    emulatorTwin: (name) => emulators.twin(name),
    run: async () => {
      await Promise.all([plant.run().finally(() => emulators.end()), emulators.run()]);
    },
    breakOff: async () => {
      parts.time.close();
      await emulators.breakOff();
    },
    record: async (source, { dsoEnforced, ledger, clock, wall_ms, memory_MiB, faults = [] }) => {
      await recorder.settle();
      const intervals = await recorder.collect(
        source,
        schedule.map(({ interval }) => interval.id),
      );
      const dayAhead = await recorder.collect(
        source,
        dayAheadMoments(scenario.calendar).map(({ interval }) => interval.id),
      );
      return {
        header: {
          scenario: scenario.name,
          seed: scenario.seed,
          feederId: feeder.id,
          start_ms,
          intervals: schedule.length,
          interval_min: scenario.calendar.interval_min,
          bid_min: scenario.calendar.bid_min,
          dsoEnforced,
          ledger,
          engine: powerFlow.description.engine,
          clock,
          limits_pu: [feeder.data.limits.low_pu, feeder.data.limits.high_pu],
        },
        nodes: powerFlow.description.nodePhases,
        // In the order of the plant's devices, which is the scenario's.
        derIds: devices.map(({ derId }) => derId),
        minutes,
        pacing: plant.pacing,
        intervals,
        dayAhead,
        settlements: recorder.settlements(),
        verdicts: recorder.verdicts(),
        faults,
        emulators: emulators.records(),
        writes:
          (await devices.writes?.()) ??
          devices.flatMap(({ derId, inverter }) =>
            inverter === undefined ? [] : [{ derId, ...writesOf(inverter) }],
          ),
        wall_ms,
        memory_MiB,
      };
    },
  };
}
