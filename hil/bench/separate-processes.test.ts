import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { RunSummary } from '../report/summary.ts';
import {
  fieldbid,
  findMosquitto,
  freePorts,
  type Program,
  printed,
  start,
  startFieldbid,
} from '../testing/programs.ts';

const SPEED = '60';
/** Real seconds for seven programs to come up on a busy machine. */
const LEAD_S = '30';

async function market(
  t: { teardown(end: () => Promise<void>): void },
  startBroker: (port: number) => Promise<Program>,
) {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-lab-'));
  const lab = join(folder, 'lab');
  const [port, inverters] = [await freePorts(2), await freePorts(12)];
  const split = await fieldbid(
    ...['bench', 'split', '--out', lab, '--broker', `mqtt://127.0.0.1:${port}`],
    ...['--gateway-port', `${port + 1}`, '--first-port', `${inverters}`, '--speed', SPEED, '--lead', LEAD_S],
    ...['--intervals', '4', '--start', '2026-06-21T11:00Z'],
  );
  const running: Program[] = [];
  t.teardown(async () => {
    for (const program of running) await program.stop();
  });
  const begin = (program: Program): Program => {
    running.push(program);
    return program;
  };
  begin(await startBroker(port));
  const run = (what: string, file: string, ...more: string[]): Program =>
    begin(startFieldbid(what, 'run', '--config', join(lab, file), ...more));
  await printed(run('gateway', 'gateway.yaml'), 'listening');
  run('dso', 'dso.yaml');
  const services = [
    run('iso', 'iso.yaml'),
    run('aggregator', 'aggregator.yaml'),
    run('edge', 'edge-1.yaml'),
    run('edge', 'edge-2.yaml'),
  ];
  const bench = run('bench', 'bench.yaml', '--out', join(folder, 'out'));
  const code = await bench.ended;
  const ends = await Promise.all(services.map(({ ended }) => ended));
  const file = join(folder, 'out', 'summary.json');
  return {
    split,
    code,
    ends,
    output: bench.output(),
    summary: JSON.parse(readFileSync(file, 'utf8')) as RunSummary,
  };
}

const mosquitto = findMosquitto();
const name = 'four intervals as separate processes by the wall clock: every command verified';

if (mosquitto === undefined) {
  test.skip(`${name}, over Mosquitto: the program mosquitto is not installed`, () => {});
} else {
  const program = mosquitto;
  test.serial(`${name}, over Mosquitto`, async (t) => {
    t.timeout(420_000);
    const run = await market(t, async (port) => {
      const broker = start(program, ['-p', `${port}`]);
      await printed(broker, 'running');
      return broker;
    });
    t.is(run.split.code, 0);
    t.is(run.code, 0, run.output);
    t.deepEqual(run.ends, [0, 0, 0, 0]);
    t.like(run.summary, {
      intervals: { planned: 4, completed: 4, curtailed: 4 },
      powerFlows: 60,
      voltage: { violations: 0 },
      commands: { verified: 48, refused: 0, unproven: 0 },
      bids: { submitted: 48, refused: 0 },
      dayAhead: { hours: 1, completed: 1 },
      settlement: { intervals: 4, recorded: 4, isoAgreed: 4, sum_uUSD: 0 },
    });
  });
}
