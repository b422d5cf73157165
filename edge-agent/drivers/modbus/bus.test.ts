/** The transport against servers that misbehave as real devices and gateways do. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { ModbusBus } from './bus.ts';
import type { ExchangeTiming } from './connection.ts';
import { rtuFrame } from './framing.ts';
import { mediumOf } from './medium.ts';

interface Peer {
  readonly port: number;
  readonly server: Server;
  connections: number;
  close(): Promise<void>;
}

/** A server that hands every request's bytes and its socket to `answer`. */
async function peer(answer: (request: Buffer, socket: Socket, serial: number) => void): Promise<Peer> {
  const sockets = new Set<Socket>();
  let serial = 0;
  const server = createServer((socket) => {
    opened.connections++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (request) => answer(request, socket, serial++));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const opened: Peer = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    server,
    connections: 0,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return opened;
}

/** An answer to function 3 with these words, under the request's transaction id. */
function words(request: Buffer, values: number[]): Buffer {
  const frame = Buffer.alloc(9 + 2 * values.length);
  request.copy(frame, 0, 0, 8);
  frame.writeUInt16BE(3 + 2 * values.length, 4);
  frame.writeUInt8(2 * values.length, 8);
  values.forEach((value, i) => void frame.writeUInt16BE(value, 9 + 2 * i));
  return frame;
}
const addressIn = (request: Buffer): number => request.readUInt16BE(8);
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
  t.like(await t.throwsAsync(connection.read(1, 0, 1)), { code: 'MODBUS_TIMEOUT' });
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

/** 32 units polled once a second by the clock handed in; an answer takes 5 ms of it, a dead unit its whole second. */
async function pollRate(
  t: ExecutionContext,
  dead: readonly number[],
  absent: readonly number[] = [],
): Promise<{ livePolls: number; probes: number[] }> {
  let now_ms = 1_000_000;
  const probes: number[] = [];
  const device = await peer((request, socket) => {
    const unit = request.readUInt8(6);
    if (dead.includes(unit)) {
      probes.push(now_ms);
      now_ms += 1000;
    } else {
      now_ms += 5;
      socket.write(words(request, [unit]));
    }
  });
  const bus = new ModbusBus({ medium: mediumAt(device.port), now: () => now_ms });
  const units = Array.from({ length: 32 }, (_, i) => i + 1).filter((unit) => !absent.includes(unit));
  const start_ms = now_ms;
  let livePolls = 0;
  const poll = async (unit: number): Promise<void> => {
    // A dead one is waited for in real time; the answers of the others come in their own.
    const deadline_ms = dead.includes(unit) ? SHORT_MS : 60_000;
    try {
      t.deepEqual(await bus.read(unit, 0, 1, 'holding', { deadline_ms }), [unit]);
      livePolls++;
    } catch (error) {
      t.like(error, { code: 'MODBUS_TIMEOUT', retryable: true });
      t.true(dead.includes(unit));
    }
  };
  for (let second = 0; second < POLLED_S; second++) {
    await Promise.all(units.map(poll));
    now_ms = Math.max(now_ms, start_ms + (second + 1) * 1000);
    if (now_ms >= start_ms + POLLED_S * 1000) break;
  }
  await bus.close();
  await device.close();
  return { livePolls, probes };
}
const POLLED_S = 600;

test('8 dead units of 32 cost the others less than 5 % of their polls, and none is forgotten', async (t) => {
  const dead = [2, 3, 7, 11, 18, 24, 25, 32];
  const without = await pollRate(t, [], dead);
  const found = await pollRate(t, dead);
  t.is(without.livePolls, 24 * POLLED_S);
  t.true(found.livePolls >= 0.95 * without.livePolls, `${found.livePolls} of ${without.livePolls}`);
  // Twice each to find that they are dead; then one probe of 1 s in 33.3 s.
  const later = found.probes.slice(2 * dead.length - 1);
  t.true(later.length >= 10, `${later.length} probes`);
  for (const [i, at_ms] of later.entries()) {
    if (i > 0) t.true(at_ms - (later[i - 1] ?? 0) >= 1000 / 0.03);
  }
});

test('a dead unit: refused at once with when it is asked again; back at once when it answers', async (t) => {
  let now_ms = 0;
  let silent = true;
  const device = await peer((request, socket) => {
    if (request.readUInt8(6) === 1 && silent) return;
    socket.write(words(request, [addressIn(request)]));
  });
  const bus = new ModbusBus({
    medium: mediumAt(device.port),
    now: () => now_ms,
    timing: { deadline_ms: SHORT_MS },
    backOff: { first_ms: 4000, max_ms: 8000 },
  });
  const ask = async (at_ms: number): Promise<string> => {
    now_ms = at_ms;
    const before = bus.stats(1).requests;
    const error = await t.throwsAsync(bus.read(1, 0, 1));
    t.like(error, { code: 'MODBUS_TIMEOUT', retryable: true });
    return bus.stats(1).requests > before ? 'asked' : error.message.replace(/^.*; it is /, '');
  };
  t.is(await ask(0), 'asked');
  t.is(await ask(0), 'asked'); // one lost answer is no dead unit
  t.is(await ask(0), 'asked again in 4 s');
  t.deepEqual(await bus.read(2, 9, 1), [9]); // its neighbour
  t.is(await ask(3999), 'asked again in 1 s');
  t.is(await ask(4000), 'asked');
  t.is(await ask(11_999), 'asked again in 1 s'); // doubled
  t.is(await ask(12_000), 'asked');
  t.is(await ask(19_999), 'asked again in 1 s'); // no more than the cap
  silent = false;
  now_ms = 20_000;
  for (const address of [5, 6, 7]) t.deepEqual(await bus.read(1, address, 1), [address]);
  t.like(bus.stats(1), { requests: 7, answers: 3, timeouts: 4, heldBack: 4 });
  await bus.close();
  await device.close();
});

test('dropping the connection for a dead unit costs the others none of their answers', async (t) => {
  const device = await peer((request, socket) => {
    if (request.readUInt8(6) !== 1) socket.write(words(request, [addressIn(request)]));
  });
  const bus = new ModbusBus({ medium: mediumAt(device.port), timing: { deadline_ms: 60_000 } });
  const outcomes = await Promise.allSettled([
    ...[10, 11].map((address) => bus.read(2, address, 1)),
    bus.read(1, 0, 1, 'holding', { deadline_ms: SHORT_MS }),
    ...[20, 21, 22].map((address) => bus.read(3, address, 1)),
  ]);
  t.deepEqual(
    outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value[0] : 'failed')),
    [10, 11, 'failed', 20, 21, 22],
  );
  t.is(device.connections, 2);
  await bus.close();
  await device.close();
});

test('a unit with many requests takes turns with the others', async (t) => {
  const order: number[] = [];
  const device = await peer((request, socket) => {
    order.push(request.readUInt8(6));
    socket.write(words(request, [0]));
  });
  const bus = at(device.port);
  await Promise.all([1, 1, 1, 1, 2, 3, 2].map((unit) => bus.read(unit, 0, 1)));
  t.deepEqual(order, [1, 2, 3, 1, 2, 1, 1]);
  await bus.close();
  await device.close();
});

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
