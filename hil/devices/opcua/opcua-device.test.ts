/** What the OPC UA driver makes of a device's nodes, beyond the DerDevice suite: quality, age, mappings, refusals. */
import { browseServer } from '@fieldbid/edge-agent/drivers/opcua/browse';
import type { Notice } from '@fieldbid/edge-agent/drivers/opcua/subscription';
import test, { type ExecutionContext } from 'ava';
import { type OpcUaBenchOptions, OpcUaFolder, openOpcUaBench } from './opcua-bench.ts';
import { simulatedMapping } from './simulated-mapping.ts';

const folder = new OpcUaFolder();
test.before(() => folder.prepare());
test.after.always(() => folder.remove());

async function opened(t: ExecutionContext, options: OpcUaBenchOptions = {}) {
  const bench = await openOpcUaBench(folder, options);
  t.teardown(async () => {
    await bench.device.close();
    await bench.close();
  });
  return bench;
}

/** The simulated inverter's mapping with one thing changed. */
function changed(from: string, to: string): string {
  const before = simulatedMapping('A');
  const after = before.replace(from, to);
  if (after === before) throw new RangeError(`nothing was changed: ${from}`);
  return after;
}

test('a bad value is not said, an uncertain one is kept and noted, once', async (t) => {
  const notices: Notice[] = [];
  const { device, inverter } = await opened(t, { device: { onNotice: (notice) => notices.push(notice) } });
  inverter.setQuality('AvailablePower', 'Bad');
  inverter.setQuality('ActivePower', 'Uncertain');
  t.like(await device.read(), { power_W: 5000, available_W: null, rating_W: 5000 });
  await device.read();
  const said = notices.filter(({ name }) => name === undefined).map(({ level, text }) => `${level} ${text}`);
  t.deepEqual(said, [
    'warn /Objects/inv:Inverter/inv:ActivePower: UncertainLastUsableValue, taken all the same',
    'warn ns=inv;s=Inverter.AvailablePower: BadSensorFailure, not said',
  ]);
});

test('a frozen device answers on: its values grow old, and old ones count as not said', async (t) => {
  const { device, inverter, pass, terminalPower_W } = await opened(t, {
    mapping: simulatedMapping('A', 'stale_s: 30\n'),
  });
  inverter.faults.frozen = true;
  pass(30_000);
  t.like(await device.read(), { power_W: 5000 });
  // It takes the write and does nothing: the read-back gives it away.
  t.like(await device.applyLimit({ limit_W: 1000, revert_s: 600 }), { outcome: 'written', echoes: false });
  pass(1000);
  t.like(await device.read(), {
    power_W: null,
    available_W: null,
    state: null,
    voltages_V: [null],
    limit: null,
  });
  t.like(await device.applyLimit({ limit_W: 1000, revert_s: 600 }), {
    outcome: 'refused',
    code: 'NO_RATING',
  });
  t.is(terminalPower_W(), 5000);
  inverter.faults.frozen = false;
  t.like(await device.read(), { power_W: 5000 });
});

test('units, scale, constants and a limit in kilowatts', async (t) => {
  const mapping = `name: other
points:
  manufacturer: { value: ACME }
  serial: { node: ns=2;s=Inverter.SerialNumber }
  power: { node: ns=2;s=Inverter.ActivePower, unit: kW, scale: -1 }
  rating: { value_W: 5000 }
  voltages: [ { node: ns=2;s=Inverter.VoltageL1, unit: kV } ]
  energy: { node: ns=2;s=Inverter.EnergyTotal, unit: kWh }
  state: { node: ns=2;s=Inverter.State, values: { 5: throttled } }
  connected: { node: ns=2;s=Inverter.State, on: 4, off: 5 }
  limit:
    node: ns=2;s=Inverter.LimitPercent
    unit: kW
    scale: 0.05
    enable: { node: ns=2;s=Inverter.LimitEnable }
    revert: { node: ns=2;s=Inverter.LimitRevertTime, unit: min, longest_s: 600 }
`;
  const { device, pass } = await opened(t, { mapping, inverter: { lifetime_Wh: 7000 } });
  t.like(await device.identity(), { manufacturer: 'ACME', serial: 'T-1', model: null, hasRevertTimer: true });
  t.like(await device.read(), {
    ...{ power_W: -5_000_000, rating_W: 5000, available_W: null, energy_Wh: 7_000_000, state: null },
    ...{ voltages_V: [240_000], connected: true, limit: { pct: 100, enabled: false, revert_s: 0 } },
  });
  // 100 % of the node are 5 kW: 1.2346 kW are 24.69 steps of 0.05 kW; 900 s are shortened to 600 s, 10 of its minutes.
  t.like(await device.applyLimit({ limit_W: 1234.6, revert_s: 900 }), {
    ...{ outcome: 'written', commanded_pct: 24.69, echoes: true },
    ...{ readBack: { pct: 24.69, enabled: true, revert_s: 600 } },
  });
  pass(5000);
  t.like(await device.read(), { state: 'throttled', connected: false });
});

test('a method in place of nodes', async (t) => {
  const mapping = changed(
    'watch:',
    `    method:
      object: ns=inv;s=Inverter
      method: ns=inv;s=Inverter.SetLimit
      arguments: [limit, revert, enable]
watch:`,
  );
  const { device, pass, terminalPower_W, writeTransactions } = await opened(t, { mapping });
  t.like(await device.applyLimit({ limit_W: 1000, revert_s: 600 }), { outcome: 'written', echoes: true });
  t.is(writeTransactions(), 1);
  pass(5000);
  t.is(terminalPower_W(), 1000);
  t.like(await device.release(), { outcome: 'released', readBack: { enabled: false } });
});

test('what the device refuses comes back with what was written before', async (t) => {
  // The mapping believes that the node counts hundredths: 20 % becomes 2000, which the device does not take.
  const mapping = changed('    step: 0.01\n', '    step: 1\n    scale: 0.01\n');
  const { device, inverter } = await opened(t, { mapping });
  const result = await device.applyLimit({ limit_W: 1000, revert_s: 600 });
  t.like(result, { outcome: 'refused', code: 'DEVICE_EXCEPTION' });
  t.regex(
    result.outcome === 'refused' ? result.reason : '',
    /Inverter\.LimitPercent: BadOutOfRange; .*LimitRevertTime, .*LimitEnable had been written/,
  );
  t.is(inverter.limitInForce_pct(), 100);
});

test('without a revert timer, a limit or the right to write nothing is controlled', async (t) => {
  const noTimer = await opened(t, {
    mapping: changed('    revert: { node: ns=inv;s=Inverter.LimitRevertTime, unit: s }\n', ''),
  });
  const identity = await noTimer.device.identity();
  t.false(identity.hasRevertTimer);
  t.true(identity.warnings.some((warning) => warning.includes('no revert timer')));
  t.like(await noTimer.device.applyLimit({ limit_W: 1, revert_s: 60 }), { code: 'NO_REVERT_TIMER' });
  const locked = await opened(t, {
    mapping: changed('ns=inv;s=Inverter.LimitPercent', 'ns=inv;s=Inverter.ActivePower'),
  });
  t.like(await locked.device.identity(), {
    control: null,
    warnings: ['this user may not write ns=inv;s=Inverter.ActivePower: it can be read, not controlled'],
  });
  t.like(await locked.device.applyLimit({ limit_W: 1, revert_s: 60 }), { code: 'NO_CONTROL' });
  t.is(noTimer.writeTransactions() + locked.writeTransactions(), 0);
});

test('a mapping that does not fit the server: file, line, node, and what the server said', async (t) => {
  const wrong: [string, string, RegExp][] = [
    [
      'ns=inv;s=Inverter.AvailablePower',
      'ns=inv;s=Inverter.Availble',
      /mapping\.yaml:11:\d+ at \/points\/available\/node: found ns=inv;s=Inverter\.Availble, which the server does not have \(BadNodeIdUnknown\)/,
    ],
    [
      '/Objects/inv:Inverter/inv:ActivePower',
      '/Objects/inv:Inverter/inv:Power',
      /mapping\.yaml:10:\d+ at \/points\/power\/node: found \/Objects\/inv:Inverter\/inv:Power, which leads nowhere \(BadNoMatch\)/,
    ],
    [
      'energy: { node: ns=inv;s=Inverter.EnergyTotal',
      'energy: { node: ns=inv;s=Inverter.SerialNumber',
      /\/points\/energy\/node: found .*SerialNumber, whose type is String, expected a number/,
    ],
    [
      'serial: { node: ns=inv;s=Inverter.SerialNumber',
      'serial: { node: ns=inv;s=Inverter.State',
      /\/points\/serial\/node: found .*whose type is Int32, expected a String/,
    ],
    [
      'rating: { node: ns=inv;s=Inverter.RatedPower',
      'rating: { node: ns=inv;s=Inverter',
      /\/points\/rating\/node: found .*which is an Object, expected a Variable/,
    ],
    [
      'enable: { node: ns=inv;s=Inverter.LimitEnable }',
      'enable: { node: ns=inv;s=Inverter.Alarm }',
      /\/points\/limit\/enable\/node: found .*whose type is String, expected a Boolean or a number/,
    ],
    [
      'inv: urn:fieldbid:simulated-inverter',
      'inv: urn:acme',
      /mapping\.yaml:4:\d+ at \/namespaces\/inv: found urn:acme, which the server does not have, expected one of .*urn:fieldbid:simulated-inverter/,
    ],
    [
      'ns=inv;s=Inverter.RatedPower',
      'ns=inv;i=many',
      /\/points\/rating\/node: found ns=inv;i=many, expected a node id/,
    ],
  ];
  const { inverter, endpoint } = await opened(t);
  for (const [from, to, message] of wrong) {
    const device = folder.device(endpoint, changed(from, to));
    await t.throwsAsync(device.read(), { code: 'INVALID_INPUT', message });
    await device.close();
  }
  t.is(inverter.writeTransactions, 0);
});

test('a scan shows what a mapping can be written from, and no more than was asked for', async (t) => {
  const { endpoint } = await opened(t);
  const { namespaces, nodes, complete } = await browseServer(folder.access(endpoint), 500);
  t.true(complete);
  t.is(namespaces[2], 'urn:fieldbid:simulated-inverter');
  const at = (path: string) => nodes.find((node) => node.path === path);
  t.deepEqual(at('/Objects/2:Inverter/2:ActivePower'), {
    ...{
      path: '/Objects/2:Inverter/2:ActivePower',
      nodeId: 'ns=2;s=Inverter.ActivePower',
      kind: 'variable' as const,
    },
    ...{ type: 'Double', value: '5000', writable: false },
  });
  t.like(at('/Objects/2:Inverter/2:LimitEnable'), { type: 'Boolean', value: 'false', writable: true });
  t.like(at('/Objects/2:Inverter/2:SetLimit'), { kind: 'method' });
  t.false(nodes.some(({ path }) => path.startsWith('/Objects/Server')));
  const few = await browseServer(folder.access(endpoint), 3);
  t.is(few.nodes.length, 3);
  t.false(few.complete);
});

test('the simulated inverter: an echo without obedience, disconnecting, and no limit above 100 %', async (t) => {
  const { device, inverter, pass, terminalPower_W } = await opened(t);
  inverter.faults.ignoreLimit = true;
  t.like(await device.applyLimit({ limit_W: 500, revert_s: 600 }), { outcome: 'written', echoes: true });
  pass(30_000);
  t.is(terminalPower_W(), 5000);
  inverter.faults.ignoreLimit = false;
  pass(30_000);
  t.is(terminalPower_W(), 500);
  inverter.setVoltages_pu([1.05]);
  t.deepEqual(
    (await device.read()).voltages_V.map((volts) => Math.round(volts ?? 0)),
    [252],
  );
  t.throws(() => inverter.setVoltages_pu([1, 1]), { instanceOf: RangeError });
});
