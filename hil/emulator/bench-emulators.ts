/** The grid emulators of a scenario on the bench: opened with their twins, put before their inverters' terminals. */
import type { Logger } from '@fieldbid/core/logging';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { Feeder } from '@fieldbid/dso/feeder/feeder';
import type { Closers } from '../bench/closers.ts';
import { type BenchDevices, LOOPBACK } from '../bench/devices.ts';
import { accessBeside, type OpcUaLab } from '../bench/opcua-lab.ts';
import type { EmulatorRecord, MinuteRecord } from '../recorder/run-record.ts';
import type { LoadedScenario } from '../scenario/load.ts';
import { BenchEmulator } from './bench-emulator.ts';
import { channelsOf, checkNodes, mappingFileOf, mappingOf, refuseElsewhere } from './check.ts';
import { EmulatorControl, type Pace, REAL_PACE } from './control.ts';
import type { GridEmulator } from './grid-emulator.ts';
import { openEmulator } from './open-emulator.ts';
import type { EmulatorSection } from './section.ts';
import type { EmulatorPhysicsOptions } from './twin/emulator-physics.ts';
import type { EmulatorTwin } from './twin/emulator-twin.ts';
import { ModbusTwin } from './twin/modbus-twin.ts';

export interface BenchEmulatorsOptions {
  readonly loaded: LoadedScenario;
  readonly feeder: Feeder;
  /** Every `node.phase` of the feeder, in the order of a minute's voltages. */
  readonly nodes: readonly string[];
  readonly devices: BenchDevices;
  /** Joins the clock of the feeder. */
  readonly join: (name: string) => TimeSource;
  /** Instants of the power flows, epoch ms. */
  readonly instants_ms: readonly number[];
  readonly opcuaLab: () => Promise<OpcUaLab>;
  readonly log: Logger;
  readonly say: (line: string) => void;
  readonly closers: Closers;
}

export interface BenchEmulators {
  take(minute: MinuteRecord): void;
  /** No power flow comes any more. */
  end(): void;
  /** To the end of the day, and back to the safe state. @throws FieldbidError `EMULATOR_NOT_TAKEN_OVER`. */
  run(): Promise<void>;
  /** The run is over before its time: physical emulators go back to their safe state. */
  breakOff(): Promise<void>;
  records(): EmulatorRecord[];
  twin(name: string): EmulatorTwin | undefined;
}

/** Real ms for a twin's answer: a busy machine must not look like a dead emulator. */
const PATIENT_DEADLINE_MS = 30_000;

/** @throws InputError where the scenario does not fit; FieldbidError when a physical emulator is not taken over. */
export async function openBenchEmulators(options: BenchEmulatorsOptions): Promise<BenchEmulators> {
  const { loaded, nodes, closers, devices } = options;
  const { emulators: sections = [] } = loaded.scenario;
  checkNodes(loaded, nodes);
  const here = devices.filter(({ inverter }) => inverter !== undefined).map(({ derId }) => derId);
  refuseElsewhere(
    loaded,
    loaded.scenario.ders.map(({ derId }) => derId).filter((derId) => !here.includes(derId)),
  );
  const emulators: BenchEmulator[] = [];
  for (const section of sections) emulators.push(await openOne(section, options));
  const each = async (act: (one: BenchEmulator) => Promise<void>): Promise<void> => {
    await Promise.all(emulators.map(act));
  };
  const breakOff = () => each((one) => one.breakOff());
  closers.add('grid emulators', breakOff);
  // A physical one that cannot be had is better known before the day than in it.
  await each(async (one) => (one.twin === undefined ? one.takeOver() : undefined));
  return {
    take: (minute) => {
      for (const one of emulators) one.take(minute);
    },
    end: () => {
      for (const one of emulators) one.end();
    },
    run: () => each((one) => one.run()),
    breakOff,
    records: () => emulators.map(({ record }) => record),
    twin: (name) => emulators.find((one) => one.name === name)?.twin,
  };
}

async function openOne(section: EmulatorSection, options: BenchEmulatorsOptions): Promise<BenchEmulator> {
  const { loaded, feeder, nodes, devices, join, closers, log, say, instants_ms } = options;
  const { name, der: derId, limits, nominal_V } = section;
  const connection = section.outputs?.map(({ node }) => node) ?? feeder.connection(derId);
  const channels = channelsOf(section, connection.length);
  const time = join(`emulator ${name}`);
  const { emulator, twin } = await opened(section, time, options);
  closers.add(`grid emulator ${name}`, () => emulator.close());
  const { watchdog } = mappingOf(section, loaded.file).mapping.points;
  const refresh_s = Math.min(limits.refresh_s, (watchdog?.timeout_s ?? Number.POSITIVE_INFINITY) / 3);
  const control = new EmulatorControl({
    ...{ emulator, section, channels },
    pace: twin === undefined ? REAL_PACE : marketPace(time),
    load_VA: feeder.der(derId)?.nameplate_W ?? 0,
  });
  const inverter = devices.find((device) => device.derId === derId)?.inverter;
  // What hangs on it has its voltage, and no other. Of a physical one that is what it measures.
  inverter?.followVoltages_V(() => {
    if (twin === undefined) return control.measured_V.map((volts) => volts ?? nominal_V);
    const output_V = twin.physics.output_V();
    return channels.map((channel) => output_V[channel] ?? 0);
  });
  return new BenchEmulator({
    ...{ name, derId, nominal_V, control, time, instants_ms, log, say },
    device: section.device === 'simulated' ? `simulated ${section.protocol}` : section.device,
    ...(twin === undefined ? {} : { twin }),
    outputs: connection.map((node) => ({ node, index: nodes.indexOf(node) })),
    refresh_ms: refresh_s * 1000,
  });
}

interface Opened {
  readonly emulator: GridEmulator;
  /** Present when it is simulated. */
  readonly twin?: EmulatorTwin;
}

async function opened(
  section: EmulatorSection,
  time: TimeSource,
  { loaded, closers, opcuaLab }: BenchEmulatorsOptions,
): Promise<Opened> {
  const { device, name, opcua, protocol } = section;
  const mappingFile = mappingFileOf(section, loaded.file);
  if (device !== 'simulated') {
    const access = opcua === undefined ? {} : { opcua: accessBeside(loaded.file, opcua) };
    const source = { file: loaded.file, path: `emulator ${name}` };
    return { emulator: openEmulator({ endpoint: device, mappingFile, ...access, now: Date.now, source }) };
  }
  const now = (): number => time.now();
  // As a person has left it who closes its output; open where the bench is to do that.
  const physics = { nominal_V: section.nominal_V, now, output: section.enable ? 'off' : 'on' } as const;
  const lab = protocol === 'opcua' ? await opcuaLab() : undefined;
  const twin = lab === undefined ? new ModbusTwin(physics) : await opcUaTwin(physics, lab);
  const { endpoint } = await twin.listen(LOOPBACK, 0);
  closers.add(`simulated grid emulator ${name}`, () => twin.close());
  const access = lab === undefined ? {} : { opcua: lab.access };
  const emulator = openEmulator({ endpoint, mappingFile, ...access, now, deadline_ms: PATIENT_DEADLINE_MS });
  return { emulator, twin };
}

async function opcUaTwin(physics: EmulatorPhysicsOptions, lab: OpcUaLab): Promise<EmulatorTwin> {
  // The server's library takes a second to load: not for a day that has no such device.
  const { OpcUaTwin } = await import('./twin/opcua-twin.ts');
  return new OpcUaTwin({ ...physics, pkiFolder: lab.serverPki, user: lab.user });
}

function marketPace(time: TimeSource): Pace {
  return {
    now: () => time.now(),
    wait: async (duration_ms) => void (await time.requestTime(time.now() + duration_ms)),
  };
}
