/** RTU frames on a serial line and over TCP, between our transport, our devices, and peers: pymodbus and mbpoll. */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { ensurePythonEnvironment } from '@fieldbid/dso/python-environment';
import { openDevice } from '@fieldbid/edge-agent/device/open-device';
import { type Endpoint, endpointText, parseEndpoint } from '@fieldbid/edge-agent/drivers/modbus/endpoint';
import { ModbusLinks, type RegisterLink } from '@fieldbid/edge-agent/drivers/modbus/register-link';
import test, { type ExecutionContext } from 'ava';
import { freePorts, printed, start } from '../testing/programs.ts';
import { findPtyPython, serialCable } from '../testing/serial-cable.ts';
import { serve } from './serve.ts';
import { SimulatedInverter } from './simulated-inverter.ts';

const PEER = new URL('./rtu_peer.py', import.meta.url).pathname;
const NOON_MS = Date.parse('2026-06-21T12:00:00Z');
const PATIENT = { deadline_ms: 60_000 };
/** For what is to end as a timeout. */
const SHORT = { deadline_ms: 100 };

const inverterOf = (unit: number) =>
  new SimulatedInverter({
    ...{ serial: 'RTU-1', phases: 'A', rating_W: 5000, nominal_V: 240, unit },
    now: () => NOON_MS,
    available_W: () => 4000,
  });

const line = (path: string, unit: number): Endpoint => ({
  ...{ scheme: 'rtu', path, baud: 19_200, parity: 'none', stopBits: 1, unit },
});

async function readsAndLimits(t: ExecutionContext, server: Endpoint, client: Endpoint): Promise<void> {
  const inverter = inverterOf(server.unit);
  const served = await serve(inverter.registers, server);
  const endpoint = endpointText({
    ...client,
    ...(server.scheme === 'rtu' ? {} : parsedPort(served.endpoint)),
  });
  const { device } = openDevice({ endpoint, now: () => NOON_MS, deadline_ms: 60_000 });
  t.like(await device.identity(), { serial: 'RTU-1', measurement: 'SunSpec 101' });
  t.like(await device.read(), { power_W: 4000, rating_W: 5000 });
  t.like(await device.applyLimit({ limit_W: 2500, revert_s: 60 }), { outcome: 'written', echoes: true });
  t.is(inverter.limitInForce_pct(), 50);
  await device.close();
  await served.close();
}

function parsedPort(text: string): { port: number } {
  const endpoint = parseEndpoint(text);
  return { port: endpoint.scheme === 'rtu' ? 0 : endpoint.port };
}

test('an inverter behind RTU frames over TCP is read and limited', async (t) => {
  const endpoint = { scheme: 'rtu+tcp', host: '127.0.0.1', port: 0, unit: 240 } as const;
  await readsAndLimits(t, endpoint, endpoint);
});

/** What any RTU device with the peer's registers must give; another unit is not on the line. */
async function asThePeerHoldsThem(t: ExecutionContext, open: (unit: number) => RegisterLink): Promise<void> {
  const link = open(7);
  t.deepEqual(await link.read(0, 125), [...Array(125).keys()]);
  t.deepEqual(await link.read(3, 2, 'input'), [1003, 1004]);
  await link.writeOne(10, 0xffff);
  await link.writeMany(11, [1, 2, 3]);
  t.deepEqual(await link.read(9, 6), [9, 0xffff, 1, 2, 3, 14]);
  t.like(await t.throwsAsync(link.read(199, 2)), { code: 'MODBUS_EXCEPTION', exception: 2 });
  t.like(link.stats, { requests: 6, answers: 5, exceptions: 1, malformed: 0, timeouts: 0 });
  const nobody = open(8);
  t.like(await t.throwsAsync(nobody.read(0, 1)), { code: 'MODBUS_TIMEOUT' });
  t.deepEqual(await link.read(5, 1), [5]);
  await nobody.close();
  await link.close();
}

test('pymodbus as device: RTU frames over TCP', async (t) => {
  const { python } = await ensurePythonEnvironment('test');
  const port = await freePorts(1);
  const peer = start(python, [PEER, 'tcp', String(port)], { stdin: 'pipe' });
  t.teardown(() => peer.stop());
  await printed(peer, 'ready');
  const links = new ModbusLinks();
  await asThePeerHoldsThem(t, (unit) =>
    links.open({ scheme: 'rtu+tcp', host: '127.0.0.1', port, unit }, unit === 7 ? PATIENT : SHORT),
  );
});

const ptyPython = findPtyPython();
if (ptyPython === undefined) {
  test.skip('serial lines: there is no Python with pseudo-terminals', () => {});
} else {
  test('an inverter on a serial line is read and limited', async (t) => {
    const cable = await serialCable(ptyPython);
    t.teardown(() => cable.close());
    const [here, there] = cable.ends;
    await readsAndLimits(t, line(there, 3), line(here, 3));
  });

  test('pymodbus as device: on a serial line', async (t) => {
    const { python } = await ensurePythonEnvironment('test');
    const cable = await serialCable(ptyPython);
    t.teardown(() => cable.close());
    const [here, there] = cable.ends;
    const peer = start(python, [PEER, 'serial', there], { stdin: 'pipe' });
    t.teardown(() => peer.stop());
    await printed(peer, 'ready');
    const links = new ModbusLinks();
    await asThePeerHoldsThem(t, (unit) => links.open(line(here, unit), unit === 7 ? PATIENT : SHORT));
  });

  test('a serial port that does not exist is a connection fault, and stays retryable', async (t) => {
    const link = new ModbusLinks().open(line('/dev/ttyNone', 1));
    const error = await t.throwsAsync(link.read(0, 1));
    t.like(error, { code: 'MODBUS_CONNECTION', retryable: true });
    t.regex(error.message, /ttyNone/);
    await link.close();
  });

  if (spawnSync('mbpoll', ['-V']).error === undefined) {
    test('mbpoll reads and writes our inverter on a serial line', async (t) => {
      const cable = await serialCable(ptyPython);
      t.teardown(() => cable.close());
      const [here, there] = cable.ends;
      const inverter = inverterOf(5);
      const served = await serve(inverter.registers, line(there, 5));
      const poll = async (unit: number, ...more: string[]): Promise<string> => {
        const port = ['-m', 'rtu', '-b', '19200', '-P', 'none', '-0', '-1', '-o', '5', '-a', String(unit)];
        const { stdout } = await promisify(execFile)('mbpoll', [...port, ...more]);
        return stdout;
      };
      // 40000: the marker SunS, then model 1 of length 66.
      const marker = await poll(5, '-r', '40000', '-c', '4', '-t', '4', here);
      t.deepEqual(
        [...marker.matchAll(/^\[\d+\]:\s+(\d+)/gm)].map(([, word]) => Number(word)),
        [0x5375, 0x6e53, 1, 66],
      );
      // 40233: WMaxLimPct to WMaxLim_Ena of model 123: 30.00 % for 60 s.
      await poll(5, '-r', '40233', '-t', '4', here, '3000', '0', '60', '0', '1');
      t.is(inverter.limitInForce_pct(), 30);
      await served.close();
    });
  } else {
    test.skip('mbpoll reads and writes our inverter: the program mbpoll is not installed', () => {});
  }
}
