/**
 * Stands between a Modbus TCP client and a device, and does to their exchanges what networks, gateways and devices
 * do: see `FAULTS` (rules.ts). What it does follows from rules and seed, and is counted.
 */
import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import { firstTcpFrame, tcpFrame } from '@fieldbid/edge-agent/drivers/modbus/framing';
import { FAULTS, type Fault, FaultPlan, type FaultRule, type Request } from './rules.ts';

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

type Strike = NonNullable<ReturnType<FaultPlan['next']>>;

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
      else strikeAnswer(client, answers, strike, body, transactionId);
    });
  }
}

function strikeAnswer(
  client: Socket,
  answers: Outlet,
  { rule, chance }: Strike,
  body: Buffer,
  transactionId: number,
): void {
  const frame = tcpFrame(body, transactionId);
  /** Somewhere inside the frame. */
  const cut = 1 + Math.floor(chance * (frame.length - 1));
  switch (rule.fault) {
    case 'delay':
      answers.send(frame, rule.delay_ms);
      return;
    case 'late':
      setTimeout(() => answers.send(frame), rule.delay_ms).unref();
      return;
    case 'duplicate':
      answers.send(frame);
      answers.send(frame);
      return;
    case 'wrongTransactionId':
      answers.send(tcpFrame(body, (transactionId + 1 + Math.floor(chance * 65_534)) % 65_536));
      return;
    case 'wrongUnit': {
      const wrong = Buffer.from(body);
      wrong.writeUInt8(((body[0] ?? 0) + 1 + Math.floor(chance * 254)) % 256, 0);
      answers.send(tcpFrame(wrong, transactionId));
      return;
    }
    case 'split':
      answers.send(frame.subarray(0, cut));
      answers.send(frame.subarray(cut), 1);
      return;
    case 'truncate':
      answers.send(frame.subarray(0, cut));
      return;
    case 'reset':
      client.resetAndDestroy();
      return;
    case 'exception': // answered in the device's place
    case 'drop':
      return;
  }
}

/** What goes to the client, in order. */
class Outlet {
  readonly #socket: Socket;
  #waiting = 0;
  #tail: Promise<void> = Promise.resolve();

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** @param delay_ms real ms, counted from when everything before it has gone. */
  send(bytes: Buffer, delay_ms = 0): void {
    if (delay_ms === 0 && this.#waiting === 0) {
      this.#write(bytes);
      return;
    }
    this.#waiting++;
    this.#tail = this.#tail.then(async () => {
      if (delay_ms > 0) await new Promise((resolve) => setTimeout(resolve, delay_ms).unref());
      this.#waiting--;
      this.#write(bytes);
    });
  }

  #write(bytes: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
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

function requestOf(body: Buffer): Request {
  const functionCode = body[1] ?? 0;
  const number = (at: number): number => (body.length >= at + 2 ? body.readUInt16BE(at) : 0);
  const count = functionCode === 5 || functionCode === 6 ? 1 : number(4);
  return { unit: body[0] ?? 0, functionCode, address: number(2), count };
}
