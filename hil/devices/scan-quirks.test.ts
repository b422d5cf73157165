/** Chains and servers as real devices have them: what is found, what is said of the rest, and nothing lost. */
import { createServer } from 'node:net';
import { parse } from '@fieldbid/core/schema';
import { openRegisterDevice } from '@fieldbid/edge-agent/device/open-device';
import { ModbusLinks } from '@fieldbid/edge-agent/drivers/modbus/register-link';
import { type DeviceJson, deviceJson } from '@fieldbid/edge-agent/drivers/sunspec/device-json';
import { ModelReader } from '@fieldbid/edge-agent/drivers/sunspec/read-models';
import { type ScanResult, scan } from '@fieldbid/edge-agent/drivers/sunspec/scan';
import { loadProfile } from '@fieldbid/edge-agent/profiles/profile';
import test, { type ExecutionContext } from 'ava';
import Type from 'typebox';
import { ModbusFaultProxy } from '../faults/modbus-proxy.ts';
import { FaultRule } from '../faults/rules.ts';
import { fieldbid } from '../testing/programs.ts';
import { ILLEGAL_ADDRESS, ModbusRefusal, type RegisterDevice } from './modbus-answers.ts';
import { ModbusServer } from './modbus-server.ts';

const NOT = 0xffff;
const text = (value: string, words: number): number[] =>
  Array.from(
    { length: words },
    (_, i) => ((value.charCodeAt(2 * i) || 0) << 8) | (value.charCodeAt(2 * i + 1) || 0),
  );
const model = (id: number, body: readonly number[]): number[] => [id, body.length, ...body];
const common = (name: string, serial: string, pad = true): number[] =>
  model(1, [
    ...text(name, 16),
    ...text('M', 16),
    ...text('', 8),
    ...text('1', 8),
    ...text(serial, 16),
    7,
    ...(pad ? [0x8000] : []),
  ]);
/** Model 103 with W = 1234 and W_SF = 0, everything else not implemented. */
const inverter = (watts: number): number[] => {
  const body = Array.from({ length: 50 }, () => NOT);
  body[12] = watts;
  body[13] = 0;
  return model(103, body);
};
const meter = (): number[] =>
  model(
    203,
    Array.from({ length: 105 }, () => NOT),
  );
const derMeasurement = (watts: number): number[] => {
  const body = Array.from({ length: 153 }, () => NOT);
  body[0] = 2; // ACType: three phases
  body[8] = watts;
  body[114] = 0; // W_SF
  return model(701, body);
};

interface Served {
  link: ReturnType<ModbusLinks['open']>;
  port: number;
  requests: { address: number; count: number }[];
}

async function serve(
  t: ExecutionContext,
  base: number,
  words: readonly number[],
  answer: Partial<RegisterDevice> = {},
  deadline_ms = 60_000,
): Promise<Served> {
  const requests: { address: number; count: number }[] = [];
  const server = new ModbusServer({
    isOnline: () => true,
    readRegisters: (unit, address, count, code) => {
      requests.push({ address, count });
      if (answer.readRegisters !== undefined) answer.readRegisters(unit, address, count, code);
      const found = words.slice(Math.max(0, address - base), address - base + count);
      if (address < base || found.length < count) throw new ModbusRefusal(ILLEGAL_ADDRESS, `${address}`);
      return found;
    },
    writeRegisters: () => {
      throw new ModbusRefusal(ILLEGAL_ADDRESS, 'read only');
    },
  });
  const { port } = await server.listen('127.0.0.1', 0);
  const link = new ModbusLinks().open({ scheme: 'tcp', host: '127.0.0.1', port, unit: 1 }, { deadline_ms });
  t.teardown(async () => {
    await link.close();
    await server.close();
  });
  return { link, port, requests };
}

const SUNS = [0x5375, 0x6e53];
const END = [0xffff, 0];
const ids = ({ models }: ScanResult): number[] => models.map(({ id }) => id);

async function found(served: Served): Promise<ScanResult> {
  const result = await scan(served.link);
  if ('found' in result) throw new RangeError(result.fault);
  return result;
}

for (const length of [65, 15]) {
  test(`a common model of length ${length}: what is there is read, what is not is left out`, async (t) => {
    const whole = common('ACME', 'S-1', false).slice(2);
    const served = await serve(t, 40_000, [
      ...SUNS,
      ...model(1, whole.slice(0, length)),
      ...inverter(1234),
      ...END,
    ]);
    const result = await found(served);
    t.deepEqual(ids(result), [1, 103]);
    const points = result.commons[0]?.points;
    t.is(points?.get('Mn')?.value, length === 65 ? 'ACME' : undefined);
    t.is(points?.get('SN')?.value, length === 65 ? 'S-1' : undefined);
    t.is(points?.get('DA')?.value, length === 65 ? 7 : undefined);
  });
}

test('two common models: the one before the inverter names it, wherever the chain begins', async (t) => {
  const chain = [...SUNS, ...common('Gateway', 'G-1'), ...common('ACME', 'S-1'), ...inverter(1234), ...END];
  const served = await serve(t, 50_000, chain);
  const { device } = openRegisterDevice({
    ...{
      endpoint: `tcp://127.0.0.1:${served.port}?unit=1`,
      profile: loadProfile(),
      now: () => 0,
      deadline_ms: 60_000,
    },
  });
  t.like(await device.identity(), { manufacturer: 'ACME', serial: 'S-1' });
  t.is((await device.read()).power_W, 1234);
  await device.close();
});

test('a meter between: what stands behind it, 7xx models too, is found, and goes before the old ones', async (t) => {
  const chain = [
    ...SUNS,
    ...common('ACME', 'S-1'),
    ...inverter(1234),
    ...common('Meter', 'M-1'),
    ...meter(),
    ...derMeasurement(4321),
    ...END,
  ];
  const served = await serve(t, 40_000, chain);
  t.deepEqual(ids(await found(served)), [1, 103, 1, 203, 701]);
  const { device } = openRegisterDevice({
    ...{
      endpoint: `tcp://127.0.0.1:${served.port}?unit=1`,
      profile: loadProfile(),
      now: () => 0,
      deadline_ms: 60_000,
    },
  });
  t.is((await device.read()).power_W, 4321);
  await device.close();
});

test('a chain longer than what is served: what was found is kept, read, and the end is named', async (t) => {
  const chain = [...SUNS, ...common('ACME', 'S-1'), ...inverter(1234), 120, 26, NOT, NOT];
  const served = await serve(t, 40_000, chain);
  const result = await found(served);
  t.false(result.complete);
  t.deepEqual(ids(result), [1, 103, 120]);
  const reading = await new ModelReader(served.link, result.models, result.blocks).read(result.blocks);
  const json = deviceJson(result, reading);
  t.is(json.models[1]?.points.W?.value, 1234);
  t.true(json.faults.some((fault) => fault.includes('exception 2')));
});

for (const most of [32, 50, 100]) {
  test(`a device that gives ${most} registers at most: every point is read, and large reads are not tried again`, async (t) => {
    const chain = [...SUNS, ...common('ACME', 'S-1'), ...inverter(1234), ...derMeasurement(4321), ...END];
    const served = await serve(t, 40_000, chain, {
      readRegisters: (_unit, _address, count) => {
        if (count > most) throw new ModbusRefusal(3, 'too many');
        return [];
      },
    });
    const result = await found(served);
    t.true(result.complete, result.fault);
    const reader = new ModelReader(served.link, result.models, result.blocks);
    const first = deviceJson(result, await reader.read(result.blocks));
    t.is(first.models[1]?.points.W?.value, 1234);
    t.deepEqual(first.faults, []);
    served.requests.length = 0;
    const second = deviceJson(result, await reader.read());
    t.deepEqual(second.models, first.models);
    t.true(served.requests.filter(({ count }) => count > most).length <= 1);

    // Its scale factor 107 registers behind it, 701.W still comes with the factor of its own moment.
    for (const maxRead of [most, 125]) {
      const profile = loadProfile();
      const { device } = openRegisterDevice({
        endpoint: `tcp://127.0.0.1:${served.port}?unit=1`,
        profile: { ...profile, modbus: { ...profile.modbus, maxRead } },
        now: () => 0,
        deadline_ms: 60_000,
      });
      t.is((await device.read()).power_W, 4321);
      t.is((await device.read()).power_W, 4321);
      await device.close();
    }
  });
}

test('a device that leaves large reads unanswered is scanned in small ones', async (t) => {
  const chain = [...SUNS, ...common('ACME', 'S-1'), ...inverter(1234), ...END];
  const served = await serve(t, 40_000, chain, {}, 100);
  // A proxy in front swallows what is too large.
  const { connect } = await import('node:net');
  const proxy = createServer((client) => {
    const device = connect(served.port, '127.0.0.1');
    client.on('data', (request) => {
      if (request.readUInt16BE(10) <= 70) device.write(request);
    });
    device.on('data', (reply) => client.write(reply));
    for (const [one, other] of [
      [client, device],
      [device, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = proxy.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const link = new ModbusLinks().open(
    { scheme: 'tcp', host: '127.0.0.1', port, unit: 1 },
    { deadline_ms: 100 },
  );
  const result = await scan(link);
  t.false('found' in result, 'fault' in result ? (result.fault ?? '') : '');
  if (!('found' in result)) t.deepEqual(ids(result), [1, 103]);
  await link.close();
  proxy.close();
});

test('a gateway with transaction ids of its own is read all the same, and it is said', async (t) => {
  const served = await serve(t, 40_000, [...SUNS, ...common('ACME', 'S-1'), ...inverter(1234), ...END]);
  const rules = parse(Type.Array(FaultRule), [{ fault: 'wrongTransactionId' }], 'test');
  const proxy = new ModbusFaultProxy({
    ...{ target: { host: '127.0.0.1', port: served.port }, rules, seed: 'ids', now: Date.now },
  });
  const { port } = await proxy.listen('127.0.0.1', 0);
  t.teardown(() => proxy.close());
  const endpoint = `tcp://127.0.0.1:${port}?unit=1`;
  const { code, stdout, output } = await fieldbid('edge', 'read', '--json', '--timeout', '300', endpoint);
  t.is(code, 0, output);
  t.regex(output, /its answers carry other transaction ids/);
  t.is((JSON.parse(stdout) as DeviceJson).models[1]?.points.W?.value, 1234);
});
