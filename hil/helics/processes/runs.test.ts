/** Runs on HELICS as a user starts them: repeatable, open to others, and ended with a report when a member dies. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Changes, DerRow } from '@fieldbid/dashboard/state/view';
import test from 'ava';
import { compareRuns } from '../../compare/compare-runs.ts';
import { CONTROL_FILE } from '../../faults/fault-api.ts';
import { dayWith } from '../../testing/day-with.ts';
import { fieldbid, freePorts, type Program, printed, start, startFieldbid } from '../../testing/programs.ts';
import { findHelics } from '../library/find-helics.ts';

const LOGGER = fileURLToPath(new URL('../example/log_voltages.py', import.meta.url));
const HALF_AN_HOUR = ['--intervals', '2', '--start', '2026-06-21T11:45Z', '--no-day-ahead'];
/** The federation is given a new broker every few minutes of market time; after 10,000 instants it would be in the days to come. */
const RENEWED = ['--scenario', dayWith({ clock: { helics: { renewAfterInstants: 250 } } })];
/** Long enough to die in. */
const MORNING = ['--intervals', '16', '--start', '2026-06-21T06:00Z', '--no-day-ahead'];
/** Real ms between a death and the end of the run. */
const REPORTED_MS = 10_000;

/** The run that the others are compared with. */
const fast = join(mkdtempSync(join(tmpdir(), 'fieldbid-fast-')), 'out');
test.before(async (t) => {
  t.timeout(120_000);
  const { code, output } = await fieldbid('run', ...HALF_AN_HOUR, '--out', fast);
  t.is(code, 0, output);
});

const brokersOf = (run: Program): number => run.output().match(/HELICS broker \(process/g)?.length ?? 0;

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'fieldbid-helics-'));

test.serial(
  'the same awards, tables and ledger on the fast clock and on HELICS; a Python federate logs voltages',
  async (t) => {
    t.timeout(120_000);
    const folder = newFolder();
    const helics = join(folder, 'out');
    const csv = join(folder, 'logged.csv');
    const { python } = await findHelics({ quiet: true });
    const address = `127.0.0.1:${await freePorts(1)}`;
    const options = ['--clock', 'helics', '--observers', '1', '--broker-listen', address, ...RENEWED];
    const run = startFieldbid('run', ...HALF_AN_HOUR, ...options, '--out', helics);
    t.teardown(() => run.stop());
    await printed(run, 'HELICS broker');
    const logger = start(python, [LOGGER, '--broker', address, '--out', csv, 'l675.A', 'n680.B']);
    t.teardown(() => logger.stop());
    t.is(await run.ended, 0, run.output());
    t.is(await logger.ended, 0, logger.output());
    t.deepEqual(compareRuns(fast, helics), []);
    t.true(brokersOf(run) > 1, run.output());
    // What the third party was told is what the fast run has in its table, to six places, minute by minute.
    const logged = rows(csv);
    const table = rows(join(fast, 'voltages.csv'));
    t.is(logged.length, 30);
    for (const [i, row] of logged.entries()) {
      t.is(row.time, table[i]?.time);
      for (const node of ['l675.A', 'n680.B']) {
        t.true(
          Math.abs(Number(row[node]) - Number(table[i]?.[`${node}_pu`])) <= 0.5e-6 + 1e-12,
          `${row.time} ${node}`,
        );
      }
    }
  },
);

test.serial(
  'the same with every DER in a process of its own, watched on the page: feeder, devices, verdicts',
  async (t) => {
    t.timeout(120_000);
    const own = join(newFolder(), 'out');
    const options = ['--clock', 'helics', '--processes', '--page', '127.0.0.1:0', ...RENEWED];
    const run = startFieldbid('run', ...HALF_AN_HOUR, ...options, '--out', own);
    t.teardown(() => run.stop());
    let shown: Partial<Changes> = {};
    const ders = new Map<string, DerRow>();
    for await (const changes of toldBy(await pageOf(run))) {
      shown = { ...shown, ...changes };
      for (const row of changes.ders ?? []) ders.set(row.derId, row);
    }
    t.is(await run.ended, 0, run.output());
    t.deepEqual(compareRuns(fast, own), []);
    t.true(brokersOf(run) > 1, run.output());
    const derIds = Object.keys(rows(join(own, 'devices.csv'))[0] ?? {}).flatMap((column) =>
      column.endsWith('_power_W') ? [column.replace('_power_W', '')] : [],
    );
    t.is(derIds.length, 12);
    t.deepEqual(
      shown.lab?.ders.map(({ derId }) => derId),
      derIds,
    );
    t.is(shown.grid?.voltages_upu.length, shown.lab?.nodes.length);
    for (const derId of derIds) {
      t.not(ders.get(derId)?.measured ?? null, null, derId);
      t.is(ders.get(derId)?.verdict?.verdict, 'verified', derId);
    }
    t.like(shown.health, { broker: 'connected', gateway: 'up', wrongMessages: 0 });
  },
);

test.serial('a page that is kept outlasts the federation: nobody has to stand still for it', async (t) => {
  t.timeout(120_000);
  const out = join(newFolder(), 'out');
  const run = startFieldbid(
    ...['run', '--intervals', '1', '--start', '2026-06-21T11:45Z', '--no-day-ahead', '--clock', 'helics'],
    ...['--page', '127.0.0.1:0', '--keep-page', '--out', out],
  );
  t.teardown(() => run.stop());
  const url = await pageOf(run);
  await printed(run, 'the page stays up');
  // The broker ends when all its federates have left; what holds time for two minutes is taken for dead.
  const isThere = (program: RegExp): boolean =>
    descendants(run.process.pid ?? 0).some(({ args }) => program.test(args));
  while (isThere(/helics_broker/)) await new Promise((resolve) => setTimeout(resolve, 50));
  t.true(isThere(/--federation/));
  for await (const { ders, health, trouble } of toldBy(url)) {
    t.is(ders?.filter(({ verdict }) => verdict?.verdict === 'verified').length, 12);
    t.like(health, { broker: 'connected', gateway: 'up' });
    t.deepEqual(trouble, []);
    break;
  }
  await run.stop();
  t.false(existsSync(join(out, CONTROL_FILE)), 'a token that nobody takes any more does not lie about');
});

/** Address of the page that a run serves. */
async function pageOf(run: Program): Promise<string> {
  await printed(run, 'its token');
  return /operator's page is at (\S+),/.exec(run.output())?.[1] ?? '';
}

/** First everything that the page shows, then each change, until it ends. */
async function* toldBy(url: string): AsyncGenerator<Changes> {
  const { body } = await fetch(`${url}events`);
  if (body === null) throw new RangeError('the page tells nothing');
  const decoder = new TextDecoder();
  let text = '';
  for await (const part of body) {
    text += decoder.decode(part, { stream: true });
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const [, data] = /^data: (.*)$/m.exec(event) ?? [];
      if (data !== undefined) yield JSON.parse(data) as Changes;
    }
  }
}

/** A run until its first hour has passed, then one of its processes is killed. */
async function killed(
  t: { timeout(ms: number): void; teardown(end: () => Promise<void>): void },
  victim: RegExp,
  ...options: string[]
): Promise<{ run: Program; code: number | null; took_ms: number; left: string[] }> {
  t.timeout(120_000);
  const run = startFieldbid(
    'run',
    ...MORNING,
    '--clock',
    'helics',
    ...options,
    '--out',
    join(newFolder(), 'out'),
  );
  t.teardown(() => run.stop());
  await printed(run, '10 %');
  const family = descendants(run.process.pid ?? 0);
  const pid = family.findLast(({ args }) => victim.test(args))?.pid;
  if (pid === undefined) throw new RangeError(`no process like ${victim}`);
  const began = performance.now();
  process.kill(pid, 'SIGKILL');
  const code = await run.ended;
  const took_ms = performance.now() - began;
  await new Promise((resolve) => setTimeout(resolve, 500));
  const left = family.filter((one) =>
    processes().some(({ pid, args }) => pid === one.pid && args === one.args),
  );
  return { run, code, took_ms, left: left.map(({ args }) => args) };
}

test.serial(
  'a killed broker ends the run: who, when in the market, what to do; nothing is left',
  async (t) => {
    const { run, code, took_ms, left } = await killed(t, /helics_broker -f/);
    t.is(code, 1);
    t.true(took_ms < REPORTED_MS);
    t.regex(
      run.output(),
      /the HELICS broker \(process \d+\) ended with SIGKILL at market time 2026-06-21T0\d:.*start the run again/,
    );
    t.deepEqual(left, []);
  },
);

test.serial('a killed power flow of the grid does, too', async (t) => {
  // The plant's engine is the one that was started last.
  const { run, code, took_ms, left } = await killed(t, /bridge\.py/, '--processes');
  t.is(code, 1);
  t.true(took_ms < REPORTED_MS);
  t.regex(
    run.output(),
    /the grid's power flow \(process \d+\) died before market time 2026-06-21T0\d:.*start the run again/,
  );
  // DERs that it cut off ended before it: they are not to blame.
  t.notRegex(run.output(), /the agent of pv-\S+ \(process \d+\) ended with/);
  t.deepEqual(left, []);
});

test.serial('and so does a killed DER', async (t) => {
  const { run, code, took_ms, left } = await killed(t, /helics der pv-675 /, '--processes');
  t.is(code, 1);
  t.true(took_ms < REPORTED_MS);
  t.regex(
    run.output(),
    /the agent of pv-675 \(process \d+\) ended with SIGKILL at market time 2026-06-21T0\d:/,
  );
  t.deepEqual(left, []);
});

interface Process {
  readonly pid: number;
  readonly ppid: number;
  readonly args: string;
}

/** In the order in which they were started. @see ps(1) */
function processes(): Process[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,ppid=,args=', '--sort=start_time', '-ww'], {
    encoding: 'utf8',
  });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, ppid, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return args === undefined ? [] : [{ pid: Number(pid), ppid: Number(ppid), args }];
  });
}

function descendants(pid: number): Process[] {
  const all = processes();
  const below = (parent: number): Process[] =>
    all.filter(({ ppid }) => ppid === parent).flatMap((child) => [child, ...below(child.pid)]);
  return below(pid);
}

function rows(file: string): Record<string, string>[] {
  const [head = '', ...lines] = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  const names = head.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [names[i] ?? '', cell])));
}
