/**
 * The suite that every DerDevice passes: `derDeviceConformance(test, 'name', open)`. The implementation brings
 * a device on a bench whose sunlight and clock the suite controls.
 */
import type { ExecutionContext, TestFn } from 'ava';
import type { DerDevice, DerReading } from './der-device.ts';

/** A device under test: rated at least 1 kW, uncontrolled at the start, in full sun. */
export interface DeviceBench {
  readonly device: DerDevice;
  readonly rating_W: number;
  /** Number of phases. */
  readonly phases: number;
  /** What the sun allows, W. */
  setAvailable_W(available_W: number): void;
  /** True power at the terminals, W. */
  terminalPower_W(): number;
  /** Lets market time pass, ms. */
  pass(duration_ms: number): void;
  /** Market time, epoch ms. */
  now(): number;
  /** Requests that changed registers (or nodes) so far. */
  writeTransactions(): number;
  /** Cuts the link, or restores it. */
  setOnline(online: boolean): void;
  close(): Promise<void>;
}

const SETTLED_MS = 30_000;

export function derDeviceConformance(test: TestFn, name: string, open: () => Promise<DeviceBench>): void {
  const withBench = (title: string, body: (t: ExecutionContext, bench: DeviceBench) => Promise<void>) =>
    test(`${name}: ${title}`, async (t) => {
      const bench = await open();
      try {
        await body(t, bench);
      } finally {
        await bench.device.close();
        await bench.close();
      }
    });

  withBench('says who it is', async (t, { device }) => {
    const identity = await device.identity();
    t.truthy(identity.manufacturer);
    t.truthy(identity.serial);
    t.truthy(identity.control);
    t.true(identity.hasRevertTimer);
  });

  withBench(
    'a reading is the present: power, available power, rating, voltages, energy',
    async (t, bench) => {
      const { device, rating_W } = bench;
      bench.setAvailable_W(0.6 * rating_W);
      bench.pass(SETTLED_MS);
      const reading = await device.read();
      t.is(reading.readAt_ms, bench.now());
      near(t, reading.power_W, bench.terminalPower_W(), rating_W);
      near(t, reading.available_W, 0.6 * rating_W, rating_W);
      near(t, reading.rating_W, rating_W, rating_W);
      t.is(reading.voltages_V.length, bench.phases);
      t.true(reading.voltages_V.every((volts) => volts !== null && volts > 0));
      t.is(reading.state, 'mppt');
      t.not(reading.connected, false);
      t.not(reading.limit?.enabled, true);
      bench.pass(3_600_000);
      const later = await device.read();
      near(t, (later.energy_Wh ?? 0) - (reading.energy_Wh ?? 0), 0.6 * rating_W, rating_W);
    },
  );

  withBench('a limit holds, and is never above what was asked', async (t, bench) => {
    const { device, rating_W } = bench;
    bench.setAvailable_W(rating_W);
    for (const limit_W of [0.333 * rating_W, 0.5 * rating_W + 1, 0.0007 * rating_W, 0, rating_W]) {
      const before = bench.writeTransactions();
      const result = await device.applyLimit({ limit_W, revert_s: 600 });
      t.is(result.outcome, 'written');
      if (result.outcome !== 'written') return;
      t.is(bench.writeTransactions() - before, 1);
      t.true((result.commanded_pct / 100) * rating_W <= limit_W + 1e-6);
      t.true((result.commanded_pct / 100) * rating_W > limit_W - (1.01 * result.step_pct * rating_W) / 100);
      t.true(result.echoes);
      t.like(result.readBack, { enabled: true, revert_s: 600 });
      bench.pass(SETTLED_MS);
      t.true(bench.terminalPower_W() <= limit_W + 1e-6);
      const reading = await device.read();
      near(t, reading.power_W, bench.terminalPower_W(), rating_W);
      near(t, reading.available_W, rating_W, rating_W);
    }
  });

  withBench('a limit above the rating is 100 %, one below zero a bug of the caller', async (t, bench) => {
    const result = await bench.device.applyLimit({ limit_W: 3 * bench.rating_W, revert_s: 60 });
    t.like(result, { outcome: 'written', commanded_pct: 100 });
    await t.throwsAsync(bench.device.applyLimit({ limit_W: -1, revert_s: 60 }), { instanceOf: RangeError });
    await t.throwsAsync(bench.device.applyLimit({ limit_W: Number.NaN, revert_s: 60 }), {
      instanceOf: RangeError,
    });
  });

  withBench('the device lets go by itself when nobody repeats the command', async (t, bench) => {
    const { device, rating_W } = bench;
    bench.setAvailable_W(rating_W);
    await device.applyLimit({ limit_W: 0.2 * rating_W, revert_s: 60 });
    bench.pass(50_000);
    await device.applyLimit({ limit_W: 0.2 * rating_W, revert_s: 60 });
    bench.pass(50_000);
    near(t, (await device.read()).power_W, 0.2 * rating_W, rating_W);
    bench.pass(10_000 + SETTLED_MS);
    near(t, (await device.read()).power_W, rating_W, rating_W);
  });

  withBench('released, it delivers what the sun gives', async (t, bench) => {
    const { device, rating_W } = bench;
    bench.setAvailable_W(0.8 * rating_W);
    await device.applyLimit({ limit_W: 0.1 * rating_W, revert_s: 3600 });
    bench.pass(SETTLED_MS);
    t.like(await device.release(), { outcome: 'released', readBack: { enabled: false } });
    bench.pass(SETTLED_MS);
    near(t, (await device.read()).power_W, 0.8 * rating_W, rating_W);
  });

  withBench('without a link every call fails as retryable, and works again afterwards', async (t, bench) => {
    const { device } = bench;
    await device.identity();
    bench.setOnline(false);
    const calls: (() => Promise<unknown>)[] = [
      () => device.read(),
      () => device.applyLimit({ limit_W: 1000, revert_s: 60 }),
      () => device.release(),
    ];
    for (const call of calls) t.like(await t.throwsAsync(call()), { retryable: true });
    bench.setOnline(true);
    bench.pass(60_000);
    const reading: DerReading = await device.read();
    t.not(reading.power_W, null);
  });
}

/** Within half a percent of the rating: coarser than any register's step, finer than any mistake. */
function near(t: ExecutionContext, found: number | null, expected: number, rating_W: number): void {
  const close = found !== null && Math.abs(found - expected) <= 0.005 * rating_W;
  t.true(close, `found ${found}, expected ${expected}`);
}
