import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { OpcUaFolder, openOpcUaBench, USER } from '../devices/opcua/opcua-bench.ts';
import '../devices/opcua/quiet.ts';
import { parseEndpoint } from '@fieldbid/edge-agent/drivers/modbus/endpoint';
import { ILLEGAL_ADDRESS, ModbusRefusal } from '../devices/modbus-answers.ts';
import { simulatedMapping } from '../devices/opcua/simulated-mapping.ts';
import { serve } from '../devices/serve.ts';
import { FAMILIES, type FamilyName } from '../devices/twins/families.ts';
import { loadScenario } from '../scenario/load.ts';
import { fieldbid, freePorts } from '../testing/programs.ts';
import { findPtyPython, serialCable } from '../testing/serial-cable.ts';
import { placesAt } from './addresses.ts';
import { announcedOf, LOOK, plainServer, recordedTwin, silentPort } from './bench-lab.ts';
import { findDevices } from './find-devices.ts';
import { foundText, withoutSilence } from './findings-text.ts';
import { hardwarePlans } from './hardware-plan.ts';
import { planText } from './plan-text.ts';

const DUMPS = fileURLToPath(new URL('../../edge-agent/test/dumps/', import.meta.url));
const python = findPtyPython();
const find = (...addresses: string[]) => findDevices(placesAt(addresses), LOOK);

for (const family of Object.keys(FAMILIES) as FamilyName[]) {
  test(`${family}: found, its profile proposed with the reason, and nothing but reads on its line`, async (t) => {
    const { twin, line, address } = await recordedTwin(t, { family });
    const { devices, nothing } = await find(address);
    t.deepEqual(nothing, []);
    t.is(devices.length, 1);
    const [device] = devices;
    t.is(device?.proposal.profile, FAMILIES[family].profile);
    t.regex(device?.proposal.reason ?? '', /^(maker|has SunSpec|no SunSpec)/);
    t.is(device?.device, `${address}?unit=${FAMILIES[family].unit}`);
    t.is(device?.identity.serial, 'TWIN-1');
    t.is(device?.reading.rating_W, 10_000);
    t.is(device?.reading.voltages_V.length, 3);
    t.true(line.functions.length > 0);
    t.deepEqual(
      line.functions.filter((code) => code !== 3 && code !== 4),
      [],
    );
    t.is(twin.writeTransactions, 0);
  });
}

test('the dead-man is part of what is said: none is named loudly, with what to do', async (t) => {
  const { address } = await recordedTwin(t, { family: 'sma', phases: 'A' });
  const text = foundText(await find(address));
  t.regex(text, /dead-man {3}NOTHING: a limit stays when the agent dies/);
  t.regex(text, /FAIL {7}dead-man: none.*→\s+switch on the device's own time-out/s);
  t.regex(text, /or {9}generic-1xx \(has SunSpec 123\)/);
});

test('both register dumps: which device, which profile', async (t) => {
  const { devices } = await find(
    `dump:${DUMPS}sma_sb3.6_day.json`,
    `dump:${DUMPS}dersec_emulated_der_7xx.json`,
  );
  t.deepEqual(
    devices.map(({ proposal, identity }) => [proposal.profile, identity.manufacturer]),
    [
      ['sma', 'SMA'],
      ['generic-storage', 'DERSec'],
    ],
  );
  t.is(devices[0]?.reading.voltages_V.length, 1);
  t.true(devices.every(({ device }) => device.startsWith('dump:/')));
});

test('one device under two addresses is found once, and said so', async (t) => {
  const { twin, address } = await recordedTwin(t);
  const direct = `tcp://127.0.0.1:${twin.port}`;
  const found = await find(address, direct);
  t.is(found.devices.length, 1);
  t.deepEqual(found.devices[0]?.alsoAt, [`${direct}?unit=1`]);
  t.regex(foundText(found), /twice {6}the same device answers at tcp/);
});

test('RTU frames over TCP and on a serial line', async (t) => {
  const { twin } = await recordedTwin(t);
  const server = await serve(twin.registers, parseEndpoint(`rtu+tcp://127.0.0.1:${await freePorts(1)}`));
  t.teardown(() => server.close());
  const over = await findDevices(placesAt([server.endpoint.replace(/\?.*/, '')]), { ...LOOK, units: [1] });
  t.is(over.devices[0]?.device, server.endpoint);
  if (python === undefined) return t.log('no pseudo-terminals here: the serial line is left out');
  const cable = await serialCable(python);
  const line = await serve(twin.registers, parseEndpoint(`rtu://${cable.ends[0]}?baud=19200`));
  t.teardown(async () => {
    await line.close();
    await cable.close();
  });
  const serial = await findDevices(placesAt([`rtu://${cable.ends[1]}?baud=19200`]), { ...LOOK, units: [1] });
  t.is(serial.devices[0]?.device, `rtu://${cable.ends[1]}?baud=19200&parity=none&stopBits=1&unit=1`);
  t.is(twin.writeTransactions, 0);
});

test('a serial port that is not there is told apart from a silent one', async (t) => {
  const { nothing } = await findDevices(placesAt(['rtu:///dev/no-such-port']), { ...LOOK, units: [1] });
  t.regex(nothing[0]?.why ?? '', /no-such-port/);
  t.regex(nothing[0]?.todo ?? '', /plugged in.*dialout/);
});

test('a closed port, a silent one and a Modbus server without SunSpec: each is told apart, with what to do', async (t) => {
  const closed = `tcp://127.0.0.1:${await freePorts(1)}`;
  const silent = await silentPort(t);
  const refuses = await plainServer(t, (_unit, address) => {
    throw new ModbusRefusal(ILLEGAL_ADDRESS, `no register ${address}`);
  });
  const zeros = await plainServer(t, (_unit, _address, count) => Array.from({ length: count }, () => 0));
  const { devices, nothing } = await findDevices(placesAt([closed, silent, refuses, zeros]), {
    ...LOOK,
    ...{ units: [1], answer_ms: 300 },
  });
  t.deepEqual(devices, []);
  const why = new Map(nothing.map((one) => [one.address.replace(/\?.*/, ''), one]));
  t.regex(why.get(closed)?.why ?? '', /nobody listens on port/);
  t.regex(why.get(closed)?.todo ?? '', /Modbus TCP/);
  t.regex(why.get(silent)?.why ?? '', /nobody answers as unit 1/);
  t.regex(why.get(silent)?.todo ?? '', /--units.*Another client/);
  for (const address of [refuses, zeros]) {
    t.regex(why.get(address)?.why ?? '', /neither SunSpec models nor the registers of a known family/);
  }
});

test('of a range only what is worth reading is listed', (t) => {
  const silent = (i: number) => ({
    address: `tcp://192.0.2.${i}`,
    why: 'no connection within 1000 ms',
    todo: '',
  });
  const other = { address: 'tcp://192.0.2.99', why: 'nobody answers as unit 1', todo: '' };
  const nothing = [...Array.from({ length: 20 }, (_, i) => silent(i)), other];
  t.deepEqual(withoutSilence({ devices: [], nothing }), {
    found: { devices: [], nothing: [other] },
    silent: 20,
  });
  const few = { devices: [], nothing: nothing.slice(0, 3) };
  t.deepEqual(withoutSilence(few), { found: few, silent: 0 });
});

test('OPC UA: found by its mapping; without one it is said what is missing', async (t) => {
  t.timeout(120_000);
  const folder = new OpcUaFolder();
  await folder.prepare();
  const bench = await openOpcUaBench(folder, { phases: 'ABC' });
  t.teardown(async () => {
    await bench.device.close();
    await bench.close();
    folder.remove();
  });
  const mapping = folder.write('inverter.yaml', simulatedMapping('ABC'));
  const passwordFile = folder.write('password', `${USER.password}\n`);
  const opcua = { mapping, pki: folder.pki, user: USER.name, passwordFile };
  const { devices, nothing } = await findDevices(placesAt([bench.endpoint]), { ...LOOK, opcua });
  t.deepEqual(nothing, []);
  t.is(devices[0]?.proposal.profile, mapping);
  t.is(devices[0]?.reading.rating_W, 5000);
  t.is(devices[0]?.identity.deadMan.kind, 'revert-timer');
  t.is(bench.writeTransactions(), 0);
  // The plan of a bench with it: its nodes, in the order of the mapping, and nothing written.
  const out = join(folder.path, 'lab');
  const place = ['--place', `T-1=pv-634`, '--mapping', mapping, '--pki', folder.pki];
  const user = ['--user', USER.name, '--password-file', passwordFile];
  const done = await fieldbid('bench', 'init', '--yes', '--out', out, ...place, ...user, bench.endpoint);
  t.is(done.code, 0, done.output);
  const loaded = loadScenario(join(out, 'scenario.yaml'));
  t.like(
    loaded.scenario.ders.find(({ derId }) => derId === 'pv-634'),
    {
      ...{ device: bench.endpoint, mapping: 'mapping-pv-634.yaml' },
    },
  );
  const [plan] = await hardwarePlans(loaded);
  const rows = announcedOf(plan!).map(({ occasion, least, most, unit }) => [occasion, least, most, unit]);
  // A limit with a timer of two intervals of a quarter hour and a switch that puts it into force and out of it.
  t.deepEqual(rows, [
    ['limit', 0, 100, '%'],
    ['limit', 1800, 1800, 's'],
    ['limit', 1, 1, ''],
    ['release', 0, 0, ''],
  ]);
  t.regex(planText([plan!]), /point +raw +value +when/);
  t.is(bench.writeTransactions(), 0);
  const without = await find(bench.endpoint);
  t.deepEqual(without.devices, []);
  t.regex(without.nothing[0]?.todo ?? '', /--mapping FILE/);
});
