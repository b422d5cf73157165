/** `npm run bench -- day`: how long the market day takes and where the time goes. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FieldbidError } from '@fieldbid/core/errors';
import { silentLogger } from '@fieldbid/core/logging';
import { loadFeeder } from '@fieldbid/dso/feeder/load-feeder';
import { openPowerFlow } from '@fieldbid/dso/feeder/open-feeder';
import { spread } from '../report/statistics.ts';
import type { RunSummary } from '../report/summary.ts';
import { fieldbid } from '../testing/programs.ts';

const FEEDER = fileURLToPath(new URL('../../feeders/ieee13/feeder.yaml', import.meta.url));
/** Issue and paper: what is aimed at. */
const AIM_DAY_S = 30;
const PAPER_BID_RETURNED_MS = 500;
const PAPER_BID_STORED_MS = 5000;

type Row = [what: string, measured: string, beside: string];
const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;
const times = (limit: number, value: number): string =>
  `${(limit / value).toFixed(limit / value < 10 ? 1 : 0)} ×`;

export async function dayFigures(): Promise<Row[]> {
  const rows: Row[] = [];
  console.error('one market day …');
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-bench-'));
  const began = performance.now();
  const day = await fieldbid('run', '--out', join(folder, 'day'));
  const wall_s = (performance.now() - began) / 1000;
  if (day.code !== 0) {
    console.error(day.output);
    throw new FieldbidError('BENCH_DAY', `the market day ended with code ${day.code}`);
  }
  const summary = JSON.parse(readFileSync(join(folder, 'day', 'summary.json'), 'utf8')) as RunSummary;

  console.error('the same power flows on GridLAB-D alone …');
  const alone_s = await gridlabAlone_s(rows);
  rows.push([
    'market day, 96 intervals, 1,440 power flows',
    `${wall_s.toFixed(1)} s`,
    `aim ≤ ${AIM_DAY_S} s; GridLAB-D alone ${alone_s.toFixed(1)} s: ${(wall_s / alone_s).toFixed(1)} times that`,
  ]);
  const step = (name: string, label: string, limit?: number, whose = ''): void => {
    const found = summary.timings[name];
    if (found === undefined) return;
    const beside =
      limit === undefined ? '' : `${whose} < ${limit} ms: ${times(limit, found.p95)} faster at p95`;
    rows.push([label, `p50 ${ms(found.p50)}, p95 ${ms(found.p95)}`, beside]);
  };
  step(
    'gateClosureToRegisters',
    'gate closure → allocation in registers (work, without the market’s own waits)',
  );
  step(
    'record',
    'an interval’s bids stored: raw record, ledger, commit',
    PAPER_BID_STORED_MS,
    'paper, one bid',
  );
  step('verifiedRead', 'an interval’s bids returned, each verified', PAPER_BID_RETURNED_MS, 'paper, one bid');
  step('dsoDecision', 'DSO decision, event to event');
  step('dsoDispatch', 'DSO check of the allocation');
  step('write', 'limit written and read back, one device');
  for (const [process, MiB] of Object.entries(summary.memory_MiB))
    rows.push([`memory, ${process}`, `${MiB} MiB resident`, '']);
  return rows;
}

/** 1,440 solves with all voltages, nothing else: the floor below which no day can go. */
async function gridlabAlone_s(rows: Row[]): Promise<number> {
  const feeder = loadFeeder(FEEDER);
  const flow = await openPowerFlow(feeder, silentLogger(), true);
  try {
    const each: number[] = [];
    const from = performance.now();
    for (let minute = 0; minute < 1440; minute++) {
      const at = performance.now();
      const derPower_W = Object.fromEntries(
        feeder.ders.map(({ derId }) => [derId, 0.6 * feeder.clearSky_W(derId, minute)]),
      );
      await flow.solve(feeder.caseAt({ minuteOfDay: minute, derPower_W }));
      each.push(performance.now() - at);
    }
    const found = spread(each);
    if (found !== undefined)
      rows.push(['one power flow with all voltages', `p50 ${ms(found.p50)}, p95 ${ms(found.p95)}`, '']);
    return (performance.now() - from) / 1000;
  } finally {
    await flow.close();
  }
}
