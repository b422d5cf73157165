/** Every profile that comes with the agent, against its twin: identity, reading, limit, proof by power, release. */
import { openRegisterDevice } from '@fieldbid/edge-agent/device/open-device';
import { type DeviceProfile, loadProfile, profileNames } from '@fieldbid/edge-agent/profiles/profile';
import test, { type ExecutionContext } from 'ava';
import { type Quirks, SimulatedInverter } from '../simulated-inverter.ts';
import { FAMILIES, type FamilyName } from './families.ts';

const START_MS = Date.parse('2026-06-21T12:00:00Z');
const RATING_W = 10_000;
const FAMILY_NAMES = Object.keys(FAMILIES) as FamilyName[];

/** Profiles that refuse unattended control as they come, and what their owner changes to have it. */
const OVERRIDES: Partial<Record<FamilyName, (profile: DeviceProfile) => DeviceProfile>> = {
  sma: (profile) => ({ ...profile, watchdog_s: 600 }),
  'huawei-sun2000': (profile) => ({ ...profile, limit: { ...profile.limit, revertTimer: 'optional' } }),
  'sungrow-sg': (profile) => ({ ...profile, limit: { ...profile.limit, revertTimer: 'optional' } }),
};

async function bench(t: ExecutionContext, family: FamilyName, profile: DeviceProfile, quirks: Quirks = {}) {
  let now_ms = START_MS;
  let sun_W = RATING_W;
  const twin = new SimulatedInverter({
    ...{ serial: 'TWIN-1', phases: 'ABC', rating_W: RATING_W, nominal_V: 230, family, quirks },
    now: () => now_ms,
    available_W: () => sun_W,
  });
  const { port } = await twin.listen('127.0.0.1', 0);
  const { unit } = FAMILIES[family];
  const quick = { ...profile, modbus: { ...profile.modbus, connectDelay_ms: 0, gap_ms: 0 } };
  const { device } = openRegisterDevice({
    ...{
      endpoint: `tcp://127.0.0.1:${port}?unit=${unit}`,
      profile: quick,
      now: () => now_ms,
      deadline_ms: 60_000,
    },
  });
  t.teardown(async () => {
    await device.close();
    await twin.close();
  });
  const pass = (seconds: number): void => {
    now_ms += seconds * 1000;
    twin.terminalPower_W();
  };
  const setSun = (watts: number): void => {
    sun_W = watts;
  };
  return { twin, device, pass, setSun };
}

test('every profile has a twin, and every twin a profile', (t) => {
  const fitted = new Set(FAMILY_NAMES.map((name) => FAMILIES[name].profile));
  t.deepEqual([...fitted].sort(), profileNames());
  t.true(profileNames().length >= 10);
});

for (const family of FAMILY_NAMES) {
  const profile = loadProfile(FAMILIES[family].profile);
  test(`${family}: found, read, limited, proved by power, released`, async (t) => {
    const { twin, device, pass } = await bench(t, family, (OVERRIDES[family] ?? ((p) => p))(profile));
    pass(60);
    const identity = await device.identity();
    t.is(identity.manufacturer, FAMILIES[family].manufacturer);
    t.is(identity.serial, 'TWIN-1');
    t.false(
      identity.warnings.some((warning) => warning.startsWith('profile ')),
      identity.warnings.join('; '),
    );
    for (const { point } of await device.preparation()) t.true(profile.wear.flash.includes(point.name));
    t.is(await device.prepare(), undefined);

    const free = await device.read();
    t.is(free.power_W, RATING_W);
    t.is(free.rating_W, RATING_W);
    t.is(free.state, 'mppt');
    t.deepEqual(free.voltages_V, [230, 230, 230]);

    const result = await device.applyLimit({ limit_W: 4000, revert_s: 600 });
    t.like(result, { outcome: 'written', commanded_pct: 40, raisedToFloor: false });
    pass(30);
    t.is(twin.terminalPower_W(), 4000);
    t.is((await device.read()).power_W, 4000);
    const echoes = family !== 'sma';
    t.is(result.outcome === 'written' && result.echoes, echoes);

    t.like(await device.release(), { outcome: 'released' });
    pass(120);
    t.is(twin.terminalPower_W(), family === 'generic-storage' ? RATING_W : RATING_W);
  });

  test(`${family}: never above the rating nor the limit, floor and all`, async (t) => {
    const { twin, device, pass } = await bench(t, family, (OVERRIDES[family] ?? ((p) => p))(profile));
    await device.prepare();
    for (const limit_W of [3 * RATING_W, 3333.3, 0]) {
      const result = await device.applyLimit({ limit_W, revert_s: 600 });
      if (result.outcome !== 'written') return t.fail(result.reason);
      pass(60);
      const most_W = Math.max(limit_W, (profile.limit.floor_pct / 100) * RATING_W);
      t.true((result.commanded_pct / 100) * RATING_W <= Math.min(most_W, RATING_W) + 1e-6);
      t.true(twin.terminalPower_W() <= Math.min(most_W, RATING_W) + 1e-3, `${twin.terminalPower_W()} W`);
      t.is(result.raisedToFloor, limit_W < most_W);
    }
  });
}

for (const family of ['sma', 'huawei-sun2000', 'sungrow-sg'] as const) {
  test(`${family}: as it comes, nothing would end a limit: not controlled unattended, and said so`, async (t) => {
    const { device, twin } = await bench(t, family, loadProfile(family));
    t.like(await device.applyLimit({ limit_W: 1000, revert_s: 600 }), {
      outcome: 'refused',
      code: 'NO_REVERT_TIMER',
    });
    t.is(twin.writeTransactions, 0);
    const { deadMan, warnings } = await device.identity();
    t.like(deadMan, { kind: 'none', timeout_s: null });
    t.true(warnings.some((warning) => warning.includes('no revert timer')));
  });
}

test('solaredge: without preparation nothing is written in operation, and the setting is named', async (t) => {
  const { device, twin } = await bench(t, 'solaredge', loadProfile('solaredge'));
  const refusal = await device.applyLimit({ limit_W: 1000, revert_s: 600 });
  t.like(refusal, { outcome: 'refused', code: 'NEEDS_PREPARATION' });
  t.regex(refusal.outcome === 'refused' ? refusal.reason : '', /EnableDynamicPowerControl.*edge prepare/);
  t.is(twin.writeTransactions, 0);
  t.is(await device.prepare(), undefined);
  const before = twin.writeTransactions;
  for (let i = 0; i < 10; i++) await device.applyLimit({ limit_W: 1000 + i * 100, revert_s: 600 });
  t.is(twin.writes.get('limit'), 10);
  t.is(twin.writeTransactions - before, 10); // one register each time, none of those in flash
});

test('fronius: a switch between integers and floats is noticed, and nothing is read or written at old addresses', async (t) => {
  const { twin, device, pass, setSun } = await bench(t, 'fronius', loadProfile('fronius'));
  setSun(7000);
  pass(30);
  t.is((await device.read()).power_W, 7000);
  twin.become('fronius-float');
  t.like(await device.applyLimit({ limit_W: 2000, revert_s: 600 }), { outcome: 'written', echoes: true });
  pass(30);
  t.is(twin.terminalPower_W(), 2000);
  t.is((await device.read()).power_W, 2000);
  t.regex((await device.identity()).measurement, /SunSpec 113/);
  twin.become('fronius');
  t.is((await device.read()).power_W, 2000);
});

test('a device that puts itself to standby at 0 % is held at its floor', async (t) => {
  const { twin, device, pass } = await bench(t, 'fimer', loadProfile('fimer'));
  t.like(await device.applyLimit({ limit_W: 0, revert_s: 600 }), { commanded_pct: 1, raisedToFloor: true });
  pass(60);
  t.is(twin.terminalPower_W(), 100);
  await device.applyLimit({ limit_W: 5000, revert_s: 600 });
  pass(10);
  t.is(twin.terminalPower_W(), 5000); // no restart, which would take a minute
});

test('generic-storage: told 3 kW it delivers 3 kW, and says what is left', async (t) => {
  const { twin, device, pass } = await bench(t, 'generic-storage', loadProfile('generic-storage'));
  t.like((await device.read()).storage, { soc_pct: 80, capacity_Wh: 20_000, available_Wh: 16_000 });
  await device.applyLimit({ limit_W: 3000, revert_s: 7200 });
  pass(3600);
  t.is(twin.terminalPower_W(), 3000);
  const { storage } = await device.read();
  t.true(Math.abs((storage?.available_Wh ?? 0) - 13_000) < 60, `${storage?.available_Wh} Wh`); // the ramp down from 10 kW
  pass(4 * 3600);
  t.is((await device.read()).storage?.soc_pct, 0);
  t.is(twin.terminalPower_W(), 0);
});

test('night sentinels are not said, and in a burst of 0xFFFF nothing is read or written', async (t) => {
  const { twin, device, pass, setSun } = await bench(t, 'generic-1xx', loadProfile('generic-1xx'), {
    nightSentinels: true,
  });
  t.is((await device.read()).power_W, RATING_W);
  setSun(0);
  pass(60);
  const night = await device.read();
  t.like(night, { power_W: null, state: null, rating_W: RATING_W });
  t.deepEqual(night.voltages_V, [null, null, null]);
  twin.faults.noise = true;
  t.like(await t.throwsAsync(device.read()), { code: 'DEVICE_NOT_READY', retryable: true });
  t.like(await t.throwsAsync(device.applyLimit({ limit_W: 1000, revert_s: 60 })), {
    code: 'DEVICE_NOT_READY',
  });
  t.is(twin.writeTransactions, 0);
  twin.faults.noise = false;
  setSun(5000);
  pass(60);
  t.is((await device.read()).power_W, 5000);
});

test('kostal: reads are as small as the device wants them', async (t) => {
  const { device } = await bench(t, 'kostal', loadProfile('kostal'));
  const reading = await device.read();
  t.true(reading.raw.every(({ words }) => words.length <= 64));
});

test('enphase: the inverter is named, not the gateway in front of it', async (t) => {
  const { device } = await bench(t, 'enphase', loadProfile('enphase'));
  t.is((await device.identity()).serial, 'TWIN-1');
});
