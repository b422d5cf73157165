/**
 * A Modbus server for simulated devices: Modbus TCP, or RTU frames over TCP as serial device servers pass them on.
 * On a serial line it is `serveSerial` (serial-server.ts).
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import type { Framing } from '@fieldbid/edge-agent/drivers/modbus/framed-port';
import type { RegisterDevice } from './modbus-answers.ts';
import { type StrikeLine, serveStream } from './modbus-stream.ts';

const MOST_CLIENTS = 32;

export class ModbusServer {
  readonly #device: RegisterDevice;
  readonly #framing: Framing;
  readonly #line: StrikeLine | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** @param line what befalls answers on Modbus TCP. */
  constructor(device: RegisterDevice, framing: Framing = 'tcp', line?: StrikeLine) {
    this.#device = device;
    this.#framing = framing;
    this.#line = line;
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
    this.#server.maxConnections = MOST_CLIENTS;
  }

  /** @throws FieldbidError `SIM_PORT` when it cannot listen there. */
  async listen(host: string, port: number): Promise<{ port: number }> {
    try {
      this.#server.listen(port, host);
      await once(this.#server, 'listening');
    } catch (cause) {
      throw new FieldbidError('SIM_PORT', `cannot listen on ${host}:${port}: ${messageOf(cause)}`, { cause });
    }
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port');
    return { port: address.port };
  }

  /** Drops every connection; listening goes on. */
  dropClients(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.dropClients();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  #serve(socket: Socket): void {
    if (!this.#device.isOnline()) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    serveStream(this.#device, socket, this.#framing, () => socket.destroy(), this.#line);
  }
}
