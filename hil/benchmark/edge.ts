/**
 * `npm run bench -- edge`: what the agent's program costs with ten devices at 1 Hz, started as the service starts it,
 * and beside it from its sources.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '@fieldbid/edge-agent/service/unit';
import { openEdgeSite } from '../testing/edge-site.ts';
import { type Program, printed, start } from '../testing/programs.ts';

const DEVICES = 10;
const DEFAULT_MINUTES = 2;
const MINUTE_MS = 60_000;
/** The other way to start it is there for comparison only. */
const BESIDE_MINUTES = 0.5;
/** Linux: clock ticks of /proc/PID/stat in a second. */
const TICKS_PER_S = 100;

import { BUILT_AGENT as BUILT } from '@fieldbid/edge-agent/service/unit';

const SOURCES = fileURLToPath(new URL('../../core/bin/fieldbid.js', import.meta.url));

interface Cost {
  readonly peak_MiB: number;
  readonly end_MiB: number;
  readonly cpu_pct: number;
  readonly startCpu_s: number;
  readonly measurements: number;
}

export async function edgeFigures({
  minutes = DEFAULT_MINUTES,
}: {
  readonly minutes?: number;
} = {}): Promise<[what: string, measured: string, beside: string][]> {
  const build = fileURLToPath(new URL('../../edge-agent/service/build.ts', import.meta.url));
  await start(process.execPath, ['--import', 'tsx', build]).ended;
  const built = await costOf([...NODE_FLAGS, BUILT], minutes);
  const beside = Math.min(minutes, BESIDE_MINUTES);
  const sources = await costOf([SOURCES], beside);
  const watched = await costOf([...NODE_FLAGS, BUILT], beside, 'metrics: { listen: "127.0.0.1:0" }\n');
  const what = `agent, ${DEVICES} devices at 1 Hz`;
  const row = (name: string, text: (cost: Cost) => string, limit: string): [string, string, string] => [
    `${what}, ${name}`,
    text(built),
    `${limit}from sources ${text(sources)}`,
  ];
  return [
    row('resident, most (VmHWM)', ({ peak_MiB }) => `${peak_MiB.toFixed(0)} MiB`, 'at most 120 MB; '),
    row(`resident after ${minutes} min (VmRSS)`, ({ end_MiB }) => `${end_MiB.toFixed(0)} MiB`, ''),
    row('CPU of one core, running', ({ cpu_pct }) => `${cpu_pct.toFixed(1)} %`, 'at most 5 %; '),
    row('CPU to start', ({ startCpu_s }) => `${startCpu_s.toFixed(1)} s`, ''),
    row('measurements that arrived', ({ measurements }) => String(measurements), ''),
    [`${what}, with metrics (VmHWM)`, `${watched.peak_MiB.toFixed(0)} MiB`, `after ${beside} min`],
  ];
}

async function costOf(args: readonly string[], minutes: number, more = ''): Promise<Cost> {
  const site = await openEdgeSite({ devices: DEVICES, more });
  const agent = start(process.execPath, [...args, 'edge', 'run', '--config', site.configFile]);
  try {
    await printed(agent, 'the agent is running');
    await site.measured(DEVICES * 5);
    const startCpu_s = cpuOf(agent);
    const from_ms = performance.now();
    await new Promise((resolve) => setTimeout(resolve, minutes * MINUTE_MS));
    const { peak_MiB, end_MiB } = memoryOf(agent);
    const cpu_pct = ((cpuOf(agent) - startCpu_s) / (performance.now() - from_ms)) * 100_000;
    const measurements = [...site.measurements.values()].reduce((sum, count) => sum + count, 0);
    return { peak_MiB, end_MiB, cpu_pct, startCpu_s, measurements };
  } finally {
    await agent.stop();
    await site.close();
  }
}

/** User and system time of the process, s. @see proc_pid_stat(5), fields 14 and 15. */
function cpuOf({ process: { pid } }: Program): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

function memoryOf({ process: { pid } }: Program): { peak_MiB: number; end_MiB: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]);
  return { peak_MiB: field('VmHWM') / 1024, end_MiB: field('VmRSS') / 1024 };
}
