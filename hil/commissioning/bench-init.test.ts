/** The wizard as a person, and as a script, uses it; and the runs of what it leaves. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadProfile, profileBeside } from '@fieldbid/edge-agent/profiles/profile';
import test, { type ExecutionContext } from 'ava';
import { loadScenario, scenarioFeeder } from '../scenario/load.ts';
import { recordModbus } from '../testing/modbus-recorder.ts';
import { FIELDBID, fieldbid, freePorts, printed, start, startFieldbid } from '../testing/programs.ts';
import { findPtyPython } from '../testing/serial-cable.ts';
import { announcedOf, notAnnounced, recordedTwin } from './bench-lab.ts';
import { hardwarePlans } from './hardware-plan.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-init-'));
test.after.always(() => rmSync(folder, { recursive: true }));
const DUMPS = fileURLToPath(new URL('../../edge-agent/test/dumps/', import.meta.url));
const PTY_SESSION = fileURLToPath(new URL('../testing/pty_session.py', import.meta.url));
const python = findPtyPython();
/** Patient, on a machine that has other things to do. */
const PATIENT = ['--timeout', '20000', '--connect-timeout', '20000'];
const init = (...args: string[]) => fieldbid('bench', 'init', ...PATIENT, '--units', '1,2', ...args);

/** A simulated inverter in a process of its own, behind a line that is recorded. */
async function desk(t: ExecutionContext, serial: string, ...options: string[]) {
  const port = await freePorts(1);
  const program = startFieldbid(
    ...['sim', 'inverter', '--listen', `127.0.0.1:${port}`, '--serial', serial, ...options],
  );
  await printed(program, 'Ctrl-C ends it');
  const line = await recordModbus(port);
  t.teardown(async () => {
    await line.close();
    await program.stop();
  });
  return { line, address: `tcp://127.0.0.1:${line.port}` };
}

test.serial(
  'two inverters on the desk: a scenario that runs, verified, and wrote only what was announced',
  async (t) => {
    t.timeout(300_000);
    const desks = [
      await desk(t, 'DESK-1', '--phases', 'ABC'),
      await desk(t, 'DESK-2', '--phases', 'C', '--family', 'fimer', '--rating', '3600'),
    ];
    const out = join(folder, 'desk');
    const short = ['--interval-min', '5', '--intervals', '1'];
    const done = await init('--yes', '--out', out, ...short, ...desks.map(({ address }) => address));
    t.is(done.code, 0, done.output);
    for (const { line } of desks) {
      t.deepEqual(
        line.functions.filter((code) => code !== 3 && code !== 4),
        [],
      );
    }
    t.deepEqual(readdirSync(out).sort(), ['feeder.yaml', 'scenario.yaml', 'writes.md']);
    t.deepEqual(readdirSync(folder), ['desk']);
    t.regex(
      readFileSync(join(out, 'writes.md'), 'utf8'),
      /123\.WMaxLimPct .*16 or 6 .*0 … 10000 .*0 … 100 %/,
    );

    const file = join(out, 'scenario.yaml');
    const loaded = loadScenario(file);
    const feeder = scenarioFeeder(loaded);
    const benched = loaded.scenario.ders.filter(({ device }) => device.startsWith('tcp:'));
    t.deepEqual(
      benched.map(({ derId, profile }) => [
        profile,
        feeder.der(derId)?.phases.length,
        feeder.der(derId)?.nameplate_W,
      ]),
      [
        ['fimer', 1, 3600],
        ['generic-1xx', 3, 5000],
      ],
    );
    t.is(feeder.ders.length, 12);
    t.is(loaded.scenario.clock.source, 'realtime');

    const run = ['run', '--scenario', file, '--speed', '20'];
    const refused = await fieldbid(...run, '--out', join(folder, 'refused'));
    t.is(refused.code, 1);
    t.regex(refused.output, /This run writes to hardware:.*123\.WMaxLimPct.*give --write-to-hardware/s);
    t.false(existsSync(join(folder, 'refused')));
    for (const { line } of desks) t.is(line.writes.length, 0);

    const plans = await hardwarePlans(loaded);
    const results = join(folder, 'results');
    const ran = await fieldbid(...run, '--write-to-hardware', '--out', results);
    t.is(ran.code, 0, ran.output);
    const verdicts = readFileSync(join(results, 'verdicts.csv'), 'utf8').trim().split('\n');
    const column = verdicts[0]!.split(',').indexOf('verdict');
    for (const { derId, device } of benched) {
      const own = verdicts.map((line) => line.split(',')).filter((cells) => cells.includes(derId));
      t.deepEqual(
        own.map((cells) => cells[column]),
        ['verified'],
        derId,
      );
      const { line } = desks.find(({ address }) => device.startsWith(address))!;
      const plan = plans.find((one) => one.derId === derId)!;
      t.true(line.writes.length > 0);
      t.is(notAnnounced(line.writes, announcedOf(plan)), undefined);
    }
  },
);

test.serial('a dump is no hardware: its bench runs at once, and has its own copies', async (t) => {
  t.timeout(120_000);
  const out = join(folder, 'dumped');
  const dump = `dump:${DUMPS}sma_sb3.6_day.json`;
  const done = await init('--yes', '--out', out, '--intervals', '1', '--others', 'none', dump);
  t.is(done.code, 0, done.output);
  t.regex(done.output, /Nothing is written to hardware/);
  const file = join(out, 'scenario.yaml');
  const { scenario } = loadScenario(file);
  t.is(scenario.ders.length, 1);
  t.is(scenario.clock.source, 'fast');
  t.is(scenario.ders[0]?.device, 'dump:sma_sb3.6_day.json');
  // No aggregator offers from 100 kW on with one inverter.
  t.is(scenario.market.minimumOffer_W, 0);
  const own = loadProfile(profileBeside(file, scenario.ders[0]?.profile ?? ''));
  t.like(own, { name: 'sma', limit: { revertTimer: 'optional' } });
  const results = join(folder, 'dump-results');
  const { output } = await fieldbid('run', '--scenario', file, '--out', results);
  t.true(existsSync(join(results, 'summary.json')), output);
  t.notRegex(output, /writes to hardware/);
  // What it takes to run it again is kept, the profile among it.
  const kept = readdirSync(join(results, 'scenario'), { recursive: true }).map(String);
  t.true(
    kept.some((name) => name.endsWith('profile-pv-645-b.yaml')),
    kept.join(),
  );
});

test.serial(
  'without a dead-man: left out and explained, or accepted by name, or with its own time-out',
  async (t) => {
    const { address } = await recordedTwin(t, { family: 'sma', phases: 'A', serial: 'SMA-1' });
    const at = `${address}?unit=126`;
    const out = join(folder, 'sma');
    const refused = await init('--yes', '--out', out, at);
    t.is(refused.code, 1);
    t.regex(refused.output, /LEFT OUT.*nothing ends a limit on it.*--accept-no-dead-man\s+'SMA-1'/s);
    t.false(existsSync(out));
    const accepted = await init('--yes', '--out', out, at, '--accept-no-dead-man', 'SMA-1');
    t.is(accepted.code, 0, accepted.output);
    t.regex(accepted.output, /silence +NOTHING: a limit stays/);
    const timed = await init(
      '--yes',
      '--force',
      '--out',
      out,
      at,
      '--place',
      'SMA-1=pv-652-a,watchdog=600,rf=-5,dera=south',
    );
    t.is(timed.code, 0, timed.output);
    t.regex(timed.output, /silence +watchdog after 600 s, then uncontrolled/);
    const { scenario } = loadScenario(join(out, 'scenario.yaml'));
    t.like(
      scenario.ders.find(({ derId }) => derId === 'pv-652-a'),
      { device: at, profile: 'profile-pv-652-a.yaml', riskFactor_pct: -5, deraId: 'south' },
    );
    t.deepEqual(scenario.market.participants, ['dera-1', 'south']);
  },
);

test.serial('what is there is not overwritten, and what is wrong is said with its option', async (t) => {
  const { address } = await recordedTwin(t, { serial: 'S-1' });
  const out = join(folder, 'mine');
  mkdirSync(out);
  writeFileSync(join(out, 'letter.txt'), 'to my mother');
  const wrong: [string[], RegExp][] = [
    [['--out', out, address], /--out: found .*mine, which is not empty, expected a new folder, or --force/],
    [['--out', out, '--force', address], /holds no scenario\.yaml/],
    [[], /ADDRESS: found nothing, expected an answer to: Where are the devices/],
    [['--feeder', 'nowhere', address], /--feeder: found "nowhere", expected one of .*ieee13/],
    [['--start', '2026-06-22T00:00Z', address], /--start: found "2026-06-22T00:00Z", expected a minute/],
    [['--start', '2026-06-21T23:30Z', address], /all 60 minutes on that day/],
    [['--clock', 'fast', address], /--clock: found "fast", expected realtime: hardware takes real time/],
    [['--intervals', '0', address], /--intervals: found "0", expected a whole number from 1 to 96/],
    [
      ['--place', 'S-9=pv-634', address],
      /--place: found S-9=pv-634, expected a serial number or address of S-1/,
    ],
    [
      ['--place', 'S-1=pv-611-c', address],
      /--place: found "pv-611-c", expected another DER, the device has 3 phases/,
    ],
    [['--place', 'S-1=pv-634,rf=cheap', address], /--place: found rf=cheap, expected a number/],
    [['--place', 'S-1=pv-634,profile=none-such', address], /none-such.*expected one of/],
    [['--accept-no-dead-man', 'S-9', address], /--accept-no-dead-man: found S-9/],
    [[`tcp://127.0.0.1:${await freePorts(1)}`], /nobody listens on port.*expected one at least/s],
  ];
  for (const [args, message] of wrong) {
    const { code, output } = await init(
      '--yes',
      ...(args.includes('--out') ? [] : ['--out', join(folder, 'never')]),
      ...args,
    );
    t.is(code, 1, output);
    t.regex(output, message);
    t.notRegex(output, /\n\s+at /);
  }
  t.is((await init('--others', 'some', address)).code, 2);
  t.deepEqual(readdirSync(out), ['letter.txt']);
  t.false(existsSync(join(folder, 'never')));
  t.false(readdirSync(folder).some((name) => name.startsWith('.')));
});

test.serial('--json: findings and proposal for a script, and nothing written', async (t) => {
  const { address, line } = await recordedTwin(t, { family: 'kostal' });
  const { code, stdout } = await init('--json', '--units', '71', address);
  t.is(code, 0);
  const { devices, nothing } = JSON.parse(stdout) as { devices: unknown[]; nothing: unknown[] };
  t.deepEqual(nothing, []);
  t.like(devices[0], { proposal: { profile: 'kostal' }, place: { proposed: 'pv-633' } });
  t.is(line.writes.length, 0);
});

/** The wizard on a terminal, answered. */
async function session(steps: [string, string][], ...args: string[]) {
  const program = start(python ?? '', [PTY_SESSION, process.execPath, FIELDBID, ...args], { stdin: 'pipe' });
  program.process.stdin?.end(JSON.stringify(steps));
  const code = await program.ended;
  return { code, output: program.output() };
}

const onTerminal = python === undefined ? test.skip : test.serial;

onTerminal(
  'on a terminal: it asks, says what is wrong with an answer, and takes what Enter proposes',
  async (t) => {
    t.timeout(120_000);
    const { address } = await recordedTwin(t, { serial: 'PTY-1' });
    const out = join(folder, 'asked');
    const { code, output } = await session(
      [
        ['Feeder', '\r'],
        ['Where are the devices?', `${address}\r`],
        ['Profile', '\r'],
        ['DER of the feeder', 'pv-611-c\r'],
        ['the device has 3 phases', 'pv-671\r'],
        ['Risk factor', '-7.5\r'],
        ['simulated or none', '\r'],
        ['Intervals of 15 minutes', '2\r'],
        ['First interval', '2026-06-21T10:00Z\r'],
        ['Clock', '\r'],
        ['Folder for the scenario', `${out}\r`],
        ['Write the scenario to', 'y\r'],
      ],
      ...['bench', 'init', ...PATIENT, '--units', '1'],
    );
    t.is(code, 0, output);
    t.true(output.indexOf('WHAT A RUN WILL WRITE') < output.indexOf('Write the scenario to'));
    const { scenario } = loadScenario(join(out, 'scenario.yaml'));
    t.like(scenario.calendar, { start: '2026-06-21T10:00Z', intervals: 2, interval_min: 15 });
    t.like(
      scenario.ders.find(({ derId }) => derId === 'pv-671'),
      { device: `${address}?unit=1`, riskFactor_pct: -7.5 },
    );
    // A run on a terminal asks as well; Enter is no.
    const run = await session(
      [['Write this to the devices? [y/N]', '\r']],
      ...['run', '--scenario', join(out, 'scenario.yaml'), '--out', join(folder, 'no-run')],
    );
    t.is(run.code, 1, run.output);
    t.regex(run.output, /nothing was written: not confirmed/);
    t.false(existsSync(join(folder, 'no-run')));
  },
);

onTerminal('Ctrl-C, at the first question and at the last, leaves nothing', async (t) => {
  t.timeout(120_000);
  const { address } = await recordedTwin(t, { serial: 'PTY-2' });
  const out = join(folder, 'broken-off');
  const before = readdirSync(folder);
  const args = ['bench', 'init', ...PATIENT, '--units', '1', '--feeder', 'ieee13', '--out', out];
  const first = await session([['Where are the devices?', '\u0003']], ...args);
  t.is(first.code, 130, first.output);
  const last = await session(
    [
      ['Profile', '\r'],
      ['DER of the feeder', '\r'],
      ['Risk factor', '\r'],
      ['simulated or none', '\r'],
      ['Intervals of', '\r'],
      ['First interval', '\r'],
      ['Clock', '\r'],
      ['Write the scenario to', '\u0003'],
    ],
    ...[...args, address],
  );
  t.is(last.code, 130, last.output);
  t.deepEqual(readdirSync(folder), before);
});
