import { codeOf } from '@fieldbid/core/errors';
import { parse } from '@fieldbid/core/schema';
import { openDevice } from '@fieldbid/edge-agent/device/open-device';
import { ModbusBus } from '@fieldbid/edge-agent/drivers/modbus/bus';
import type { ExchangeTiming } from '@fieldbid/edge-agent/drivers/modbus/connection';
import { mediumOf } from '@fieldbid/edge-agent/drivers/modbus/medium';
import { loadProfile } from '@fieldbid/edge-agent/profiles/profile';
import test, { type ExecutionContext } from 'ava';
import { ModbusServer } from '../devices/modbus-server.ts';
import { SimulatedInverter } from '../devices/simulated-inverter.ts';
import { loadScenario } from '../scenario/load.ts';
import { dayWith } from '../testing/day-with.ts';
import { fieldbid, printed, startFieldbid } from '../testing/programs.ts';
import { ModbusFaultProxy } from './modbus-proxy.ts';
import { checkRules, FAULTS, FaultPlan, FaultRule } from './rules.ts';

const SCENARIO = new URL('../scenarios/ieee13-day/scenario.yaml', import.meta.url).pathname;
const HOST = '127.0.0.1';
/** For what is to end as a timeout. */
const SHORT: ExchangeTiming = { deadline_ms: 100 };
const PATIENT: ExchangeTiming = { deadline_ms: 60_000 };

const rule = (given: Partial<FaultRule>): FaultRule => parse(FaultRule, given, 'rule');

/** A device whose registers hold their own addresses, behind a proxy with these rules. */
async function behind(t: ExecutionContext, rules: FaultRule[], now = () => 0) {
  const written: number[] = [];
  const device = new ModbusServer({
    isOnline: () => true,
    readRegisters: (_unit, address, count) => Array.from({ length: count }, (_, i) => address + i),
    writeRegisters: (_unit, address) => void written.push(address),
  });
  const target = { host: HOST, port: (await device.listen(HOST, 0)).port };
  const proxy = new ModbusFaultProxy({ target, rules, seed: 3, now });
  const { port } = await proxy.listen(HOST, 0);
  // The bus's own clock stands still: nothing here is about waiting for dead units.
  const medium = mediumOf({ scheme: 'tcp', host: HOST, port, unit: 1 });
  const bus = new ModbusBus({ medium, now: () => 0, backOff: { first_ms: 0, max_ms: 0 } });
  t.teardown(async () => {
    await bus.close();
    await proxy.close();
    await device.close();
  });
  const outcome = async (address: number, timing = PATIENT, unit = 1): Promise<string> => {
    try {
      const [word] = await bus.read(unit, address, 1, 'holding', timing);
      return word === address ? 'right' : `wrong: ${word}`;
    } catch (error) {
      return codeOf(error);
    }
  };
  return { bus, proxy, written, outcome };
}

for (const [fault, timing, expected] of [
  ['delay', PATIENT, 'right'],
  ['late', SHORT, 'MODBUS_TIMEOUT'],
  ['duplicate', PATIENT, 'right'],
  ['wrongTransactionId', SHORT, 'MODBUS_TIMEOUT'],
  ['wrongTransactionId', { ...PATIENT, anyTransactionId: true }, 'right'],
  ['wrongUnit', PATIENT, 'MODBUS_MALFORMED'],
  ['split', PATIENT, 'right'],
  ['truncate', SHORT, 'MODBUS_TIMEOUT'],
  ['reset', PATIENT, 'MODBUS_CONNECTION'],
  ['exception', PATIENT, 'MODBUS_EXCEPTION'],
  ['drop', SHORT, 'MODBUS_TIMEOUT'],
] as const) {
  const how = 'anyTransactionId' in timing ? `${fault}, where any transaction id will do` : fault;
  test(`${how}: ${expected}, and the next request has its own answer`, async (t) => {
    const { proxy, outcome } = await behind(t, [rule({ fault, delay_ms: 300, times: 1 })]);
    t.is(await outcome(7, timing), expected);
    for (const address of [8, 9, 10]) t.is(await outcome(address), 'right');
    t.like(proxy.counts, { [fault]: 1, untouched: 3 });
  });
}

test('a refused write is not carried out; one whose answer is lost is', async (t) => {
  const { bus, written } = await behind(t, [
    rule({ fault: 'exception', exception: 4, times: 1 }),
    rule({ fault: 'drop', times: 1 }),
  ]);
  t.like(await t.throwsAsync(bus.writeOne(1, 20, 1, PATIENT)), { exception: 4 });
  t.deepEqual(written, []);
  t.like(await t.throwsAsync(bus.writeMany(1, 21, [1, 2], SHORT)), { code: 'MODBUS_TIMEOUT' });
  t.deepEqual(written, [21]);
});

test('rules strike only what they name: unit, function, registers, and market time', async (t) => {
  let now_ms = Date.parse('2026-06-21T11:29:59Z');
  const { bus, outcome } = await behind(
    t,
    [
      rule({ fault: 'exception', unit: 2, addresses: [100, 109] }),
      rule({ fault: 'exception', function: 6, from: '2026-06-21T11:30Z', until: '2026-06-21T11:31Z' }),
    ],
    () => now_ms,
  );
  const struck = 'MODBUS_EXCEPTION';
  t.is(await outcome(100, PATIENT, 1), 'right');
  t.deepEqual(
    [await outcome(99, PATIENT, 2), await outcome(100, PATIENT, 2), await outcome(109, PATIENT, 2)],
    ['right', struck, struck],
  );
  t.is(await outcome(110, PATIENT, 2), 'right');
  await bus.writeOne(1, 5, 1, PATIENT);
  now_ms += 1000;
  t.like(await t.throwsAsync(bus.writeOne(1, 5, 1, PATIENT)), { code: struck });
  await bus.writeMany(1, 5, [1], PATIENT);
  now_ms += 60_000;
  await bus.writeOne(1, 5, 1, PATIENT);
});

test('the same seed gives a unit the same faults, whatever the others ask meanwhile', (t) => {
  const rules = FAULTS.map((fault) => rule({ fault, probability: 0.05 }));
  const strikes = (seed: number, others: boolean): (string | undefined)[] => {
    const plan = new FaultPlan(rules, seed);
    const request = { unit: 1, functionCode: 3, address: 0, count: 1 };
    return Array.from({ length: 500 }, () => {
      if (others) plan.next({ ...request, unit: 2 }, 0);
      return plan.next(request, 0)?.rule.fault;
    });
  };
  t.deepEqual(strikes(1, false), strikes(1, true));
  t.notDeepEqual(strikes(1, false), strikes(2, false));
});

test('rules that make no sense are refused with where and why', (t) => {
  const check = (given: Partial<FaultRule>) => () => checkRules([rule(given)], 'line.yaml', '/faults');
  t.throws(check({ fault: 'drop', from: '2026-13-21T11:30Z' }), {
    message: /line\.yaml at \/faults\/0\/from/,
  });
  const backwards = { from: '2026-06-21T11:30Z', until: '2026-06-21T11:30Z' };
  t.throws(check({ fault: 'drop', ...backwards }), { message: /faults\/0\/until.*after 2026-06-21T11:30Z/ });
  t.throws(check({ fault: 'drop', addresses: [5, 4] }), { message: /lower register first/ });
  t.throws(() => rule({ fault: 'lost' as 'drop' }), { message: /found "lost"/ });
});

test('a scenario’s faults are checked, and belong to simulated devices', (t) => {
  const { ders } = loadScenario(SCENARIO).scenario;
  const write = (der: object): string =>
    dayWith({ ders: ders.map((one, i) => (i === 2 ? { ...one, ...der } : one)) });
  const faults = [{ fault: 'drop', probability: 0.1, from: '2026-06-21T11:00Z' }];
  t.like(loadScenario(write({ faults })).scenario.ders[2]?.faults?.[0], { fault: 'drop', probability: 0.1 });
  t.throws(() => loadScenario(write({ faults, device: 'tcp://192.0.2.1' })), {
    message: /\/ders\/2\/faults.*device: simulated/,
  });
  t.throws(() => loadScenario(write({ faults: [{ fault: 'drop', from: '2026-02-30T00:00Z' }] })), {
    message: /\/ders\/2\/faults\/0\/from/,
  });
});

test('a profile says that any transaction id will do, and the device behind such a gateway is read', async (t) => {
  const inverter = new SimulatedInverter({
    ...{ serial: 'S', phases: 'A', rating_W: 5000, nominal_V: 240 },
    now: () => 0,
    available_W: () => 4000,
  });
  const target = { host: HOST, port: (await inverter.listen(HOST, 0)).port };
  const proxy = new ModbusFaultProxy({ target, rules: [rule({ fault: 'wrongTransactionId' })], seed: 1 });
  const endpoint = `tcp://${HOST}:${(await proxy.listen(HOST, 0)).port}?unit=1`;
  const usual = loadProfile();
  const patient = { ...usual, modbus: { ...usual.modbus, anyTransactionId: true, deadline_ms: 60_000 } };
  const { device } = openDevice({ endpoint, profile: patient, now: () => 0 });
  t.like(await device.read(), { power_W: 4000 });
  const strict = openDevice({ endpoint, profile: usual, now: () => 0, deadline_ms: 100 }).device;
  await t.throwsAsync(strict.read(), { message: /did not answer|another transaction id/ });
  await device.close();
  await strict.close();
  await proxy.close();
  await inverter.close();
});

test('fieldbid sim faults: between a client and an inverter, and it says what it did', async (t) => {
  const inverter = new SimulatedInverter({
    ...{ serial: 'S', phases: 'A', rating_W: 5000, nominal_V: 240 },
    now: () => 0,
    available_W: () => 4000,
  });
  const { port } = await inverter.listen(HOST, 0);
  const flags = ['--listen', `${HOST}:0`, '--target', `${HOST}:${port}`, '--delay', '1:20ms', '--drop', '0'];
  const proxy = startFieldbid('sim', 'faults', ...flags);
  await printed(proxy, 'Ctrl-C');
  const at = /between (\S+) and/.exec(proxy.output())?.[1];
  const read = await fieldbid('edge', 'read', `tcp://${at}?unit=1`);
  t.is(read.code, 0, read.output);
  t.regex(read.output, /4000 W/);
  await proxy.stop();
  t.regex(proxy.output(), /requests \d+, delay \d+/);
  await inverter.close();
});

test('fieldbid sim faults: wrong flags are refused', async (t) => {
  for (const [flags, why] of [
    [['--delay', '2:500ms'], /chance from 0 to 1, such as 0\.1:500ms/],
    [['--exception', '0.1:500ms'], /such as 0\.01:6/],
    [[], /no fault is named/],
    [['--drop', '1', '--listen', '0.0.0.0:0'], /--allow-remote/],
  ] as const) {
    const { code, output } = await fieldbid('sim', 'faults', '--target', `${HOST}:1`, ...flags);
    t.not(code, 0);
    t.regex(output, why);
  }
});
