/** The transport against servers that misbehave as real devices and gateways do. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import test from 'ava';
import { TcpConnection } from './tcp-connection.ts';

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
const at = (port: number, deadline_ms = 60_000) =>
  new TcpConnection({ host: '127.0.0.1', port, deadline_ms, now: () => 0 });
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
  const connection = at(device.port, SHORT_MS);
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

test('another transaction id, and bytes that are no Modbus, end as a timeout', async (t) => {
  const device = await peer((request, socket, serial) => {
    if (serial === 0) {
      const frame = words(request, [1]);
      frame.writeUInt16BE(4711, 0);
      socket.write(frame);
    } else if (serial === 1) socket.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    else socket.write(words(request, [7]));
  });
  const connection = at(device.port, SHORT_MS);
  for (let i = 0; i < 2; i++) {
    t.like(await t.throwsAsync(connection.read(1, 0, 1)), { code: 'MODBUS_TIMEOUT' });
  }
  t.deepEqual(await connection.read(1, 0, 1), [7]);
  await connection.close();
  await device.close();
});

test('a peer that closes during a request fails it at once', async (t) => {
  const device = await peer((_request, socket) => void socket.destroy());
  const connection = new TcpConnection({ host: '127.0.0.1', port: device.port, deadline_ms: 60_000 });
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
  const connection = new TcpConnection({
    host: '127.0.0.1',
    port,
    deadline_ms: 1000,
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

test('closing settles what waits', async (t) => {
  const device = await peer(() => {});
  const connection = new TcpConnection({ host: '127.0.0.1', port: device.port, deadline_ms: 60_000 });
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

test('more registers than a request may have are a bug of the caller', (t) => {
  const connection = at(1);
  t.throws(() => connection.read(1, 0, 126), { instanceOf: RangeError });
  t.throws(() => connection.read(1, 65_535, 2), { instanceOf: RangeError });
  t.throws(() => connection.writeMany(1, 0, []), { instanceOf: RangeError });
});
