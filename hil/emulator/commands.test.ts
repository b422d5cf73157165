/** `fieldbid sim emulator` and `fieldbid emulator check|set`, as an operator types them. */
import test from 'ava';
import { fieldbid, freePorts, printed, startFieldbid } from '../testing/programs.ts';
import { openEmulator } from './open-emulator.ts';
import { twinMapping } from './twin/emulator-twin.ts';

const MAPPING = twinMapping('modbus');

test('check says whether the bench would take it over; set shows its steps, and writes by --yes alone', async (t) => {
  t.timeout(120_000);
  const port = await freePorts(1);
  const sim = startFieldbid('sim', 'emulator', '--listen', `127.0.0.1:${port}`, '--nominal', '230');
  t.teardown(() => sim.stop());
  await printed(sim, 'answers at');
  const endpoint = `tcp://127.0.0.1:${port}?unit=1`;
  const emulator = openEmulator({ endpoint, mappingFile: MAPPING, now: Date.now });
  t.teardown(() => emulator.close());
  const setpoint_V = async () => (await emulator.read()).channels[0]?.setpoint_V;
  const run = (...args: string[]) =>
    fieldbid('emulator', args[0]!, endpoint, '--mapping', MAPPING, ...args.slice(1));

  const fits = await run('check');
  t.is(fits.code, 0, fits.output);
  t.regex(fits.output, /nominal {4}230 V, up to 299 V[\s\S]*the bench {2}would take it over/);
  const other = await run('check', '--nominal', '277', '--json');
  t.is(other.code, 1);
  t.like(JSON.parse(other.stdout), { takenOver: false, identity: { nominal_V: 230 } });

  const plan = await run('set', '--volts', '240');
  t.is(plan.code, 1);
  // From 230.09 V, in steps of 4.6 V.
  t.regex(
    plan.output,
    /step 3 of 3, to 240\.00[\s\S]*register 40 .*: 24000[\s\S]*not written: nothing was written/,
  );
  t.is(await setpoint_V(), 230);
  const outside = await run('set', '--volts', '270', '--yes');
  t.is(outside.code, 1);
  t.regex(outside.output, /--volts: found 270 V, expected 1 or 3 voltages from 195\.5 to 264\.5 V/);
  t.is(await setpoint_V(), 230);
  const done = await run('set', '--volts', '240,230,220', '--yes');
  t.is(done.code, 0, done.output);
  t.regex(done.output, /verified: delivers 240\.10, 229\.93, 220\.04 V; it falls back by itself in 60 s/);
  t.is(await setpoint_V(), 240);
});

test('set tells an emulator that only echoes from one that obeys', async (t) => {
  const port = await freePorts(1);
  const sim = startFieldbid(
    'sim',
    'emulator',
    '--listen',
    `127.0.0.1:${port}`,
    '--fault',
    'ignoresSetpoints',
  );
  t.teardown(() => sim.stop());
  await printed(sim, 'answers at');
  const endpoint = `tcp://127.0.0.1:${port}?unit=1`;
  const { code, output } = await fieldbid(
    'emulator',
    'set',
    endpoint,
    '--mapping',
    MAPPING,
    '--volts',
    '285',
    '--yes',
  );
  t.is(code, 1);
  t.regex(output, /refused: told 282\.78 V, reads back 282\.78 V, delivers 277\.24 V/);
});
