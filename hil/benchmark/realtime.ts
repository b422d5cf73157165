/**
 * `npm run bench -- realtime`: two intervals by the wall clock, ten times as fast, with an inverter that is none of ours
 * among the simulated ones. Whether the feeder keeps its time, and how exactly.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FieldbidError } from '@fieldbid/core/errors';
import type { RunSummary } from '../report/summary.ts';
import { startForeignInverter } from '../testing/foreign-inverter.ts';
import { fieldbid } from '../testing/programs.ts';

type Row = [what: string, measured: string, beside: string];

const BASE = fileURLToPath(new URL('../scenarios/ieee13-day/', import.meta.url));
const SPEED = 10;
const DER = { derId: 'pv-671', rating_W: 600_000, share: 0.7 };

export async function realtimeFigures(): Promise<Row[]> {
  const inverter = await startForeignInverter(DER);
  try {
    const folder = mkdtempSync(join(tmpdir(), 'fieldbid-realtime-'));
    const text = readFileSync(join(BASE, 'scenario.yaml'), 'utf8');
    const file = join(folder, 'scenario.yaml');
    const physical = text
      .replace(`derId: ${DER.derId},`, `derId: ${DER.derId}, device: '${inverter.endpoint}',`)
      .replaceAll(/(File: )(\S+)/g, `$1${BASE}$2`);
    writeFileSync(file, physical);
    const out = join(folder, 'run');
    console.error(`two intervals at ${SPEED} times real time: four minutes …`);
    const { code, output } = await fieldbid(
      ...['run', '--scenario', file, '--intervals', '2', '--start', '2026-06-21T11:45Z', '--no-day-ahead'],
      ...['--clock', 'realtime', '--speed', String(SPEED), '--write-to-hardware', '--out', out],
    );
    if (code !== 0) throw new FieldbidError('BENCH_REALTIME', `the run ended with code ${code}:\n${output}`);
    const summary = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')) as RunSummary;
    return rows(summary, verdictsOf(out), inverter.writes().length);
  } finally {
    await inverter.stop();
  }
}

/** Verdicts on the commands to the foreign inverter: `verified` → how many. */
function verdictsOf(out: string): string {
  const [header, ...lines] = readFileSync(join(out, 'verdicts.csv'), 'utf8').trim().split('\n');
  const columns = header!.split(',');
  const counts = new Map<string, number>();
  for (const line of lines) {
    const cells = line.split(',');
    if (cells[columns.indexOf('der')] !== DER.derId) continue;
    const verdict = cells[columns.indexOf('verdict')] ?? '?';
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  }
  return [...counts].map(([verdict, count]) => `${count} ${verdict}`).join(', ');
}

function rows({ pacing, commands }: RunSummary, foreign: string, writes: number): Row[] {
  const of = (values: RunSummary['pacing']['late_ms']): string =>
    values === null
      ? '–'
      : `p50 ${values.p50.toFixed(1)}, p95 ${values.p95.toFixed(1)}, most ${values.max.toFixed(1)} ms`;
  return [
    [
      `power-flow steps at ${SPEED} × real time`,
      `${pacing.steps}, ${pacing.overruns} overran`,
      `one each ${pacing.step_ms} ms`,
    ],
    ['  begun after their time', of(pacing.late_ms), 'jitter of the feeder'],
    ['  from begun to voltages at the devices', of(pacing.work_ms), `limit ${pacing.step_ms} ms`],
    ['commands to an inverter that is none of ours', foreign, `${writes} writes taken by it`],
    [
      'commands in all',
      `${commands.verified} verified`,
      `${commands.refused} refused, ${commands.unproven} unproven`,
    ],
  ];
}
