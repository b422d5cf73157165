/** What a simulated device does with bytes that are no request, or not for it. */
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { seededRandom } from '@fieldbid/core/random';
import { ModbusBus } from '@fieldbid/edge-agent/drivers/modbus/bus';
import { rtuFrame } from '@fieldbid/edge-agent/drivers/modbus/framing';
import { mediumOf } from '@fieldbid/edge-agent/drivers/modbus/medium';
import test, { type ExecutionContext } from 'ava';
import { ModbusServer } from './modbus-server.ts';

const HOST = '127.0.0.1';

async function server(t: ExecutionContext, framing: 'tcp' | 'rtu') {
  const written: number[] = [];
  const device = new ModbusServer(
    {
      isOnline: () => true,
      readRegisters: (_unit, address, count) => Array.from({ length: count }, (_, i) => address + i),
      writeRegisters: (_unit, address) => void written.push(address),
    },
    framing,
  );
  const { port } = await device.listen(HOST, 0);
  const scheme = framing === 'tcp' ? 'tcp' : 'rtu+tcp';
  const bus = new ModbusBus({
    medium: mediumOf({ scheme, host: HOST, port, unit: 1 }),
    timing: { deadline_ms: 60_000 },
  });
  t.teardown(async () => {
    await bus.close();
    await device.close();
  });
  return { port, bus, written };
}

for (const framing of ['tcp', 'rtu'] as const) {
  test(`noise on ${framing} frames writes nothing, and the next client is served`, async (t) => {
    const { port, bus, written } = await server(t, framing);
    const noise = seededRandom(2, framing);
    for (let i = 0; i < 50; i++) {
      const socket = createConnection(port, HOST);
      await once(socket, 'connect');
      socket.on('error', () => {});
      const length = 1 + Math.floor(600 * noise.uniform());
      socket.end(Buffer.from(Array.from({ length }, () => Math.floor(256 * noise.uniform()))));
      socket.resume();
      await once(socket, 'close');
    }
    t.deepEqual(written, []);
    t.deepEqual(await bus.read(1, 40_000, 2), [40_000, 40_001]);
  });
}

test('RTU: a request in pieces is answered once, one with a wrong CRC never', async (t) => {
  const { port, written } = await server(t, 'rtu');
  const [disturbed, socket] = [1, 2].map(() => createConnection({ port, host: HOST, noDelay: true }));
  if (disturbed === undefined || socket === undefined) throw new TypeError('two were made');
  await Promise.all([once(disturbed, 'connect'), once(socket, 'connect')]);
  const write = rtuFrame(Buffer.from('01060005002a', 'hex')); // 42 into register 5
  const wrong = Buffer.from(write);
  wrong.writeUInt8(43, 5);
  disturbed.on('data', (answer) => t.fail(`answered with ${answer.toString('hex')}`));
  await new Promise((resolve) => disturbed.write(wrong, resolve));
  for (const byte of write) {
    socket.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  let echo = Buffer.alloc(0);
  while (echo.length < write.length) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    echo = Buffer.concat([echo, chunk]);
  }
  t.deepEqual(echo, write);
  t.deepEqual(written, [5]);
  socket.destroy();
  disturbed.destroy();
});
