/**
 * The bench's own MQTT broker: aedes in this process, on loopback. A deployment uses a broker of its own
 * (`--broker mqtts://…`); the same agents speak to both.
 */
import { timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { FieldbidError, InputError, messageOf } from '@fieldbid/core/errors';
import { Aedes } from 'aedes';

export interface EmbeddedBrokerOptions {
  /** Loopback only; 0 picks a free port. */
  port?: number;
  /** When given, clients must present exactly these. */
  credentials?: { username: string; password: string };
}

const LOOPBACK_HOST = '127.0.0.1';
/** Client ids here are names of agents; aedes's own limit is the 23 of MQTT 3.1. */
const LONGEST_CLIENT_ID = 128;
/** Messages waiting for one client while it connects. */
const CONNECT_QUEUE = 1000;

export class EmbeddedBroker {
  readonly url: string;
  readonly #aedes: Aedes;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** @throws FieldbidError `BROKER_PORT` when the port cannot be listened on. */
  static async start(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
    const port = options.port ?? 0;
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      throw new InputError({ source: 'broker', path: '/port', found: String(port), expected: '0 to 65535' });
    }
    const aedes = await Aedes.createBroker({
      maxClientsIdLength: LONGEST_CLIENT_ID,
      queueLimit: CONNECT_QUEUE,
    });
    if (options.credentials !== undefined) aedes.authenticate = passwordCheck(options.credentials);
    // Requests and answers are small and wait for each other: Nagle's algorithm would add 40 ms to each.
    const server = createServer({ noDelay: true }, aedes.handle);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(new FieldbidError('BROKER_PORT', `no broker on port ${port}: ${messageOf(cause)}`, { cause })),
      );
      server.listen(port, LOOPBACK_HOST, resolve);
    });
    return new EmbeddedBroker(aedes, server);
  }

  private constructor(aedes: Aedes, server: Server) {
    this.#aedes = aedes;
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port');
    this.url = `mqtt://${LOOPBACK_HOST}:${address.port}`;
  }

  /** Ends as when its process is killed: every connection breaks, and what it kept is gone. */
  async kill(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
    await closed;
  }
}

function passwordCheck(want: { username: string; password: string }): Aedes['authenticate'] {
  const expected = Buffer.from(`${want.username}\n${want.password}`);
  return (_client, username, password, done) => {
    const given = Buffer.from(`${username ?? ''}\n${password?.toString('utf8') ?? ''}`);
    done(null, given.length === expected.length && timingSafeEqual(given, expected));
  };
}
