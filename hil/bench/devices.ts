/**
 * What stands at the DERs' buses: for each a simulated inverter behind a Modbus TCP socket of its own, or the
 * physical device that the scenario names. The actual sun and loads of the day are here, and nowhere else.
 */
import type { Bus } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { Measurement } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import { type Feeder, minuteOfDay } from '@fieldbid/dso/feeder/feeder';
import { SimulatedInverter } from '../devices/simulated-inverter.ts';
import type { LoadedScenario } from '../scenario/load.ts';
import { loadFactor, skyFactor } from '../scenario/weather.ts';
import type { Closers } from './closers.ts';
import type { PlantDevice } from './plant.ts';

export interface BenchDevice {
  readonly derId: string;
  /** Where its agent finds it: `tcp://HOST:PORT?unit=N`. */
  readonly endpoint: string;
  readonly profile: string;
  readonly plant: PlantDevice;
  /** Present when it is simulated. */
  readonly inverter?: SimulatedInverter;
}

export interface BenchDevices extends ReadonlyArray<BenchDevice> {
  /** Actual factor on each load of the model at market time `t_ms`. */
  loadFactors(t_ms: number): Readonly<Record<string, number>>;
}

/** Inverters stand behind their own transformer: 480 V line to line. */
const INVERTER_NOMINAL_V = 277.13;
const LOOPBACK = '127.0.0.1';

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
    // Its grid is the real one; a grid emulator would take these.
    setVoltages_pu: () => {},
  };
}

/** Opens a simulated inverter for each DER that the scenario does not give a physical device to. */
export async function openBenchDevices(options: {
  loaded: LoadedScenario;
  feeder: Feeder;
  now: () => number;
  /** Where the measurements of physical devices arrive. */
  bus: Bus;
  /** Port of the first simulated inverter, the others follow; free ones when absent. */
  firstPort?: number;
  closers: Closers;
}): Promise<BenchDevices> {
  const { loaded, feeder, now, bus, closers } = options;
  const { scenario } = loaded;
  const { calendar, deviations, seed } = scenario;
  const start_ms = Date.parse(calendar.start.replace('Z', ':00Z'));
  const day_min = calendar.intervals * calendar.interval_min;
  // The night before the first interval has weather as well: agents read then.
  const minuteOf = (t_ms: number): number => (t_ms - start_ms) / 60_000 + calendar.bid_min + 1;
  const minutes = day_min + calendar.bid_min + 2;
  const devices: BenchDevice[] = [];
  for (const { derId, device, profile } of scenario.ders) {
    const der = feeder.der(derId);
    if (der === undefined) throw new TypeError(`${derId} was checked to be a DER of the feeder`);
    const sky = skyFactor(deviations, seed, derId, minutes);
    const available_W = (t_ms: number): number =>
      feeder.clearSky_W(derId, minuteOfDay(t_ms)) * sky(minuteOf(t_ms));
    if (device !== 'simulated') {
      devices.push({ derId, endpoint: device, profile, plant: await measuredDevice(derId, bus) });
      continue;
    }
    const inverter = new SimulatedInverter({
      serial: der.deviceIds[0] ?? derId,
      phases: der.phases.join(''),
      rating_W: der.nameplate_W,
      nominal_V: INVERTER_NOMINAL_V,
      now,
      available_W,
    });
    const { port } = await inverter.listen(
      LOOPBACK,
      options.firstPort === undefined ? 0 : options.firstPort + devices.length,
    );
    closers.add(`inverter of ${derId}`, () => inverter.close());
    const plant: PlantDevice = {
      derId,
      terminalPower_W: () => inverter.terminalPower_W(),
      available_W: () => available_W(now()),
      setVoltages_pu: (voltages_pu) => inverter.setVoltages_pu(voltages_pu),
    };
    devices.push({ derId, endpoint: `tcp://${LOOPBACK}:${port}?unit=1`, profile, plant, inverter });
  }
  const factors = [...feeder.data.loads.keys()].map(
    (load) => [load, loadFactor(deviations, seed, load, minutes)] as const,
  );
  const loadFactors = (t_ms: number): Readonly<Record<string, number>> =>
    feeder.caseAt({
      minuteOfDay: minuteOfDay(t_ms),
      loadFactors: Object.fromEntries(factors.map(([load, factor]) => [load, factor(minuteOf(t_ms))])),
      derPower_W: {},
    }).loadFactors;
  return Object.assign(devices, { loadFactors });
}
