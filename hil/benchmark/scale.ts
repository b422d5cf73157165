/**
 * `npm run bench -- scale`: one interval with more and more DERs. In-process devices, everything else as it is: agents
 * over MQTT (a hundred DERs to an agent; Mosquitto where it is installed), ledger, DSO with power flow, clearing, awards,
 * proof. Everything but broker and power flow is one process: one thread.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FieldbidError } from '@fieldbid/core/errors';
import { parse, stringify } from 'yaml';
import type { RunSummary } from '../report/summary.ts';
import { startMosquitto } from '../testing/mosquitto.ts';
import { FIELDBID, findMosquitto, start } from '../testing/programs.ts';

type Row = [what: string, measured: string, beside: string];

const BASE = fileURLToPath(new URL('../scenarios/thousand-ders/', import.meta.url));
const COUNTS = [1000, 3000, 10_000];
const MOST_S = 30;
/** MiB of V8's young generation: with a million messages an interval the default is swept all the time. */
const YOUNG_MIB = 64;
/** Thousands of agents speak at once: nobody's message is to be dropped, nor to wait for another's. */
const BUSY_BROKER = [
  'allow_anonymous true',
  'max_queued_messages 0',
  'max_inflight_messages 0',
  'set_tcp_nodelay true',
];

interface Der {
  derId: string;
  bus: string;
  phases: string;
  nameplate_W: number;
  deviceIds: string[];
}

export async function scaleFigures(): Promise<Row[]> {
  const rows: Row[] = [];
  console.error('1,000 DERs behind Modbus sockets …');
  rows.push(
    row(1000, 'each behind a Modbus socket, an agent each', await run(join(BASE, 'scenario.yaml')), ''),
  );
  const broker = findMosquitto() === undefined ? 'embedded broker' : 'Mosquitto';
  let smallest: { count: number; interval_s: number } | undefined;
  for (const count of COUNTS) {
    console.error(`${count} DERs in process …`);
    const summary = await withBroker((args) => run(scenarioOf(count), args));
    const interval_s = (summary.wall_ms.day ?? 0) / 1000;
    smallest ??= { count, interval_s };
    const growth = `${(count / smallest.count).toFixed(0)} × the DERs: ${(interval_s / smallest.interval_s).toFixed(1)} × the time`;
    rows.push(
      row(count, `in process, 100 to an agent, ${broker}`, summary, `limit ${MOST_S} s at 10,000; ${growth}`),
    );
  }
  return rows;
}

function row(count: number, how: string, summary: RunSummary, beside: string): Row {
  const { wall_ms, memory_MiB, timings } = summary;
  const s = (ms: number | undefined): string => `${((ms ?? 0) / 1000).toFixed(1)} s`;
  const steps = ['record', 'dsoDecision', 'recordAwards', 'dsoDispatch', 'dispatch']
    .map((step) => `${step} ${s(timings[step]?.max)}`)
    .join(', ');
  return [
    `one interval, ${count} DERs (${how})`,
    `${s(wall_ms.day)}, set-up ${s(wall_ms.setUp)}, ${memory_MiB.fieldbid ?? '?'} MiB`,
    `${beside}${beside === '' ? '' : '; '}${steps}`,
  ];
}

/** @param work gets the arguments that name the broker. */
async function withBroker<T>(work: (args: readonly string[]) => Promise<T>): Promise<T> {
  const path = findMosquitto();
  if (path === undefined) return work([]);
  const broker = await startMosquitto(path, BUSY_BROKER, {}, undefined, false);
  try {
    return await work(['--broker', broker.url]);
  } finally {
    await broker.stop();
  }
}

async function run(scenario: string, broker: readonly string[] = []): Promise<RunSummary> {
  const out = join(mkdtempSync(join(tmpdir(), 'fieldbid-scale-')), 'run');
  const one = ['--intervals', '1', '--start', '2026-06-21T11:45Z', '--no-day-ahead', '--log-level', 'warn'];
  const args = ['run', '--scenario', scenario, ...one, ...broker, '--out', out];
  const program = start(process.execPath, [`--max-semi-space-size=${YOUNG_MIB}`, FIELDBID, ...args]);
  const code = await program.ended;
  const output = program.output();
  if (code !== 0) throw new FieldbidError('BENCH_SCALE', `${scenario} ended with code ${code}:\n${output}`);
  return JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')) as RunSummary;
}

/** The thousand rooftops as often as it takes, each so much smaller; in process. */
function scenarioOf(count: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-scale-'));
  const absolute = (text: string): string => text.replaceAll(/(: )(\.\.\/[^\n]+)/g, `$1${BASE}$2`);
  const feeder = parse(absolute(readFileSync(join(BASE, 'feeder.yaml'), 'utf8'))) as { ders: Der[] };
  const scenario = parse(absolute(readFileSync(join(BASE, 'scenario.yaml'), 'utf8'))) as {
    ders: { derId: string; riskFactor_pct: number; protocol?: string }[];
    feederFile: string;
    agents?: object;
  };
  const many = Array.from({ length: count }, (_, i) => ({ i, copy: Math.floor(i / feeder.ders.length) }));
  const idOf = (base: string, copy: number): string => `${base}-${copy}`;
  const share = feeder.ders.length / count;
  const ders = many.map(({ i, copy }) => {
    const der = feeder.ders[i % feeder.ders.length]!;
    const nameplate_W = Math.max(100, Math.round(der.nameplate_W * share));
    return {
      ...der,
      derId: idOf(der.derId, copy),
      nameplate_W,
      deviceIds: [idOf(der.deviceIds[0] ?? '', copy)],
    };
  });
  const owners = many.map(({ i, copy }) => {
    const owner = scenario.ders[i % scenario.ders.length]!;
    return { ...owner, derId: idOf(owner.derId, copy), protocol: 'in-process' };
  });
  writeFileSync(join(folder, 'feeder.yaml'), stringify({ ...feeder, ders }));
  const file = join(folder, 'scenario.yaml');
  const agents = { cycle_s: 60, ders_per_agent: 100 };
  writeFileSync(file, stringify({ ...scenario, feederFile: 'feeder.yaml', agents, ders: owners }));
  return file;
}
