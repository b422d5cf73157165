/** The bus on RTU frames, which have no transaction id: only unit, function, length and time tell answers apart. */
import test from 'ava';
import { ModbusBus } from './bus.ts';
import { rtuFrame } from './framing.ts';
import { mediumOf, quietGap_ms } from './medium.ts';
import { peer } from './testing/peer.ts';

/** Answer to function 3 as an RTU frame; the request is one. */
function rtuWords(request: Buffer, value: number): Buffer {
  return rtuFrame(Buffer.from([request.readUInt8(0), 3, 2, value >> 8, value & 0xff]));
}
const rtuAt = (port: number) =>
  new ModbusBus({
    medium: mediumOf({ scheme: 'rtu+tcp', host: '127.0.0.1', port, unit: 1 }),
    now: () => 0,
    timing: { deadline_ms: 60_000 },
  });

test('RTU: a wrong CRC is malformed; noise and another unit’s late answer are passed over', async (t) => {
  const device = await peer((request, socket, serial) => {
    const good = rtuWords(request, request.readUInt16BE(2));
    const bad = Buffer.from(good);
    bad.writeUInt8(bad.readUInt8(3) ^ 1, 3);
    const late = rtuWords(Buffer.from([9]), 666);
    socket.write(serial === 0 ? bad : Buffer.concat([Buffer.from(serial === 1 ? [0] : []), late, good]));
  });
  const bus = rtuAt(device.port);
  t.like(await t.throwsAsync(bus.read(1, 3, 1)), { code: 'MODBUS_MALFORMED' });
  for (const address of [3, 1, 4]) t.deepEqual(await bus.read(1, address, 1), [address]);
  await bus.close();
  await device.close();
});

test('RTU: a late answer of the same unit and shape is nobody’s, and others need not wait for it', async (t) => {
  const order: number[] = [];
  let late: Buffer | undefined;
  const device = await peer((request, socket, serial) => {
    order.push(request.readUInt8(0));
    // A serial device server hands what comes late on the line to whoever is connected then.
    if (late !== undefined) socket.write(late);
    late = serial === 0 ? rtuWords(request, 666) : undefined;
    if (serial > 0) socket.write(rtuWords(request, request.readUInt16BE(2)));
  });
  const bus = rtuAt(device.port);
  const timedOut = bus.read(1, 0, 1, 'holding', { deadline_ms: 200 });
  t.like(await t.throwsAsync(timedOut), { code: 'MODBUS_TIMEOUT' });
  const again = bus.read(1, 5, 1);
  t.deepEqual(await bus.read(2, 8, 1), [8]);
  t.deepEqual(await again, [5]);
  t.deepEqual(order, [1, 2, 1]);
  await bus.close();
  await device.close();
});

test('the gap between frames is 3.5 characters of 11 bits, and 1.75 ms above 19200 baud', (t) => {
  t.is(quietGap_ms(9600), (3.5 * 11 * 1000) / 9600);
  t.is(quietGap_ms(19_200), (3.5 * 11 * 1000) / 19_200);
  t.is(quietGap_ms(115_200), 1.75);
});
