/** A server that answers as a test wants it to: for what real devices and gateways do wrong. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

export interface Peer {
  readonly port: number;
  readonly server: Server;
  connections: number;
  close(): Promise<void>;
}

/** A server that hands every request's bytes and its socket to `answer`. */
export async function peer(answer: (request: Buffer, socket: Socket, serial: number) => void): Promise<Peer> {
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
export function words(request: Buffer, values: number[]): Buffer {
  const frame = Buffer.alloc(9 + 2 * values.length);
  request.copy(frame, 0, 0, 8);
  frame.writeUInt16BE(3 + 2 * values.length, 4);
  frame.writeUInt8(2 * values.length, 8);
  values.forEach((value, i) => void frame.writeUInt16BE(value, 9 + 2 * i));
  return frame;
}
/** First register of a Modbus TCP request. */
export const addressIn = (request: Buffer): number => request.readUInt16BE(8);
