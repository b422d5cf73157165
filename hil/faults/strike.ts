/** What a fault does to one answer on its way to a Modbus TCP client: in the proxy, and in a simulated device itself. */
import type { Writable } from 'node:stream';
import { tcpFrame } from '@fieldbid/edge-agent/drivers/modbus/framing';
import type { FaultPlan, Request } from './rules.ts';

/** The rule that strikes, and a chance for its details, in [0, 1). */
export type Strike = NonNullable<ReturnType<FaultPlan['next']>>;

/**
 * Sends the answer to a Modbus TCP request as the strike wants it.
 * @param body unit id and what follows. @param reset ends the connection as a reset does.
 */
export function strikeAnswer(
  answers: Outlet,
  { rule, chance }: Strike,
  body: Buffer,
  transactionId: number,
  reset: () => void,
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
      reset();
      return;
    case 'exception': // answered in the device's place
    case 'drop':
      return;
  }
}

/** What goes to the client, in order. */
export class Outlet {
  readonly #socket: Writable;
  #waiting = 0;
  #tail: Promise<void> = Promise.resolve();

  constructor(socket: Writable) {
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

/** A request as rules look at it. @param body unit id and what follows. */
export function requestOf(body: Buffer): Request {
  const functionCode = body[1] ?? 0;
  const number = (at: number): number => (body.length >= at + 2 ? body.readUInt16BE(at) : 0);
  const count = functionCode === 5 || functionCode === 6 ? 1 : number(4);
  return { unit: body[0] ?? 0, functionCode, address: number(2), count };
}
