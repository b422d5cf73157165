/**
 * A Modbus TCP server for simulated devices (Modbus Application Protocol V1.1b3): functions 3, 6 and 16. Each
 * request is answered as a whole, so that a write is either taken entirely or not at all.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';

/** What stands behind the server. Exceptions are refused requests: throw a `ModbusRefusal`. */
export interface RegisterDevice {
  /** Words of `count` registers. */
  readRegisters(unit: number, address: number, count: number): readonly number[];
  /** Takes all words or none. @param functionCode 6 or 16. */
  writeRegisters(unit: number, address: number, words: readonly number[], functionCode: 6 | 16): void;
  /** False: connections are not accepted, and open ones are dropped. */
  isOnline(): boolean;
}

/** Answered to the client as a Modbus exception. */
export class ModbusRefusal extends FieldbidError {
  readonly exception: number;

  constructor(exception: number, why: string) {
    super('MODBUS_REFUSAL', why);
    this.exception = exception;
  }
}

export const ILLEGAL_FUNCTION = 1;
export const ILLEGAL_ADDRESS = 2;
export const ILLEGAL_VALUE = 3;
export const DEVICE_FAILURE = 4;
export const NO_SUCH_UNIT = 11;

const HEADER_BYTES = 7;
/** Unit and PDU: 254 bytes at most (section 4.1). */
const LONGEST_BODY_BYTES = 254;
const MOST_CLIENTS = 32;

export class ModbusServer {
  readonly #device: RegisterDevice;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(device: RegisterDevice) {
    this.#device = device;
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
    let pending = Buffer.alloc(0);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      while (pending.length >= HEADER_BYTES) {
        const length = pending.readUInt16BE(4);
        if (pending.readUInt16BE(2) !== 0 || length < 2 || length > LONGEST_BODY_BYTES) {
          socket.destroy(); // not Modbus: where the next frame would start cannot be known
          return;
        }
        if (pending.length < 6 + length) return;
        const answer = this.#answer(pending.subarray(HEADER_BYTES, 6 + length), pending.readUInt8(6));
        const frame = Buffer.alloc(HEADER_BYTES + answer.length);
        pending.copy(frame, 0, 0, HEADER_BYTES);
        frame.writeUInt16BE(answer.length + 1, 4);
        answer.copy(frame, HEADER_BYTES);
        pending = pending.subarray(6 + length);
        if (!this.#device.isOnline()) {
          socket.destroy();
          return;
        }
        socket.write(frame);
      }
    });
  }

  #answer(pdu: Buffer, unit: number): Buffer {
    const code = pdu.readUInt8(0);
    try {
      return this.#execute(code, pdu, unit);
    } catch (error) {
      const exception = error instanceof ModbusRefusal ? error.exception : DEVICE_FAILURE;
      return Buffer.from([code | 0x80, exception]);
    }
  }

  #execute(code: number, pdu: Buffer, unit: number): Buffer {
    if (code !== 3 && code !== 6 && code !== 16) {
      throw new ModbusRefusal(ILLEGAL_FUNCTION, `function ${code}`);
    }
    if (pdu.length < 5) throw new ModbusRefusal(ILLEGAL_VALUE, 'too short');
    const address = pdu.readUInt16BE(1);
    const operand = pdu.readUInt16BE(3);
    if (code === 3) {
      if (operand < 1 || operand > 125) throw new ModbusRefusal(ILLEGAL_VALUE, `${operand} registers`);
      const words = this.#device.readRegisters(unit, address, operand);
      const answer = Buffer.alloc(2 + 2 * words.length);
      answer.writeUInt8(3, 0);
      answer.writeUInt8(2 * words.length, 1);
      words.forEach((word, i) => void answer.writeUInt16BE(word, 2 + 2 * i));
      return answer;
    }
    if (code === 6) {
      this.#device.writeRegisters(unit, address, [operand], 6);
      return Buffer.from(pdu.subarray(0, 5));
    }
    const fits = operand >= 1 && operand <= 123 && pdu.length === 6 + 2 * operand && pdu[5] === 2 * operand;
    if (!fits) throw new ModbusRefusal(ILLEGAL_VALUE, `${operand} registers in ${pdu.length} bytes`);
    const words = Array.from({ length: operand }, (_, i) => pdu.readUInt16BE(6 + 2 * i));
    this.#device.writeRegisters(unit, address, words, 16);
    return Buffer.from(pdu.subarray(0, 5));
  }
}
