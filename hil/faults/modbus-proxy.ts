/**
 * Stands between a Modbus TCP client and a device, and does to their exchanges what networks, gateways and devices
 * do: see `FAULTS` (rules.ts). What it does follows from rules and seed, and is counted.
 */
import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import { firstTcpFrame, tcpFrame } from '@fieldbid/edge-agent/drivers/modbus/framing';
import { FAULTS, type Fault, FaultPlan, type FaultRule } from './rules.ts';
import { Outlet, requestOf, type Strike, strikeAnswer } from './strike.ts';

export interface FaultProxyOptions {
  /** The device. */
  readonly target: { readonly host: string; readonly port: number };
  readonly rules: readonly FaultRule[];
  readonly seed: number | string;
  /** Market time for the rules' windows, epoch ms; the wall clock by default. */
  readonly now?: () => number;
}

/** What has happened so far. */
export type FaultCounts = Readonly<Record<Fault | 'requests' | 'untouched', number>>;

export class ModbusFaultProxy {
  readonly #options: FaultProxyOptions;
  readonly #plan: FaultPlan;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #counts = Object.fromEntries(
    ['requests', 'untouched', ...FAULTS].map((name) => [name, 0]),
  ) as Record<Fault | 'requests' | 'untouched', number>;

  /** @throws InputError for a rule's window that is no market time. */
  constructor(options: FaultProxyOptions) {
    this.#options = options;
    this.#plan = new FaultPlan(options.rules, options.seed);
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  /** Port 0 picks a free one. @throws FieldbidError `SIM_PORT`. */
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

  get counts(): FaultCounts {
    return { ...this.#counts };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  /** One client, with a connection of its own to the device. */
  #serve(client: Socket): void {
    const { host, port } = this.#options.target;
    const device = createConnection({ host, port, noDelay: true });
    for (const [one, other] of [
      [client, device],
      [device, client],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => one.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    const answers = new Outlet(client);
    /** What the answer to a transaction will meet. */
    const struck = new Map<number, Strike>();
    onFrames(client, (body, transactionId, frame) => {
      this.#counts.requests++;
      const strike = this.#plan.next(requestOf(body), (this.#options.now ?? Date.now)());
      if (strike === undefined) this.#counts.untouched++;
      else this.#counts[strike.rule.fault]++;
      if (strike?.rule.fault === 'exception') {
        const refusal = Buffer.from([body[0] ?? 0, (body[1] ?? 0) | 0x80, strike.rule.exception]);
        answers.send(tcpFrame(refusal, transactionId));
        return;
      }
      struck.delete(transactionId);
      if (strike !== undefined) struck.set(transactionId, strike);
      device.write(frame);
    });
    onFrames(device, (body, transactionId, frame) => {
      const strike = struck.get(transactionId);
      struck.delete(transactionId);
      if (strike === undefined) answers.send(frame);
      else strikeAnswer(answers, strike, body, transactionId, () => client.resetAndDestroy());
    });
  }
}

/** Calls back for each whole frame; ends the connection at what is no Modbus. */
function onFrames(socket: Socket, take: (body: Buffer, transactionId: number, frame: Buffer) => void): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (;;) {
      const found = firstTcpFrame(pending);
      if (found === 'incomplete') return;
      if (found === 'no Modbus') {
        socket.destroy();
        return;
      }
      const frame = pending.subarray(0, found.length);
      pending = pending.subarray(found.length);
      take(found.body, found.transactionId, frame);
    }
  });
}
