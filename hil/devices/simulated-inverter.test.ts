/** What the simulated inverter does beyond the DerDevice suite: ramp, revert, night, and refused writes. */
import { ModbusBus } from '@fieldbid/edge-agent/drivers/modbus/bus';
import { mediumOf } from '@fieldbid/edge-agent/drivers/modbus/medium';
import test from 'ava';
import { clearDayIrradiance, pvPower_W } from './pv-model.ts';
import { SimulatedInverter, type SimulatedInverterOptions } from './simulated-inverter.ts';

const START_MS = Date.parse('2026-06-21T12:00:00Z');
/** Registers of a single-phase device at base 40000: 2 + 68 + 52 + 28 + 32 + 46 before model 123. */
const CONTROLS = 40_228;
const SETTINGS = 40_150;

async function open(options: Partial<SimulatedInverterOptions> = {}) {
  let now_ms = START_MS;
  let sun_W = 4000;
  const inverter = new SimulatedInverter({
    serial: 'S',
    phases: 'A',
    rating_W: 5000,
    nominal_V: 240,
    now: () => now_ms,
    available_W: () => sun_W,
    ...options,
  });
  const { port } = await inverter.listen('127.0.0.1', 0);
  const connection = new ModbusBus({
    medium: mediumOf({ scheme: 'tcp', host: '127.0.0.1', port, unit: 1 }),
    timing: { deadline_ms: 60_000 },
  });
  return {
    inverter,
    connection,
    pass: (seconds: number) => {
      now_ms += seconds * 1000;
    },
    shine: (watts: number) => {
      sun_W = watts;
    },
    limit: (steps: number, revert_s: number, ena = 1) =>
      connection.writeMany(1, CONTROLS + 5, [steps, 0, revert_s, 0, ena]),
    close: async () => {
      await connection.close();
      await inverter.close();
    },
  };
}

test('power follows a limit on its ramp: 25 % of 5 kW a second', async (t) => {
  const { inverter, pass, limit, close } = await open();
  await limit(2000, 0);
  pass(1);
  t.is(inverter.terminalPower_W(), 4000 - 1250);
  pass(1);
  t.is(inverter.terminalPower_W(), 4000 - 2500);
  pass(1);
  t.is(inverter.terminalPower_W(), 1000);
  await close();
});

test('energy is power over market time, across a ramp and a revert nobody looked at', async (t) => {
  const { inverter, pass, limit, close } = await open({ lifetime_Wh: 1000 });
  await limit(0, 600);
  // 4 kW falls to 0 in 3.2 s, stays there until 600 s, rises in 3.2 s, and 4 kW up to 3600 s.
  pass(3600);
  const expected_Wh = (4000 * 3.2) / 2 / 3600 + (4000 * 3.2) / 2 / 3600 + (4000 * (3600 - 600 - 3.2)) / 3600;
  t.true(Math.abs(inverter.energy_Wh() - 1000 - expected_Wh) < 1e-6, `${inverter.energy_Wh()}`);
  await close();
});

test('when the revert timer ends, a configured limit takes over instead of none', async (t) => {
  const { inverter, connection, pass, limit, close } = await open({ revert: { limit_pct: 10 } });
  await limit(5000, 60);
  pass(59);
  t.is(inverter.terminalPower_W(), 2500);
  t.is(inverter.limitInForce_pct(), 50);
  pass(10);
  t.is(inverter.terminalPower_W(), 500);
  t.deepEqual(await connection.read(1, CONTROLS + 5, 5), [1000, 0, 60, 0, 1]);
  await close();
});

test('disconnected it delivers nothing; at night it sleeps', async (t) => {
  const { inverter, connection, pass, shine, close } = await open();
  const state = async () => (await connection.read(1, 40_070 + 38, 1))[0];
  t.is(await state(), 4); // MPPT
  await connection.writeOne(1, CONTROLS + 4, 0);
  pass(10);
  t.is(inverter.terminalPower_W(), 0);
  t.is(await state(), 8); // STANDBY
  await connection.writeOne(1, CONTROLS + 4, 1);
  pass(10);
  t.is(inverter.terminalPower_W(), 4000);
  shine(0);
  pass(60);
  t.is(await state(), 2); // SLEEPING
  t.deepEqual(await connection.read(1, 40_070 + 14, 1), [0]);
  await close();
});

test('a lower WMax setting bounds power, and what a limit means', async (t) => {
  const { inverter, connection, pass, limit, close } = await open();
  await connection.writeOne(1, SETTINGS + 2, 2000);
  pass(10);
  t.is(inverter.terminalPower_W(), 2000);
  await limit(5000, 0);
  pass(10);
  t.is(inverter.terminalPower_W(), 1000);
  await close();
});

test('writes that cannot be are exceptions, and nothing of them is applied', async (t) => {
  const { inverter, connection, pass, close } = await open();
  const before = await connection.read(1, CONTROLS, 26);
  const refused = async (address: number, words: number[], exception: number) =>
    t.like(await t.throwsAsync(connection.writeMany(1, address, words)), { exception });
  await refused(CONTROLS + 5, [2000, 0, 0, 0, 2], 3); // Ena is 0 or 1
  await refused(CONTROLS + 5, [10_001, 0, 0, 0, 1], 3); // more than 100 %
  await refused(CONTROLS + 5, [2000, 0, 0xffff, 0, 1], 3); // no such time
  await refused(CONTROLS + 10, [100], 3); // a setting that it does not act on
  await refused(CONTROLS, [123, 24], 2); // the model's own header
  await refused(40_070 + 14, [100], 2); // a measurement
  await refused(40_000 - 1, [1], 2); // before the map
  await refused(SETTINGS + 2, [5001], 3); // above the nameplate
  t.deepEqual(await connection.read(1, CONTROLS, 26), before);
  t.is(inverter.writeTransactions, 0);
  pass(60);
  t.is(inverter.terminalPower_W(), 4000);
  await close();
});

test('registers that do not exist, other units and other functions are exceptions', async (t) => {
  const { connection, close } = await open();
  t.like(await t.throwsAsync(connection.read(1, 40_250, 10)), { exception: 2 });
  t.like(await t.throwsAsync(connection.read(2, 40_000, 2)), { exception: 11 });
  await close();
});

test('voltages of the grid appear in its registers, and its current follows', async (t) => {
  const { inverter, connection, close } = await open();
  inverter.setVoltages_pu([1.05]);
  const words = await connection.read(1, 40_070, 52);
  t.is(words[10], 2520); // PhVphA, 0.1 V
  t.is(words[3], Math.round((4000 / 252) * 100)); // AphA, 0.01 A
  t.throws(() => inverter.setVoltages_V([240, 240]), { instanceOf: RangeError });
  await close();
});

test('a grid whose voltage collapses does not break the registers', async (t) => {
  const { inverter, connection, close } = await open();
  for (const volts of [1, 0]) {
    inverter.setVoltages_V([volts]);
    t.is((await connection.read(1, 40_070, 52))[10], volts * 10);
  }
  await close();
});

test('large ratings fit their registers', (t) => {
  for (const rating_W of [1, 27_000, 720_000, 10_000_000]) {
    t.notThrows(
      () =>
        new SimulatedInverter({
          serial: 'S',
          phases: 'ABC',
          rating_W,
          nominal_V: 277,
          now: () => START_MS,
          available_W: () => rating_W,
        }),
    );
  }
});

test('sunlight: noon of the clear day gives the peak, night nothing, and never more than the rating', (t) => {
  t.is(clearDayIrradiance(START_MS, 900), 900);
  t.is(clearDayIrradiance(START_MS - 12 * 3_600_000), 0);
  // 500 W/m² at 20 °C: cells at 35.5 °C lose 4.2 %: 1.2 · 5000 · 0.5 · 0.958 · 0.97.
  t.true(Math.abs(pvPower_W({ rating_W: 5000 }, 500) - 1.2 * 5000 * 0.5 * 0.958 * 0.97) < 1e-9);
  t.is(pvPower_W({ rating_W: 5000 }, 1200), 5000);
});
