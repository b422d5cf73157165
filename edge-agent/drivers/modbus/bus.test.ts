/** The transport against servers that misbehave as real devices and gateways do. */
import { once } from 'node:events';
import test from 'ava';
import { ModbusBus } from './bus.ts';
import type { ExchangeTiming } from './connection.ts';
import { mediumOf } from './medium.ts';
import { addressIn, peer, words } from './testing/peer.ts';

const mediumAt = (port: number) => mediumOf({ scheme: 'tcp', host: '127.0.0.1', port, unit: 1 });
const at = (port: number, timing: ExchangeTiming = {}) =>
  new ModbusBus({ medium: mediumAt(port), now: () => 0, timing: { deadline_ms: 60_000, ...timing } });
/** For what is to end as a timeout: passes in slices, so that the answers of this process come in time. */
const SHORT_MS = 60;

test('requests wait for their turn: one is in flight at a time, and each gets its own answer', async (t) => {
  let inFlight = 0;
  let most = 0;
  const device = await peer((request, socket) => {
    most = Math.max(most, ++inFlight);
    setImmediate(() => {
      inFlight--;
      socket.write(words(request, [addressIn(request)]));
    });
  });
  const connection = at(device.port);
  const wanted = Array.from({ length: 300 }, (_, i) => 1000 + i); // more than the 256 transaction ids
  const answers = await Promise.all(wanted.map((address) => connection.read(1, address, 1)));
  t.deepEqual(
    answers.map(([word]) => word),
    wanted,
  );
  t.is(most, 1);
  t.is(device.connections, 1);
  await connection.close();
  await device.close();
});

test('no answer: a timeout, a new socket, and the late answer belongs to nobody', async (t) => {
  const late: (() => void)[] = [];
  const device = await peer((request, socket, serial) => {
    if (serial === 0) late.push(() => void socket.write(words(request, [111])));
    else {
      for (const send of late) send();
      socket.write(words(request, [222]));
    }
  });
  const connection = at(device.port, { deadline_ms: SHORT_MS });
  t.like(await t.throwsAsync(connection.read(1, 0, 1)), { code: 'MODBUS_TIMEOUT', retryable: true });
  t.deepEqual(await connection.read(1, 0, 1), [222]);
  t.is(device.connections, 2);
  await connection.close();
  await device.close();
});

test('an exception is the answer of a healthy device: typed, and the socket stays', async (t) => {
  const device = await peer((request, socket) => {
    const frame = Buffer.from(request.subarray(0, 9));
    frame.writeUInt16BE(3, 4);
    frame.writeUInt8(0x83, 7);
    frame.writeUInt8(addressIn(request), 8); // the address asked for is the exception's code
    socket.write(frame);
  });
  const connection = at(device.port);
  t.like(await t.throwsAsync(connection.read(1, 2, 1)), {
    code: 'MODBUS_EXCEPTION',
    exception: 2,
    retryable: false,
  });
  t.like(await t.throwsAsync(connection.read(1, 6, 1)), { exception: 6, retryable: true });
  t.is(device.connections, 1);
  await connection.close();
  await device.close();
});

test('answers that do not fit the request are malformed, and end the socket', async (t) => {
  const bad: ((request: Buffer) => Buffer)[] = [
    (request) => words(request, [1, 2, 3]), // three words for one
    (request) => {
      const frame = words(request, [1]);
      frame.writeUInt8(9, 6); // another unit
      return frame;
    },
    (request) => {
      const frame = words(request, [1]);
      frame.writeUInt8(0, 8); // byte count 0
      return frame;
    },
    (request) => {
      const frame = words(request, [1]);
      frame.writeUInt8(4, 7); // another function
      return frame;
    },
  ];
  const device = await peer((request, socket, serial) => {
    const wrong = bad[serial];
    socket.write(wrong === undefined ? words(request, [7]) : wrong(request));
  });
  const connection = at(device.port);
  for (const _ of bad) {
    t.like(await t.throwsAsync(connection.read(1, 0, 1)), { code: 'MODBUS_MALFORMED' });
  }
  t.deepEqual(await connection.read(1, 0, 1), [7]);
  t.is(device.connections, bad.length + 1);
  await connection.close();
  await device.close();
});

test('another transaction id is nobody’s answer; with one, the right answer behind it is still taken', async (t) => {
  const device = await peer((request, socket, serial) => {
    const frame = words(request, [1]);
    frame.writeUInt16BE(4711, 0);
    socket.write(frame);
    if (serial > 0) socket.write(words(request, [7]));
  });
  const connection = at(device.port, { deadline_ms: SHORT_MS });
  const error = await t.throwsAsync(connection.read(1, 0, 1));
  t.like(error, { code: 'MODBUS_TIMEOUT' });
  t.regex(error.message, /1 came under another transaction id/);
  t.deepEqual(await connection.read(1, 0, 1), [7]);
  await connection.close();
  await device.close();
});

test('a gateway with wrong transaction ids: taken where the profile says so, when all else fits', async (t) => {
  const device = await peer((request, socket) => {
    const wrongId = (frame: Buffer): Buffer => {
      frame.writeUInt16BE(0, 0);
      return frame;
    };
    const stranger = wrongId(words(request, [1]));
    stranger.writeUInt8(9, 6); // another unit
    socket.write(stranger);
    socket.write(wrongId(words(request, [1, 2]))); // another length
    socket.write(wrongId(words(request, [addressIn(request)])));
  });
  const connection = at(device.port, { anyTransactionId: true });
  for (const address of [3, 1, 4, 1, 5]) t.deepEqual(await connection.read(1, address, 1), [address]);
  t.is(device.connections, 1);
  await connection.close();
  await device.close();
});

test('a duplicate of an earlier answer is nobody’s, even where ids may be wrong', async (t) => {
  let first: Buffer | undefined;
  const device = await peer((request, socket) => {
    if (first !== undefined) socket.write(first);
    first ??= words(request, [addressIn(request)]);
    socket.write(words(request, [addressIn(request)]));
  });
  for (const anyTransactionId of [false, true]) {
    first = undefined;
    const connection = at(device.port, { anyTransactionId });
    for (const address of [3, 1, 4]) t.deepEqual(await connection.read(1, address, 1), [address]);
    await connection.close();
  }
  await device.close();
});

test('bytes that are no Modbus are malformed at once', async (t) => {
  const device = await peer((request, socket, serial) => {
    socket.write(serial === 0 ? 'HTTP/1.1 400 Bad Request\r\n\r\n' : words(request, [7]));
  });
  const connection = at(device.port);
  t.like(await t.throwsAsync(connection.read(1, 0, 1)), { code: 'MODBUS_MALFORMED' });
  t.deepEqual(await connection.read(1, 0, 1), [7]);
  await connection.close();
  await device.close();
});

test('an answer in pieces is put together, answers in one packet are told apart', async (t) => {
  const device = await peer(async (request, socket, serial) => {
    const frame = words(request, [addressIn(request)]);
    if (serial % 2 === 0) {
      for (const byte of frame) {
        socket.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
    } else socket.write(Buffer.concat([frame, frame, frame]));
  });
  const connection = at(device.port);
  for (const address of [3, 1, 4, 1, 5, 9]) t.deepEqual(await connection.read(1, address, 1), [address]);
  t.like(connection.stats(1), { requests: 6, answers: 6, malformed: 0, reconnects: 0 });
  await connection.close();
  await device.close();
});

test('input registers are asked with function 4, an echo that differs is malformed', async (t) => {
  const device = await peer((request, socket) => {
    if (request.readUInt8(7) !== 6) socket.write(words(request, [request.readUInt8(7)]));
    else {
      const echo = Buffer.from(request.subarray(0, 12));
      if (request.readUInt16BE(10) === 666) echo.writeUInt16BE(667, 10);
      socket.write(echo);
    }
  });
  const connection = at(device.port);
  t.deepEqual(await connection.read(1, 0, 1, 'input'), [4]);
  await connection.writeOne(1, 5, 665);
  t.like(await t.throwsAsync(connection.writeOne(1, 5, 666)), { code: 'MODBUS_MALFORMED' });
  await connection.close();
  await device.close();
});

test('a peer that closes during a request fails it at once', async (t) => {
  const device = await peer((_request, socket) => void socket.destroy());
  const connection = at(device.port);
  t.like(await t.throwsAsync(connection.read(1, 0, 1)), { code: 'MODBUS_CONNECTION', retryable: true });
  await connection.close();
  await device.close();
});

test('an idle connection that the device has closed is opened again without a failure', async (t) => {
  const device = await peer((request, socket, serial) => {
    if (serial === 1) socket.destroy();
    else socket.write(words(request, [7]));
  });
  const connection = at(device.port);
  t.deepEqual(await connection.read(1, 0, 1), [7]);
  t.deepEqual(await connection.read(1, 0, 1), [7]);
  t.is(device.connections, 2);
  await connection.close();
  await device.close();
});

test('nobody there: attempts back off by the clock handed in, doubling', async (t) => {
  const device = await peer(() => {});
  const { port } = device;
  await device.close();
  let now_ms = 0;
  const connection = new ModbusBus({
    medium: mediumAt(port),
    now: () => now_ms,
    backOff: { first_ms: 1000, max_ms: 3000 },
  });
  const attempt = async (at_ms: number): Promise<string> => {
    now_ms = at_ms;
    const error = await t.throwsAsync(connection.read(1, 0, 1));
    return /next attempt/.test(error.message) ? 'waits' : 'tried';
  };
  t.deepEqual(
    [
      await attempt(0),
      await attempt(999),
      await attempt(1000),
      await attempt(2999),
      await attempt(3000),
      await attempt(5999),
      await attempt(6000),
    ],
    ['tried', 'waits', 'tried', 'waits', 'tried', 'waits', 'tried'],
  );
  await connection.close();
});

test('silence between requests and after connecting, as a profile asks for it', async (t) => {
  const arrivals_ms: number[] = [];
  const device = await peer((request, socket) => {
    arrivals_ms.push(performance.now());
    socket.write(words(request, [7]));
  });
  const bus = at(device.port, { gap_ms: 40, connectDelay_ms: 80 });
  const began_ms = performance.now();
  for (let i = 0; i < 3; i++) await bus.read(1, 0, 1);
  // Node's timers may be a millisecond early by this clock.
  const [first = 0, second = 0, third = 0] = arrivals_ms;
  t.true(first - began_ms >= 79);
  t.true(second - first >= 39 && third - second >= 39);
  await bus.close();
  await device.close();
});

test('closing settles what waits', async (t) => {
  const device = await peer(() => {});
  const connection = at(device.port);
  const reads = [connection.read(1, 0, 1), connection.read(1, 1, 1)];
  const outcomes = Promise.allSettled(reads);
  await once(device.server, 'connection');
  await connection.close();
  t.deepEqual(
    (await outcomes).map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  await device.close();
});

test('more registers than a request may have are a bug of the caller', async (t) => {
  const connection = at(1);
  await t.throwsAsync(connection.read(1, 0, 126), { instanceOf: RangeError });
  await t.throwsAsync(connection.read(1, 65_535, 2), { instanceOf: RangeError });
  await t.throwsAsync(connection.writeMany(1, 0, []), { instanceOf: RangeError });
});
