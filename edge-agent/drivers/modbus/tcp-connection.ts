/**
 * Steps 1 and 11 · One Modbus TCP connection, on modbus-serial, made safe. One request is in flight at a time.
 * Every promise settles by our own deadline, because modbus-serial's never do once the socket is destroyed.
 * After a timeout or a malformed answer the socket is destroyed: modbus-serial counts transactions modulo 256
 * and never forgets them, so on a surviving socket a late answer could pass for another register's value.
 */
import { messageOf } from '@fieldbid/core/errors';
import modbusSerial from 'modbus-serial';
import { exceptionText, ModbusError } from './errors.ts';
import { withPatience } from './patience.ts';

/** The package is CommonJS: its class is the default of its default export. */
const ModbusRTU = modbusSerial.default;
type ModbusRTU = InstanceType<typeof ModbusRTU>;

/** Modbus Application Protocol V1.1b3, 6.3 and 6.12: registers in one request. */
export const MAX_READ = 125;
export const MAX_WRITE = 123;

export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  /** Real ms for a request's answer, and for connecting; 1,000 by default. */
  readonly deadline_ms?: number;
  /** Real ms of silence between two requests, for devices that need it; 0 by default. */
  readonly gap_ms?: number;
  /** The clock by which reconnecting backs off, ms; real time by default. */
  readonly now?: () => number;
  /** Wait before connecting again after a failure to connect: doubles from `first_ms` up to `max_ms`. */
  readonly backOff?: { readonly first_ms: number; readonly max_ms: number };
}

const DEFAULT_DEADLINE_MS = 1000;
const DEFAULT_BACK_OFF = { first_ms: 1000, max_ms: 30_000 };
/** Requests waiting for their turn; more is a caller that does not wait for answers. */
const LONGEST_QUEUE = 1000;

interface OpenSocket {
  readonly client: ModbusRTU;
  /** Rejects when either side closes; never resolves. modbus-serial itself settles nothing then. */
  readonly broken: Promise<never>;
  readonly breakOff: (error: ModbusError) => void;
  /** True once it has answered a request. */
  proven: boolean;
}

export class TcpConnection {
  readonly #options: ConnectionOptions;
  readonly #deadline_ms: number;
  readonly #now: () => number;
  #socket: OpenSocket | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #failures = 0;
  #notBefore_ms = Number.NEGATIVE_INFINITY;
  #lastExchange_ms = Number.NEGATIVE_INFINITY;
  #closed = false;
  /** Requests sent since the start, for budgets and tests. */
  requests = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#deadline_ms = options.deadline_ms ?? DEFAULT_DEADLINE_MS;
    this.#now = options.now ?? Date.now;
  }

  /**
   * Function 3, read holding registers.
   * @returns `count` words, 0 to 65535. @throws ModbusError.
   */
  read(unit: number, address: number, count: number): Promise<number[]> {
    checkRange(address, count, MAX_READ);
    return this.#enqueue(`reading ${count} registers from ${address}`, async (client) => {
      const { data } = await callback<{ data: number[] }>((next) =>
        client.writeFC3(unit, address, count, next),
      );
      if (data.length !== count) throw new ModbusError('MODBUS_MALFORMED', `${data.length} words came`);
      return data;
    });
  }

  /** Function 6, write one register. @throws ModbusError. */
  writeOne(unit: number, address: number, word: number): Promise<void> {
    checkRange(address, 1, 1);
    return this.#enqueue(`writing register ${address}`, async (client) => {
      const echo = await callback<{ address: number; value: number }>((next) =>
        client.writeFC6(unit, address, word, next),
      );
      if (echo.address !== address || echo.value !== word) {
        throw new ModbusError('MODBUS_MALFORMED', `the echo is ${echo.value} at ${echo.address}`);
      }
    });
  }

  /** Function 16, write several registers at once. @throws ModbusError. */
  writeMany(unit: number, address: number, words: readonly number[]): Promise<void> {
    checkRange(address, words.length, MAX_WRITE);
    return this.#enqueue(`writing ${words.length} registers at ${address}`, async (client) => {
      const echo = await callback<{ address: number; length: number }>((next) =>
        client.writeFC16(unit, address, [...words], next),
      );
      if (echo.address !== address || echo.length !== words.length) {
        throw new ModbusError('MODBUS_MALFORMED', `the echo is ${echo.length} registers at ${echo.address}`);
      }
    });
  }

  /** Ends the connection; requests still waiting fail with `MODBUS_CONNECTION`. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#drop();
    await this.#tail;
  }

  #enqueue<T>(what: string, exchange: (client: ModbusRTU) => Promise<T>): Promise<T> {
    const { host, port } = this.#options;
    if (this.#waiting >= LONGEST_QUEUE) {
      const text = `${LONGEST_QUEUE} requests to ${host}:${port} are waiting already`;
      return Promise.reject(new ModbusError('MODBUS_CONNECTION', text));
    }
    this.#waiting++;
    const mine = this.#tail.then(() => this.#turn(`${host}:${port}, ${what}`, exchange));
    const over = (): void => void this.#waiting--;
    this.#tail = mine.then(over, over);
    return mine;
  }

  async #turn<T>(what: string, exchange: (client: ModbusRTU) => Promise<T>): Promise<T> {
    const reused = this.#socket?.proven === true;
    try {
      return await this.#attempt(what, exchange);
    } catch (error) {
      // Devices and gateways close idle connections; that says nothing about the device. All our requests
      // can be repeated: reading changes nothing, and a register written twice holds the same value.
      const stale = error instanceof ModbusError && error.fault === 'MODBUS_CONNECTION' && reused;
      if (!stale || this.#closed) throw error;
      return this.#attempt(what, exchange);
    }
  }

  async #attempt<T>(what: string, exchange: (client: ModbusRTU) => Promise<T>): Promise<T> {
    const socket = await this.#open();
    await this.#keepGap();
    this.requests++;
    try {
      const answer = await withPatience(
        Promise.race([exchange(socket.client), socket.broken]),
        this.#deadline_ms,
        what,
      );
      socket.proven = true;
      return answer;
    } catch (error) {
      const typed = typedError(error, what);
      // An exception is a proper answer; after anything else the stream cannot be trusted.
      if (typed.fault === 'MODBUS_EXCEPTION') socket.proven = true;
      else this.#drop(socket);
      throw typed;
    } finally {
      this.#lastExchange_ms = performance.now();
    }
  }

  async #open(): Promise<OpenSocket> {
    const { host, port } = this.#options;
    if (this.#closed)
      throw new ModbusError('MODBUS_CONNECTION', `the connection to ${host}:${port} is closed`);
    if (this.#socket?.client.isOpen === true) return this.#socket;
    this.#drop();
    const wait_ms = this.#notBefore_ms - this.#now();
    if (wait_ms > 0) {
      const text = `${host}:${port} could not be reached; next attempt in ${Math.ceil(wait_ms / 1000)} s`;
      throw new ModbusError('MODBUS_CONNECTION', text);
    }
    const client = new ModbusRTU();
    let breakOff: (error: ModbusError) => void = () => {};
    const broken = new Promise<never>((_, reject) => {
      breakOff = reject;
    });
    broken.catch(() => {}); // nobody may be listening when the peer closes an idle connection
    client.on('error', () => {}); // without a listener Node would end the process
    client.on('close', () =>
      breakOff(new ModbusError('MODBUS_CONNECTION', `${host}:${port} closed the connection`)),
    );
    try {
      await withPatience(client.connectTCP(host, { port }), this.#deadline_ms, 'connecting');
    } catch (cause) {
      client.destroy(() => {});
      this.#backOff();
      const text = `no connection to ${host}:${port}: ${messageOf(cause)}`;
      throw new ModbusError('MODBUS_CONNECTION', text, { cause });
    }
    if (this.#closed) {
      client.destroy(() => {});
      throw new ModbusError('MODBUS_CONNECTION', `the connection to ${host}:${port} is closed`);
    }
    this.#failures = 0;
    this.#socket = { client, broken, breakOff, proven: false };
    return this.#socket;
  }

  #backOff(): void {
    const { first_ms, max_ms } = this.#options.backOff ?? DEFAULT_BACK_OFF;
    this.#notBefore_ms = this.#now() + Math.min(max_ms, first_ms * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
  }

  async #keepGap(): Promise<void> {
    const left_ms = this.#lastExchange_ms + (this.#options.gap_ms ?? 0) - performance.now();
    if (left_ms > 0) await new Promise((resolve) => setTimeout(resolve, left_ms));
  }

  #drop(socket = this.#socket): void {
    const { host, port } = this.#options;
    socket?.breakOff(new ModbusError('MODBUS_CONNECTION', `the connection to ${host}:${port} is closed`));
    socket?.client.destroy(() => {});
    if (socket === this.#socket) this.#socket = undefined;
  }
}

function callback<T>(send: (next: (error: Error | null, answer: T) => void) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    send((error, answer) => (error === null || error === undefined ? resolve(answer) : reject(error)));
  });
}

function typedError(error: unknown, what: string): ModbusError {
  if (error instanceof ModbusError) {
    return error.fault === 'MODBUS_MALFORMED'
      ? new ModbusError('MODBUS_MALFORMED', `${what}: ${error.message}`, { cause: error })
      : error;
  }
  if (typeof error === 'object' && error !== null) {
    if ('modbusCode' in error && typeof error.modbusCode === 'number') {
      const exception = error.modbusCode;
      const text = `${what}: ${exceptionText(exception)}`;
      return new ModbusError('MODBUS_EXCEPTION', text, { cause: error, exception });
    }
    if ('code' in error && error.code === 'DEADLINE') {
      return new ModbusError('MODBUS_TIMEOUT', messageOf(error), { cause: error });
    }
    if ('errno' in error && error.errno === 'ECONNREFUSED') {
      return new ModbusError('MODBUS_CONNECTION', `${what}: the connection is closed`, { cause: error });
    }
  }
  return new ModbusError('MODBUS_MALFORMED', `${what}: ${messageOf(error)}`, { cause: error });
}

function checkRange(address: number, count: number, most: number): void {
  const fits = Number.isInteger(address) && address >= 0 && address + count <= 65_536;
  if (!fits || !Number.isInteger(count) || count < 1 || count > most) {
    throw new RangeError(`${count} registers from ${address}: 1 to ${most} are possible, up to 65535`);
  }
}
