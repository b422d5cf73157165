/** What the bench does with an emulator, against the Modbus twin: the drivers themselves are held by conformance.ts. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { NOMINAL_V, openEmulatorBench } from './testing.ts';
import type { EmulatorPhysicsOptions } from './twin/emulator-physics.ts';
import { twinMapping } from './twin/emulator-twin.ts';

async function opened(t: ExecutionContext, physics: Partial<EmulatorPhysicsOptions> = {}, mapping?: string) {
  const bench = await openEmulatorBench(undefined, physics, mapping);
  t.teardown(bench.close);
  return bench;
}

test('follows the feeder, proved by the measured output', async (t) => {
  const bench = await opened(t);
  const control = bench.control();
  t.is(await control.takeOver(), undefined);
  t.deepEqual(bench.twin.taken, [], 'looking writes nothing');
  const found = await control.follow([1.01, 0.99, 1.02]);
  for (const [i, asked_pu] of [1.01, 0.99, 1.02].entries()) {
    t.like(found[i], { asked_pu, verdict: 'verified', clamped: false, note: '' });
    t.true(Math.abs(bench.twin.physics.output_V()[i]! - asked_pu * NOMINAL_V) <= 0.0051);
    t.true(Math.abs(found[i]!.measured_V! - asked_pu * NOMINAL_V) <= 0.0005 * NOMINAL_V);
  }
});

test('whatever the feeder asks: nothing outside of the limits is sent, and no step from the output is too large', async (t) => {
  const bench = await opened(t, { slew_V_per_s: 1000, watchdog_s: 1e6 });
  const { twin } = bench;
  const control = bench.control();
  const pu = fc.oneof(
    fc.double(),
    fc.double({ min: 0.7, max: 1.3, noNaN: true }),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -1, 1e300),
  );
  // The meter's error and the register's last digit come on top of a step.
  const most_V = 0.02 * NOMINAL_V + 0.0004 * 1.15 * NOMINAL_V + 0.01;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(pu, pu, pu), { minLength: 1, maxLength: 3 }), async (steps) => {
      for (const asked of steps) {
        let at_V = twin.physics.output_V();
        const before = twin.taken.length;
        const found = await control.follow(asked);
        const sent = twin.taken.slice(before);
        t.true(sent.length > 0);
        for (let i = 0; i < sent.length; i += 3) {
          const next_V = sent.slice(i, i + 3).map(([, volts]) => volts);
          for (const [channel, volts] of next_V.entries()) {
            t.true(volts >= 0.85 * NOMINAL_V && volts <= 1.15 * NOMINAL_V, `${volts} V`);
            t.true(Math.abs(volts - at_V[channel]!) <= most_V, `${at_V[channel]} to ${volts} V`);
          }
          at_V = next_V;
        }
        for (const [i, { verdict, clamped, asked_pu }] of found.entries()) {
          const value = asked[i]!;
          t.is(verdict, 'verified');
          t.is(asked_pu, Number.isFinite(value) ? value : null);
          t.is(clamped, Number.isFinite(value) && (value < 0.85 || value > 1.15));
        }
      }
    }),
    { numRuns: 40 },
  );
});

test('what is not solved keeps the last voltage; what is beyond the limit is clamped, and both are said', async (t) => {
  const bench = await opened(t);
  const control = bench.control({}, [0]);
  await control.follow([1.03]);
  const [kept] = await control.follow([undefined]);
  t.like(kept, { asked_pu: null, verdict: 'verified', note: 'not solved: the last voltage stays' });
  t.true(Math.abs(kept!.sent_pu! - 1.03) < 1e-4);
  const [clamped] = await control.follow([1.21]);
  t.like(clamped, { asked_pu: 1.21, clamped: true, verdict: 'verified' });
  t.is(clamped?.sent_V, 318.69);
  t.is(clamped?.note, 'asked for 1.2100 pu, limited to 0.85 ... 1.15');
});

test('an echo proves nothing: an emulator that reads back and stays is refused, a frozen one as well', async (t) => {
  for (const fault of ['ignoresSetpoints', 'frozen'] as const) {
    const bench = await opened(t);
    const control = bench.control({}, [0]);
    t.is(await control.takeOver(), undefined);
    bench.twin.faults[fault] = true;
    const [found] = await control.follow([1.05]);
    t.is(found?.verdict, 'refused');
    // The walk ends with its first step, 0.02 pu: nothing more is sent to one that does not follow.
    const echo = fault === 'frozen' ? '277.13' : '282.78';
    t.regex(found?.note ?? '', new RegExp(`told 282\\.78 V, reads back ${echo} V, delivers 277\\.24 V`));
    t.is(bench.twin.taken.length, fault === 'frozen' ? 0 : 1);
    bench.twin.faults[fault] = false;
    t.is((await control.follow([1.05]))[0]?.verdict, 'verified');
  }
});

test('a channel that follows beside one that does not has its own verdict', async (t) => {
  const bench = await opened(t);
  const { physics } = bench.twin;
  const control = bench.control();
  await control.follow([1, 1, 1]);
  bench.twin.faults.ignoresSetpoints = true;
  const found = await control.follow([1.015, 1, 1]);
  t.deepEqual(
    found.map(({ verdict }) => verdict),
    ['refused', 'verified', 'verified'],
  );
  t.true(Math.abs(physics.output_V()[0]! - NOMINAL_V) < 0.01);
});

test('a write that is refused, and one that nobody answers', async (t) => {
  const bench = await opened(t);
  const control = bench.control({}, [0]);
  await control.takeOver();
  bench.twin.faults.refusesWrites = true;
  const [refused] = await control.follow([1.01]);
  t.like(refused, { verdict: 'refused', sent_V: null });
  t.regex(refused?.note ?? '', /exception 4/);
  bench.twin.faults.refusesWrites = false;
  bench.twin.faults.offline = true;
  t.like((await control.follow([1.01]))[0], {
    ...{ verdict: 'unproven', sent_V: null, measured_V: null, note: 'no answer (MODBUS_CONNECTION)' },
  });
  bench.twin.faults.offline = false;
  bench.pass(60_000);
  t.like((await control.follow([1.01]))[0], { verdict: 'verified' });
});

test('is not taken over: local mode, alarm, a voltage outside of the limits, another nominal voltage, too small', async (t) => {
  const cases: [Partial<EmulatorPhysicsOptions>, Record<string, unknown>, RegExp][] = [
    [{ nominal_V: 230 }, {}, /its nominal voltage is 230 V, the scenario's 277\.13 V/],
    [{ highest_V: 300 }, {}, /goes up to 300 V, the limits up to 318\.7 V/],
    [{ rating_VA: 4000 }, {}, /its rating is 4000 VA, what hangs on it has 5000 VA/],
  ];
  for (const [physics, changes, reason] of cases) {
    const bench = await opened(t, physics);
    t.regex((await bench.control(changes).takeOver()) ?? '', reason);
    t.deepEqual(bench.twin.taken, []);
  }
  const bench = await opened(t);
  const { physics } = bench.twin;
  physics.local = true;
  t.regex((await bench.control().takeOver()) ?? '', /local mode/);
  physics.local = false;
  physics.set(1, 0.8 * NOMINAL_V);
  bench.pass(10_000);
  t.regex((await bench.control().takeOver()) ?? '', /delivers 221\.6 V, outside of 0\.85 to 1\.15 pu/);
  physics.set(1, 500);
  t.regex((await bench.control().takeOver()) ?? '', /alarm: a setpoint beyond its range/);
  t.regex((await bench.control({}, [3]).takeOver()) ?? '', /3 channels, and channel 4/);
});

test('what happens at its front panel in the day is seen: nothing is written, and it is followed again afterwards', async (t) => {
  const bench = await opened(t);
  const { twin } = bench;
  const control = bench.control({}, [0]);
  await control.follow([1.01]);
  const before = twin.taken.length;
  twin.physics.local = true;
  t.like((await control.follow([1.02]))[0], { verdict: 'refused', sent_V: null });
  t.is(twin.taken.length, before);
  twin.physics.local = false;
  t.like((await control.follow([1.02]))[0], { verdict: 'verified' });
});

test('its output is closed only where that is asked for, at nominal voltage, and never again once it was opened', async (t) => {
  const bench = await opened(t, { output: 'off' });
  const { twin } = bench;
  twin.physics.set(0, 300);
  const byHand = bench.control();
  t.is(await byHand.takeOver(), undefined);
  t.false(twin.physics.on);
  t.is(twin.physics.setpoint_V(0), NOMINAL_V);
  t.like((await byHand.follow([1.01, 1, 1]))[0], {
    verdict: 'unproven',
    note: 'its output is open; nothing was set',
  });
  t.false(twin.physics.on);

  const control = bench.control({ enable: true });
  t.is(await control.takeOver(), undefined);
  t.true(twin.physics.on);
  t.like((await control.follow([1.04, 1, 1]))[0], { verdict: 'verified' });
  // Somebody has pressed the button: that is the last word.
  twin.physics.switchOutput(false);
  t.like((await control.follow([1.04, 1, 1]))[0], { verdict: 'unproven' });
  t.false(twin.physics.on);
  t.is(twin.physics.setpoint_V(0), NOMINAL_V);
});

test('the watchdog is refreshed between the steps; without, the output is nominal, and walked from there', async (t) => {
  const bench = await opened(t);
  const { twin } = bench;
  const control = bench.control({}, [0]);
  await control.follow([1.1]);
  bench.pass(50_000);
  await control.refresh();
  bench.pass(50_000);
  t.false(twin.physics.fellBack);
  bench.pass(20_000);
  t.true(twin.physics.fellBack);
  const before = twin.taken.length;
  t.like((await control.follow([1.1]))[0], { verdict: 'verified' });
  // From 1.0 to 1.1 in steps of 0.02: five, or six where the meter reads high.
  t.true(twin.taken.length - before >= 5);
});

test('it is left at nominal voltage or open, walked there, and how it was left is measured', async (t) => {
  const bench = await opened(t);
  const { twin } = bench;
  t.like(await bench.control().leave(), { safe: true, text: 'as it was found' });
  const control = bench.control();
  await control.follow([1.12, 1.12, 1.12]);
  const before = twin.taken.length;
  const left = await control.leave();
  t.like(left, { safe: true, output: 'on', text: 'at nominal voltage' });
  t.true(twin.taken.length - before >= 3 * 6);
  for (const volts of twin.physics.output_V()) t.true(Math.abs(volts - NOMINAL_V) < 0.2);

  const off = bench.control({ safe: 'off' });
  await off.follow([1.05, 1.05, 1.05]);
  t.like(await off.leave(), {
    safe: true,
    output: 'off',
    measured_V: [0, 0, 0],
    text: 'with its output open',
  });
  twin.physics.switchOutput(true);
  await control.follow([1.05, 1.05, 1.05]);
  twin.faults.ignoresSetpoints = true;
  t.like(await control.leave(), { safe: false, output: 'on', text: 'it does not follow' });
  twin.faults.offline = true;
  t.like(await control.leave(), { safe: false, output: null });
});

test('setpoints that come into force by a write of their own', async (t) => {
  const text = readFileSync(twinMapping('modbus'), 'utf8');
  const file = join(mkdtempSync(join(tmpdir(), 'fieldbid-emulator-')), 'mapping.yaml');
  writeFileSync(file, text.replace('points:', 'points:\n  apply: { register: 32, type: uint16, value: 1 }'));
  const without = await opened(t, { needsApply: true });
  t.is((await without.control({}, [0]).follow([1.015]))[0]?.verdict, 'refused');
  const bench = await opened(t, { needsApply: true }, file);
  t.is((await bench.control({}, [0]).follow([1.015]))[0]?.verdict, 'verified');
});

test('an emulator of another kind is not written to', async (t) => {
  const text = readFileSync(twinMapping('modbus'), 'utf8');
  const file = join(mkdtempSync(join(tmpdir(), 'fieldbid-emulator-')), 'mapping.yaml');
  writeFileSync(file, text.replace('raw: 0x4745', 'raw: 0x1234'));
  const bench = await opened(t, {}, file);
  await t.throwsAsync(bench.control().takeOver(), { code: 'WRONG_DEVICE', message: /register 0 is 18245/ });
  t.like((await bench.control().follow([1, 1, 1]))[0], {
    verdict: 'unproven',
    note: 'no answer (WRONG_DEVICE)',
  });
  t.deepEqual(bench.twin.taken, []);
});
