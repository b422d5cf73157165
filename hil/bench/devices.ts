/**
 * What stands at the DERs' buses: for each a simulated inverter behind a socket of its own (Modbus TCP or OPC UA),
 * or the physical device that the scenario names. The actual sun and loads of the day are here, and nowhere else.
 */
import type { Bus } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { besideFile } from '@fieldbid/core/config';
import { Measurement } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import { type Feeder, minuteOfDay } from '@fieldbid/dso/feeder/feeder';
import type { DerDevice } from '@fieldbid/edge-agent/device/der-device';
import type { OpcUaAccess } from '@fieldbid/edge-agent/drivers/opcua/access';
import { profileBeside } from '@fieldbid/edge-agent/profiles/profile';
import { InProcessInverter } from '../devices/in-process-inverter.ts';
import { INVERTER_NOMINAL_V } from '../devices/inverter-physics.ts';
import type { SimulatedOpcUaInverterOptions } from '../devices/opcua/simulated-opcua-inverter.ts';
import { serveDumpFile } from '../devices/replay.ts';
import {
  type Faults,
  SimulatedInverter,
  type SimulatedInverterOptions,
} from '../devices/simulated-inverter.ts';
import { familyOf } from '../devices/twins/families.ts';
import type { FaultyDevice } from '../faults/device-faults.ts';
import type { FaultyLine } from '../faults/line.ts';
import { ModbusFaultProxy } from '../faults/modbus-proxy.ts';
import type { DeviceWrites } from '../recorder/run-record.ts';
import type { LoadedScenario } from '../scenario/load.ts';
import { DUMP, type Scenario } from '../scenario/schema.ts';
import { loadFactor, skyFactor } from '../scenario/weather.ts';
import type { Closers } from './closers.ts';
import { accessBeside, type OpcUaLab, sharedOpcUaLab } from './opcua-lab.ts';
import type { PlantDevice } from './plant.ts';

export interface BenchDevice {
  readonly derId: string;
  /** Where its agent finds it: Modbus (edge-agent/drivers/modbus/endpoint.ts) or `opc.tcp://HOST:PORT/PATH`. */
  readonly endpoint: string;
  readonly profile: string;
  /** OPC UA: its mapping file, and how to reach it. */
  readonly mapping?: string;
  readonly opcua?: OpcUaAccess;
  readonly plant: PlantDevice;
  /** Present when it is spoken to by calls. */
  readonly device?: DerDevice;
  /** Present when it is simulated. */
  readonly inverter?: BenchInverter;
  /** Between it and its agent, where the scenario names faults. */
  readonly proxy?: ModbusFaultProxy;
}

/** A simulated inverter, whatever it speaks. */
export type BenchInverter = Pick<
  SimulatedInverter,
  | 'terminalPower_W'
  | 'energy_Wh'
  | 'limitInForce_pct'
  | 'setVoltages_pu'
  | 'followVoltages_V'
  | 'writeTransactions'
  | 'port'
  | 'close'
> & {
  readonly faults: Faults;
  /** Of one that speaks Modbus TCP. */
  readonly line?: FaultyLine;
  /** Registers written: name → how often. */
  readonly writes?: ReadonlyMap<string, number>;
};

/** What its clients have written so far. */
export function writesOf({ writeTransactions, writes }: BenchInverter): Omit<DeviceWrites, 'derId'> {
  const mostOfOneRegister = writes === undefined ? null : Math.max(0, ...writes.values());
  return { requests: writeTransactions, mostOfOneRegister };
}

/** A simulated device as faults on demand see it: a line that a scenario disturbs already is left to the scenario. */
export function faultyDevice({ derId, inverter, proxy }: BenchDevice): FaultyDevice[] {
  if (inverter === undefined) return [];
  const { faults, line } = inverter;
  return [{ derId, faults, ...(line === undefined || proxy !== undefined ? {} : { line }) }];
}

export interface BenchDevices extends ReadonlyArray<BenchDevice> {
  /** Actual factor on each load of the model at market time `t_ms`. */
  loadFactors(t_ms: number): Readonly<Record<string, number>>;
  /** What clients have written to them, where they run elsewhere. */
  writes?(): Promise<DeviceWrites[]>;
}

export const LOOPBACK = '127.0.0.1';

/**
 * A physical device enters the feeder with what its agent measures: the plant cannot know more. Before the
 * first measurement it counts as delivering nothing.
 */
async function measuredDevice(derId: string, bus: Bus): Promise<PlantDevice> {
  let last: Measurement | undefined;
  await bus.subscribe(topics.measurements(derId), ({ topic, message }) => {
    const measurement = parse(Measurement, message, topic);
    if (measurement.historical !== true) last = measurement;
  });
  return {
    derId,
    terminalPower_W: () => last?.power_W ?? 0,
    available_W: () => last?.available_W ?? last?.power_W ?? 0,
    // Its grid is the real one, or a grid emulator's (hil/emulator/bench-emulators.ts).
    setVoltages_pu: () => {},
  };
}

/** @param fed its voltage is a grid emulator's, and not the plant's. */
function plantOf(
  derId: string,
  inverter: BenchInverter,
  available_W: () => number,
  fed: boolean,
): PlantDevice {
  return {
    ...{ derId, available_W },
    terminalPower_W: () => inverter.terminalPower_W(),
    setVoltages_pu: fed ? () => {} : (voltages_pu) => inverter.setVoltages_pu(voltages_pu),
  };
}

type Simulated = Omit<SimulatedOpcUaInverterOptions, 'pkiFolder' | 'user'>;

async function openModbus(simulated: SimulatedInverterOptions, port: number) {
  const inverter = new SimulatedInverter(simulated);
  const bound = await inverter.listen(LOOPBACK, port);
  return { inverter, endpoint: endpointOf(bound.port, inverter.unit) };
}

function endpointOf(port: number, unit: number): string {
  return `tcp://${LOOPBACK}:${port}?unit=${unit}`;
}

/** Whose registers and ways it has: of the twin that is named, or that fits its profile. */
function waysOf({
  profile,
  twin,
  quirks = {},
}: Scenario['ders'][number]): Pick<SimulatedInverterOptions, 'family' | 'quirks'> {
  return { family: twin ?? familyOf(profile), quirks };
}

async function openOpcUa(lab: OpcUaLab, simulated: Simulated, port: number) {
  const { SimulatedOpcUaInverter } = await import('../devices/opcua/simulated-opcua-inverter.ts');
  const inverter = new SimulatedOpcUaInverter({ ...simulated, pkiFolder: lab.serverPki, user: lab.user });
  const { endpoint } = await inverter.listen(LOOPBACK, port);
  return { inverter, endpoint, mapping: lab.mapping(simulated.phases), opcua: lab.access };
}

/** Opens a simulated inverter for each DER that the scenario does not give a physical device to. */
export async function openBenchDevices(options: {
  loaded: LoadedScenario;
  feeder: Feeder;
  now: () => number;
  /** Market time at a DER, where each has a clock of its own. */
  nowAt?: (derId: string) => () => number;
  /** Where the measurements of physical devices arrive. */
  bus: Bus;
  /** Port of the first simulated inverter, the others follow; free ones when absent. */
  firstPort?: number;
  /** Certificates, password and mappings of simulated OPC UA inverters; temporary ones when absent. */
  opcuaLab?: () => Promise<OpcUaLab>;
  closers: Closers;
}): Promise<BenchDevices> {
  const { loaded, feeder, bus, closers } = options;
  const { scenario } = loaded;
  const { deviations, seed } = scenario;
  const { minuteOf, minutes } = daySpan(loaded);
  const devices: BenchDevice[] = [];
  const lab = options.opcuaLab ?? sharedOpcUaLab(undefined, LOOPBACK, closers);
  const fedByEmulator = new Set(scenario.emulators?.map(({ der: fed }) => fed));
  for (const owned of scenario.ders) {
    const { derId, device, protocol, mapping, opcua, faults = [] } = owned;
    const profile = profileBeside(loaded.file, owned.profile);
    const der = feeder.der(derId);
    if (der === undefined) throw new TypeError(`${derId} was checked to be a DER of the feeder`);
    const now = options.nowAt?.(derId) ?? options.now;
    const sky = der.resource === 'storage' ? () => 1 : skyFactor(deviations, seed, derId, minutes);
    const available_W = (t_ms: number): number =>
      feeder.clearSky_W(derId, minuteOfDay(t_ms)) * sky(minuteOf(t_ms));
    const agentsPort = options.firstPort === undefined ? 0 : options.firstPort + devices.length;
    if (device.startsWith(DUMP)) {
      const served = await serveDumpFile(besideFile(loaded.file, device.slice(DUMP.length)), agentsPort);
      closers.add(`${device} of ${derId}`, () => served.close());
      const { endpoint } = served;
      devices.push({ derId, profile, endpoint, plant: await measuredDevice(derId, bus) });
      continue;
    }
    if (device !== 'simulated') {
      devices.push({
        ...{ derId, endpoint: device, profile, plant: await measuredDevice(derId, bus) },
        ...(mapping === undefined ? {} : { mapping: besideFile(loaded.file, mapping) }),
        ...(opcua === undefined ? {} : { opcua: accessBeside(loaded.file, opcua) }),
      });
      continue;
    }
    const simulated = {
      serial: der.deviceIds[0] ?? derId,
      phases: der.phases.join(''),
      rating_W: der.nameplate_W,
      nominal_V: INVERTER_NOMINAL_V,
      now,
      available_W,
    };
    if (protocol === 'in-process') {
      const inverter = new InProcessInverter(simulated);
      const plant = plantOf(derId, inverter, () => available_W(now()), fedByEmulator.has(derId));
      devices.push({ derId, profile, endpoint: 'in-process', plant, inverter, device: inverter });
      continue;
    }
    const ownPort = faults.length === 0 ? agentsPort : 0;
    const found =
      protocol === 'opcua'
        ? await openOpcUa(await lab(), simulated, ownPort)
        : await openModbus({ ...simulated, ...waysOf(owned) }, ownPort);
    const { inverter } = found;
    let { endpoint } = found;
    closers.add(`inverter of ${derId}`, () => inverter.close());
    let proxy: ModbusFaultProxy | undefined;
    if (faults.length > 0) {
      const target = { host: LOOPBACK, port: inverter.port };
      const faulty = new ModbusFaultProxy({ target, rules: faults, seed: `${seed} ${derId}`, now });
      const bound = await faulty.listen(LOOPBACK, agentsPort);
      endpoint = endpoint.replace(`:${inverter.port}?`, `:${bound.port}?`);
      closers.add(`faults of ${derId}`, () => faulty.close());
      proxy = faulty;
    }
    const plant = plantOf(derId, inverter, () => available_W(now()), fedByEmulator.has(derId));
    devices.push({ derId, profile, plant, ...found, endpoint, ...(proxy === undefined ? {} : { proxy }) });
  }
  return Object.assign(devices, { loadFactors: actualLoads(loaded, feeder) });
}

/** Minutes of the run's weather: the night before the first interval has some as well, agents read then. */
function daySpan({ scenario }: LoadedScenario): { minuteOf: (t_ms: number) => number; minutes: number } {
  const { start, bid_min, intervals, interval_min } = scenario.calendar;
  const start_ms = Date.parse(start.replace('Z', ':00Z'));
  return {
    minuteOf: (t_ms) => (t_ms - start_ms) / 60_000 + bid_min + 1,
    minutes: intervals * interval_min + bid_min + 2,
  };
}

/** @returns the actual factor on each load of the model at a market time. */
export function actualLoads(loaded: LoadedScenario, feeder: Feeder): BenchDevices['loadFactors'] {
  const { deviations, seed } = loaded.scenario;
  const { minuteOf, minutes } = daySpan(loaded);
  const factors = [...feeder.data.loads.keys()].map(
    (load) => [load, loadFactor(deviations, seed, load, minutes)] as const,
  );
  return (t_ms) =>
    feeder.caseAt({
      minuteOfDay: minuteOfDay(t_ms),
      loadFactors: Object.fromEntries(factors.map(([load, factor]) => [load, factor(minuteOf(t_ms))])),
      derPower_W: {},
    }).loadFactors;
}
