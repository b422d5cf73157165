import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import type { RunSummary } from '../report/summary.ts';
import { dayWith } from '../testing/day-with.ts';
import {
  fieldbid,
  findMosquitto,
  freePorts,
  type Program,
  printed,
  start,
  startFieldbid,
} from '../testing/programs.ts';

const SPEED = '40';
/** Real seconds for seven programs to come up on a busy machine. */
const LEAD_S = '30';
/** Real ms between two looks whether a program answers. */
const LOOK_MS = 200;

interface Lab {
  /** Of its config files, and of its results. */
  readonly folder: string;
  readonly out: string;
  readonly bench: Program;
}

async function market(
  t: { teardown(end: () => Promise<void>): void },
  {
    startBroker,
    day,
    benchOptions = [],
    meanwhile,
  }: {
    startBroker: (port: number) => Promise<Program>;
    /** Which scenario, and how much of it. */
    day: readonly string[];
    benchOptions?: readonly string[];
    meanwhile?: (lab: Lab) => Promise<void>;
  },
) {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-lab-'));
  const [lab, out] = [join(folder, 'lab'), join(folder, 'out')];
  const [port, inverters, metrics] = [await freePorts(2), await freePorts(12), await freePorts(6)];
  const split = await fieldbid(
    ...['bench', 'split', '--out', lab, '--broker', `mqtt://127.0.0.1:${port}`],
    ...['--gateway-port', `${port + 1}`, '--first-port', `${inverters}`, '--speed', SPEED, '--lead', LEAD_S],
    ...['--metrics-port', `${metrics}`, ...day],
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
  const bench = run('bench', 'bench.yaml', '--out', out, ...benchOptions);
  await meanwhile?.({ folder: lab, out, bench });
  const code = await bench.ended;
  const ends = await Promise.all(services.map(({ ended }) => ended));
  return {
    ...{ split, code, ends, out },
    output: bench.output(),
    summary: JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')) as RunSummary,
  };
}

const mosquitto = findMosquitto();
const name = 'day ahead and two intervals as separate processes by the wall clock: every command verified';

if (mosquitto === undefined) {
  // No package of npm or PyPI brings it. The same programs run over the project's own broker below, and the Bus over MQTT
  // has its conformance suite: what is missing here is somebody else's broker between them, and it is named.
  test.skip(`${name}, over Mosquitto: the program mosquitto is not installed`, () => {});
} else {
  const program = mosquitto;
  test.serial(`${name}, over Mosquitto`, async (t) => {
    t.timeout(420_000);
    const run = await market(t, {
      startBroker: async (port) => {
        const broker = start(program, ['-p', `${port}`]);
        await printed(broker, 'running');
        return broker;
      },
      day: ['--intervals', '2', '--start', '2026-06-21T11:00Z'],
    });
    t.is(run.split.code, 0);
    t.is(run.code, 0, run.output);
    t.deepEqual(run.ends, [0, 0, 0, 0]);
    t.like(run.summary, {
      intervals: { planned: 2, completed: 2, curtailed: 2 },
      powerFlows: 30,
      voltage: { violations: 0 },
      commands: { verified: 24, refused: 0, unproven: 0 },
      bids: { submitted: 24, refused: 0 },
      dayAhead: { hours: 1, completed: 1 },
      settlement: { intervals: 2, recorded: 2, isoAgreed: 2, sum_uUSD: 0 },
    });
  });
}

/** By program, what no other one counts. */
const COUNTS: Readonly<Record<string, string>> = {
  gateway: 'fieldbid_http_request_duration_seconds',
  dso: 'fieldbid_dso_decisions_total',
  iso: 'fieldbid_iso_clearings_total',
  aggregator: 'fieldbid_dera_rounds_total',
  'edge-1': 'fieldbid_cycle_duration_seconds',
  'edge-2': 'fieldbid_cycle_duration_seconds',
};

/** What a program's metrics are, once it answers. */
async function metricsOf(target: string, bench: Program): Promise<string> {
  while (bench.process.exitCode === null) {
    const answer = await fetch(`http://${target}/metrics`).catch(() => undefined);
    if (answer?.ok === true) return answer.text();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return '';
}

const AT_NOON = ['--intervals', '1', '--start', '2026-06-21T11:45Z', '--no-day-ahead'];

test.serial('a fault of a program that runs elsewhere is refused before anything is written', async (t) => {
  const scenario = dayWith({ faults: [{ at: '2026-06-21T11:46Z', fault: 'gateway-killed' }] });
  const out = join(mkdtempSync(join(tmpdir(), 'fieldbid-lab-')), 'lab');
  const { code, output } = await fieldbid('bench', 'split', '--scenario', scenario, '--out', out, ...AT_NOON);
  t.is(code, 1, output);
  t.regex(output, /scenario\.yaml:\d+:\d+ at \/faults\/0\/fault: found .*gateway-killed.*end the BC-GW/);
  t.throws(() => readFileSync(join(out, 'bench.yaml')), { code: 'ENOENT' });
});

test.serial(
  'a device goes offline by the timeline of separate processes: named, explained, and nobody else is touched',
  async (t) => {
    t.timeout(300_000);
    const scenario = dayWith({
      faults: [{ at: '2026-06-21T11:45Z', fault: 'device-offline', target: 'pv-671', duration_min: 12 }],
    });
    const run = await market(t, {
      startBroker: async (port) => {
        const broker = startFieldbid('sim', 'broker', '--port', `${port}`);
        await printed(broker, `${port}`);
        return broker;
      },
      day: ['--scenario', scenario, ...AT_NOON],
      benchOptions: ['--page', '127.0.0.1:0'],
      meanwhile: async ({ folder, out, bench }) => {
        await printed(bench, 'operator');
        const list = await fieldbid('fault', 'list', '--run', out);
        t.is(list.code, 0, list.output);
        t.deepEqual(
          list.stdout.match(/^[a-z-]+(?=:? )/gm)?.filter((kind) => kind !== 'nothing'),
          [
            ...['device-offline', 'device-frozen', 'device-ignores-limit', 'device-noise'],
            ...['answers-late', 'answers-corrupt', 'answers-wrong-id'],
          ],
        );
        // A millisecond is nothing to the agent.
        const late = await fieldbid(
          ...['fault', 'inject', 'answers-late', '--target', 'pv-680', '--delay', '1', '--run', out],
        );
        t.is(late.code, 0, late.output);
        const id = late.stdout.split(' ')[0] ?? '';
        t.is((await fieldbid('fault', 'end', id, '--run', out)).code, 0);
        const { scrape_configs } = parse(readFileSync(join(folder, 'prometheus.yml'), 'utf8')) as {
          scrape_configs: { static_configs: { targets: string[]; labels: { program: string } }[] }[];
        };
        const programs = scrape_configs.flatMap(({ static_configs }) => static_configs);
        t.deepEqual(
          programs.map(({ labels }) => labels.program),
          Object.keys(COUNTS),
        );
        for (const { targets, labels } of programs) {
          const metrics = await metricsOf(targets.join(), bench);
          t.true(metrics.includes(`# TYPE ${COUNTS[labels.program]}`), `${labels.program}: ${metrics}`);
        }
      },
    });
    t.is(run.split.code, 0, run.split.output);
    t.is(run.code, 0, run.output);
    t.deepEqual(run.ends, [0, 0, 0, 0]);
    t.like(run.summary, {
      intervals: { planned: 1, completed: 1 },
      powerFlows: 15,
      voltage: { violations: 0 },
      commands: { verified: 11, refused: 0, unproven: 1 },
      faults: {
        ...{ injected: 2, refused: 0, kinds: { 'answers-late': 1, 'device-offline': 1 } },
        explained: { intervals: [], refusedCommands: 0, unprovenCommands: 1 },
      },
    });
    const [, byCommand = '', byTimeline = ''] = readFileSync(join(run.out, 'faults.csv'), 'utf8').split(
      /\r?\n/,
    );
    t.regex(byCommand, /^f1,answers-late,pv-680,.*,page,.*,ended,/);
    t.regex(byTimeline, /^f2,device-offline,pv-671,.*,scenario,.*,ended,.*2026-06-21T11:45Z.* pv-671/);
  },
);
