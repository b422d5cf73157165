/** What every driver of a grid emulator must do: run against both twins, over real sockets. */
import type { TestFn } from 'ava';
import { NOMINAL_V, type OpenBench } from './testing.ts';

const near = (volts: number | null | undefined, wanted: number): boolean =>
  Math.abs((volts ?? Number.NaN) - wanted) <= 0.0005 * wanted + 0.005;

export function gridEmulatorConformance(test: TestFn, name: string, open: OpenBench): void {
  test(`${name}: says what it is`, async (t) => {
    const bench = await open();
    t.teardown(bench.close);
    t.like(await bench.emulator.identity(), {
      manufacturer: 'fieldbid',
      model: 'AC source twin',
      serial: 'GE-SIM-1',
      nominal_V: NOMINAL_V,
      rating_VA: 1_000_000,
      channels: 3,
      watchdog_s: 60,
      resolution_V: 0.01,
    });
  });

  test(`${name}: setpoints are taken by channel, others stay, and the output follows at its slew rate`, async (t) => {
    const bench = await open({ slew_V_per_s: 10 });
    t.teardown(bench.close);
    const { emulator } = bench;
    t.deepEqual(await emulator.setVoltages([270, null, 280]), { outcome: 'written' });
    t.deepEqual(bench.twin.taken, [
      [0, 270],
      [2, 280],
    ]);
    const before = await emulator.read();
    t.deepEqual(
      before.channels.map(({ setpoint_V }) => setpoint_V),
      [270, NOMINAL_V, 280],
    );
    t.true(near(before.channels[0]?.measured_V, NOMINAL_V), 'nothing has moved yet');
    bench.pass(100);
    // 10 V/s for a tenth of a second.
    t.true(near((await emulator.read()).channels[0]?.measured_V, NOMINAL_V - 1));
    bench.pass(10_000);
    const after = await emulator.read();
    t.true([270, NOMINAL_V, 280].every((volts, i) => near(after.channels[i]?.measured_V, volts)));
    t.like(after, { output: 'on', control: 'remote', alarm: null });
  });

  test(`${name}: what is no voltage is a bug of the caller, and reaches nobody`, async (t) => {
    const bench = await open();
    t.teardown(bench.close);
    for (const volts of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      await t.throwsAsync(bench.emulator.setVoltages([volts]), { instanceOf: RangeError });
    }
    await t.throwsAsync(bench.emulator.setVoltages([1, 1, 1, 1]), { instanceOf: RangeError });
    t.deepEqual(bench.twin.taken, []);
  });

  test(`${name}: opens and closes its output, and measures it`, async (t) => {
    const bench = await open();
    t.teardown(bench.close);
    const { emulator } = bench;
    t.deepEqual(await emulator.setOutput(false), { outcome: 'written' });
    t.like(await emulator.read(), { output: 'off' });
    t.deepEqual(
      (await emulator.read()).channels.map(({ measured_V }) => measured_V),
      [0, 0, 0],
    );
    await emulator.setOutput(true);
    t.true(near((await emulator.read()).channels[1]?.measured_V, NOMINAL_V));
  });

  test(`${name}: local mode and alarms show, and a write to it then is refused with its reason`, async (t) => {
    const bench = await open();
    t.teardown(bench.close);
    const { emulator, twin } = bench;
    twin.physics.local = true;
    t.like(await emulator.read(), { control: 'local' });
    t.like(await emulator.setVoltages([270]), { outcome: 'refused' });
    twin.physics.local = false;
    // Beyond its range: it trips.
    t.like(await emulator.setVoltages([400]), { outcome: 'refused' });
    t.like(await emulator.read(), { alarm: 'a setpoint beyond its range', output: 'off' });
    twin.physics.clearAlarm();
    twin.faults.refusesWrites = true;
    const refused = await emulator.setVoltages([270]);
    t.true(
      refused.outcome === 'refused' && refused.reason.includes('nothing was written'),
      JSON.stringify(refused),
    );
  });

  test(`${name}: a watchdog that is refreshed keeps the setpoint, one that is not goes back to nominal`, async (t) => {
    const bench = await open();
    t.teardown(bench.close);
    const { emulator, twin } = bench;
    await emulator.setVoltages([260]);
    for (let i = 0; i < 3; i++) {
      bench.pass(50_000);
      t.deepEqual(await emulator.refresh(), { outcome: 'written' });
    }
    t.true(near((await emulator.read()).channels[0]?.measured_V, 260));
    t.false(twin.physics.fellBack);
    bench.pass(61_000);
    t.true(near((await emulator.read()).channels[0]?.measured_V, NOMINAL_V));
    t.true(twin.physics.fellBack);
  });

  test(`${name}: a dead emulator is an error that may pass, and the same driver goes on when it is back`, async (t) => {
    const bench = await open();
    t.teardown(bench.close);
    const { emulator, twin } = bench;
    await emulator.read();
    twin.faults.offline = true;
    t.like(await t.throwsAsync(emulator.read()), { retryable: true });
    t.like(await t.throwsAsync(emulator.setVoltages([270])), { retryable: true });
    twin.faults.offline = false;
    bench.pass(60_000);
    t.like(await emulator.read(), { output: 'on' });
  });

  test(`${name}: a plan says what would be written, and writes nothing`, async (t) => {
    const bench = await open();
    t.teardown(bench.close);
    const plan = bench.emulator.planned([270.5, null, 280]);
    t.is(plan.length, 2);
    t.true(
      plan.every((line) => /27050|28000|270\.5|280/.test(line)),
      plan.join(),
    );
    t.deepEqual(bench.twin.taken, []);
  });
}
