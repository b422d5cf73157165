/**
 * Start time and memory of the edge agent, installed alone, on emulated ARM and beside it on this machine: the broker
 * and the inverters are the bench's, outside of the emulation. Called by run-edge-tests.sh.
 *
 *   measure.ts ROOT NODE SAME    ROOT the arm64 root, NODE the path of Node in it, SAME the same tree for this machine
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MqttBus } from '@fieldbid/core/bus/mqtt-bus';
import { topics } from '@fieldbid/core/bus/topics';
import { FieldbidError } from '@fieldbid/core/errors';
import { peakMemoryOf } from '../bench/memory.ts';
import { EmbeddedBroker } from '../broker/embedded-broker.ts';
import { SimulatedInverter } from '../devices/simulated-inverter.ts';
import { type Program, printed, start } from '../testing/programs.ts';

/** The budget's case: ten devices at 1 Hz. */
const DEVICES = 10;
const READINGS_EACH = 30;
const STARTS = 3;
const DEADLINE_MS = 600_000;

const FIELDBID = 'core/bin/fieldbid.js';
/** What Node itself takes, and the emulator around it. */
const EMPTY_PROGRAM = "console.log('up'); setTimeout(() => {}, 1e9)";

/** Where the agent is installed, and what starts Node there. */
interface Place {
  readonly name: string;
  /** A folder of this run, as this process sees it and as the agent does. */
  readonly folder: string;
  readonly seen: string;
  readonly node: readonly string[];
}

const [root = '', node = '', same = ''] = process.argv.slice(2);
const enterRoot = ['/usr/sbin/chroot', '--userspec=1000:1000', root];
const places: readonly Place[] = [
  {
    name: 'arm64, emulated',
    folder: join(root, 'tmp/measure'),
    seen: '/tmp/measure',
    node: [...enterRoot, ...cleanStart('/work', '/tmp/measure'), node],
  },
  {
    name: `${process.arch}, this machine`,
    folder: join(same, 'measure'),
    seen: join(same, 'measure'),
    node: [...cleanStart(same, join(same, 'measure')), process.execPath],
  },
];
const columns: string[][] = [];
for (const place of places) columns.push(await figures(place));
const WHAT = [
  '',
  '`fieldbid edge --help`, first start, s',
  `the same, median of ${STARTS} later starts, s`,
  `\`fieldbid edge run\`, until all ${DEVICES} devices were read, s`,
  `peak resident memory (VmHWM) after ${READINGS_EACH} readings of each, MiB`,
  'the same of an empty Node program, MiB',
];
for (const [i, what] of WHAT.entries()) {
  console.log([what.padEnd(66), ...columns.map((column) => (column[i] ?? '').padStart(20))].join(''));
}

/** The agent in `app` with nothing of this process's environment; tsx keeps what it has compiled in `temp`. */
function cleanStart(app: string, temp: string): string[] {
  return ['/usr/bin/env', '-i', `--chdir=${app}`, `TMPDIR=${temp}`, 'PATH=/usr/bin:/bin', 'LANG=C.UTF-8'];
}

function run({ node: [command = '', ...before] }: Place, ...args: string[]): Program {
  return start(command, [...before, ...args]);
}

async function figures(place: Place): Promise<string[]> {
  mkdirSync(place.folder);
  // In the root the agent is another user than this process.
  chmodSync(place.folder, 0o777);
  try {
    const first_s = await helpTime(place);
    const later_s: number[] = [];
    for (let i = 0; i < STARTS; i++) later_s.push(await helpTime(place));
    later_s.sort((a, b) => a - b);
    const { allRead_s, peak_MiB } = await runAgent(place);
    const times = [first_s, later_s[Math.floor(STARTS / 2)] ?? 0, allRead_s].map((time_s) =>
      time_s.toFixed(1),
    );
    const empty_MiB = await emptyProgram(place);
    return [place.name, ...times, String(peak_MiB), String(empty_MiB)];
  } finally {
    rmSync(place.folder, { recursive: true });
  }
}

async function helpTime(place: Place): Promise<number> {
  const began_ms = performance.now();
  const program = run(place, FIELDBID, 'edge', '--help');
  const code = await program.ended;
  if (code !== 0 || !program.output().includes('Usage: fieldbid edge')) throw failed(place, program, code);
  return (performance.now() - began_ms) / 1000;
}

async function emptyProgram(place: Place): Promise<number> {
  const program = run(place, '--eval', EMPTY_PROGRAM);
  try {
    await printed(program, 'up');
    const peak_MiB = peakMemoryOf(program.process.pid ?? 0);
    if (peak_MiB === undefined) throw failed(place, program, null);
    return peak_MiB;
  } finally {
    await program.stop();
  }
}

async function runAgent(place: Place): Promise<{ allRead_s: number; peak_MiB: number }> {
  const broker = await EmbeddedBroker.start();
  const dera = await MqttBus.connect({ url: broker.url, clientId: 'dera-1' });
  const inverters: SimulatedInverter[] = [];
  const ports: number[] = [];
  for (let i = 0; i < DEVICES; i++) {
    const inverter = new SimulatedInverter({
      ...{ serial: `S${i}`, phases: 'ABC', rating_W: 5000, nominal_V: 240 },
      ...{ now: Date.now, available_W: () => 4000 },
    });
    inverters.push(inverter);
    ports.push((await inverter.listen('127.0.0.1', 0)).port);
  }
  writeFileSync(join(place.folder, 'prices.csv'), 'start,price_USD_per_MWh\n2026-01-01T00:00Z,30\n');
  writeFileSync(join(place.folder, 'edge.yaml'), config(broker.url, ports));
  const readings = ports.map(() => 0);
  const began_ms = performance.now();
  let allRead_s: number | undefined;
  let program: Program | undefined;
  try {
    const enough = new Promise<void>((resolve) => {
      for (const [i] of ports.entries()) {
        void dera.subscribe(topics.measurements(`pv-${i}`), () => {
          readings[i] = (readings[i] ?? 0) + 1;
          if (readings.every((count) => count > 0)) allRead_s ??= (performance.now() - began_ms) / 1000;
          if (readings.every((count) => count >= READINGS_EACH)) resolve();
        });
      }
    });
    program = run(place, FIELDBID, 'edge', 'run', '--config', `${place.seen}/edge.yaml`);
    const late = AbortSignal.timeout(DEADLINE_MS);
    const tooLate = new Promise<'late'>((resolve) => late.addEventListener('abort', () => resolve('late')));
    const outcome = await Promise.race([enough, program.ended, tooLate]);
    const peak_MiB = peakMemoryOf(program.process.pid ?? 0);
    if (outcome !== undefined || allRead_s === undefined || peak_MiB === undefined) {
      throw failed(place, program, outcome ?? null);
    }
    await program.stop();
    const code = await program.ended;
    if (code !== 0) throw failed(place, program, code);
    return { allRead_s, peak_MiB };
  } finally {
    await program?.stop();
    for (const inverter of inverters) await inverter.close();
    await dera.close();
    await broker.close();
  }
}

/** In the middle of a long interval for which nothing was awarded: the agent reads, and looks after the default. */
function config(brokerUrl: string, ports: readonly number[]): string {
  const start = new Date(Date.now() - 3_600_000).toISOString().slice(0, 16);
  const devices = ports.map(
    (port, i) =>
      `  - { derId: pv-${i}, deviceIds: [inv-${i}], endpoint: "tcp://127.0.0.1:${port}?unit=1", riskFactor_pct: 5 }\n`,
  );
  return `agentId: roof-7
broker: { url: "${brokerUrl}" }
market: { deraId: dera-1, forecastFile: prices.csv, calendar: { start: ${start}Z, intervals: 1, interval_min: 1440 } }
cycle_s: 1
devices:
${devices.join('')}`;
}

function failed(place: Place, program: Program, outcome: number | 'late' | null): FieldbidError {
  const what =
    outcome === 'late' ? `not done after ${DEADLINE_MS / 60_000} minutes` : `ended with ${outcome}`;
  return new FieldbidError(
    'NOT_MEASURED',
    `${place.name}: the agent ${what}: ${program.output().slice(-2000)}`,
  );
}
