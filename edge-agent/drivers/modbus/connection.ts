/**
 * Steps 1 and 11 · The connection of one bus, on modbus-serial, made safe. One request is in flight at a time and
 * settles by our own deadline: modbus-serial's promises never do once its port is destroyed. After a timeout or a
 * malformed answer a TCP connection is dropped, so that what comes late cannot be heard; a serial line is flushed.
 */
import { messageOf } from '@fieldbid/core/errors';
import modbusSerial from 'modbus-serial';
import { exceptionText, ModbusError } from './errors.ts';
import { FramedPort } from './framed-port.ts';
import type { Medium } from './medium.ts';
import { withPatience } from './patience.ts';

/** The package is CommonJS: its class is the default of its default export. */
const ModbusRTU = modbusSerial.default;
type ModbusRTU = InstanceType<typeof ModbusRTU>;

/** How one device wants to be spoken to. Real time. */
export interface ExchangeTiming {
  /** For an answer, and for connecting; the time on a serial line comes on top. 1,000 by default. */
  readonly deadline_ms?: number;
  /** Silence before a request; 0 by default. RTU frames have their own gap at least. */
  readonly gap_ms?: number;
  /** Silence after connecting; 0 by default. */
  readonly connectDelay_ms?: number;
  /**
   * Take an answer under another transaction id when unit, function and length fit: some gateways give wrong
   * ones. Off by default: such an answer is nobody's, and the request ends as a timeout.
   */
  readonly anyTransactionId?: boolean;
}

export interface Exchange<T> {
  /** For messages: `reading 2 registers from 40000`. */
  readonly what: string;
  readonly timing: Required<ExchangeTiming>;
  /** Bytes on the line, request and answer. */
  readonly bytes: number;
  send(client: ModbusRTU, done: (error: Error | null, answer: T) => void): void;
}

export interface BackOff {
  readonly first_ms: number;
  readonly max_ms: number;
}

export const DEFAULT_TIMING: Required<ExchangeTiming> = {
  deadline_ms: 1000,
  gap_ms: 0,
  connectDelay_ms: 0,
  anyTransactionId: false,
};
/** A gateway that takes one client may need a moment to notice that we have hung up. Real ms. */
const RECONNECT_PAUSES_MS = [100, 400];

interface Open {
  readonly client: ModbusRTU;
  readonly port: FramedPort;
  readonly end: () => void;
  /** True once it has answered a request. */
  proven: boolean;
}

export class Connection {
  readonly #medium: Medium;
  readonly #now: () => number;
  readonly #backOff: BackOff;
  #open: Open | undefined;
  /** Fails the request in flight. */
  #breakOff: (error: ModbusError) => void = () => {};
  #hasAnswered = false;
  /** We have hung up on a peer that had answered before. */
  #hungUp = false;
  #failures = 0;
  #failedAt_ms = 0;
  #lastExchange_ms = Number.NEGATIVE_INFINITY;
  #closed = false;
  /** How often it was opened. */
  opened = 0;

  /** @param now the clock by which connecting backs off, ms. */
  constructor(medium: Medium, now: () => number, backOff: BackOff) {
    this.#medium = medium;
    this.#now = now;
    this.#backOff = backOff;
  }

  /** @throws ModbusError. */
  async exchange<T>(exchange: Exchange<T>): Promise<T> {
    const reused = this.#open?.proven === true;
    try {
      return await this.#attempt(exchange);
    } catch (error) {
      // Devices and gateways close idle connections; that says nothing about the device. All our requests
      // can be repeated: reading changes nothing, and a register written twice holds the same value.
      const stale = error instanceof ModbusError && error.fault === 'MODBUS_CONNECTION' && reused;
      if (!stale || this.#closed) throw error;
      return this.#attempt(exchange);
    }
  }

  /** The request in flight fails with `MODBUS_CONNECTION`. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  async #attempt<T>({ what, timing, bytes, send }: Exchange<T>): Promise<T> {
    const { deadline_ms } = timing;
    const open = await this.#opened(deadline_ms, timing.connectDelay_ms);
    await this.#settle(open, timing.gap_ms);
    if (this.#closed) throw this.#isClosed();
    const subject = `${this.#medium.name}, ${what}`;
    open.port.anyTransactionId = timing.anyTransactionId;
    const answer = new Promise<T>((resolve, reject) => {
      this.#breakOff = reject;
      send(open.client, (error, found) => (error ? reject(error) : resolve(found)));
    });
    try {
      const found = await withPatience(answer, deadline_ms + this.#medium.wire_ms(bytes), subject);
      this.#prove(open);
      return found;
    } catch (error) {
      const typed = typedError(error, subject, open.port.otherIds);
      open.port.abandon();
      // An exception is a proper answer; after anything else what still comes cannot be trusted.
      if (typed.fault === 'MODBUS_EXCEPTION') this.#prove(open);
      else if (this.#medium.reconnects) this.#drop();
      throw typed;
    } finally {
      this.#breakOff = () => {};
      this.#lastExchange_ms = performance.now();
    }
  }

  /** Waits until the line is quiet for long enough, and throws away what came meanwhile. */
  async #settle({ port, end }: Open, gap_ms: number): Promise<void> {
    const { quiet_ms } = this.#medium;
    for (;;) {
      const sinceByte_ms = performance.now() - port.lastByte_ms;
      const sinceExchange_ms = performance.now() - this.#lastExchange_ms;
      const left_ms = Math.max(quiet_ms - sinceByte_ms, gap_ms - sinceExchange_ms);
      if (!(left_ms > 0)) break;
      await wait(left_ms);
    }
    if (quiet_ms > 0 && this.#open?.end === end) await this.#medium.flush(port.stream);
  }

  async #opened(deadline_ms: number, connectDelay_ms: number): Promise<Open> {
    if (this.#closed) throw this.#isClosed();
    if (this.#open?.port.isOpen === true) return this.#open;
    this.#drop();
    const { name } = this.#medium;
    const wait_ms = this.#backedOff_ms();
    if (wait_ms > 0) {
      const text = `${name} could not be reached; next attempt in ${Math.ceil(wait_ms / 1000)} s`;
      throw new ModbusError('MODBUS_CONNECTION', text, { details: { retryIn_ms: wait_ms } });
    }
    const pauses = this.#hungUp ? [...RECONNECT_PAUSES_MS] : [];
    for (;;) {
      try {
        this.#open = await this.#connect(deadline_ms);
        break;
      } catch (cause) {
        const pause_ms = isDeadline(cause) || this.#closed ? undefined : pauses.shift();
        if (pause_ms !== undefined) {
          await wait(pause_ms);
          continue;
        }
        this.#hungUp = false;
        this.#failures++;
        this.#failedAt_ms = this.#now();
        const text = `no connection to ${name}: ${messageOf(cause)}`;
        throw new ModbusError('MODBUS_CONNECTION', text, { cause });
      }
    }
    if (this.#closed) {
      this.#drop();
      throw this.#isClosed();
    }
    this.opened++;
    this.#failures = 0;
    this.#hungUp = false;
    if (connectDelay_ms > 0) await wait(connectDelay_ms);
    return this.#open;
  }

  async #connect(deadline_ms: number): Promise<Open> {
    const { name, framing } = this.#medium;
    const opening = this.#medium.open();
    const stream = await withPatience(opening, deadline_ms, 'connecting').catch((error: unknown) => {
      opening.then(
        (late) => this.#medium.end(late),
        () => {},
      );
      throw error;
    });
    const end = (): void => this.#medium.end(stream);
    const port = new FramedPort(stream, framing, (why) => {
      this.#breakOff(new ModbusError('MODBUS_MALFORMED', why));
      if (this.#medium.reconnects) end();
    });
    const client = new ModbusRTU(port);
    client.on('error', () => {}); // without a listener Node would end the process
    client.on('close', () => {
      if (this.#open?.port !== port) return;
      this.#breakOff(new ModbusError('MODBUS_CONNECTION', `${name} closed the connection`));
    });
    client.open();
    return { client, port, end, proven: false };
  }

  /** Doubles with each failure to connect. A clock that was set back must not make us wait for ever. */
  #backedOff_ms(): number {
    if (this.#failures === 0) return 0;
    const { first_ms, max_ms } = this.#backOff;
    const passed_ms = this.#now() - this.#failedAt_ms;
    const wait_ms = Math.min(max_ms, first_ms * 2 ** Math.min(30, this.#failures - 1));
    return passed_ms < 0 ? 0 : wait_ms - passed_ms;
  }

  #prove(open: Open): void {
    open.proven = true;
    this.#hasAnswered = true;
  }

  #drop(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    this.#hungUp = this.#hasAnswered;
    this.#breakOff(this.#isClosed());
    open.end();
  }

  #isClosed(): ModbusError {
    return new ModbusError('MODBUS_CONNECTION', `the connection to ${this.#medium.name} is closed`);
  }
}

function wait(duration_ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.ceil(duration_ms)));
}

function isDeadline(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'DEADLINE';
}

function typedError(error: unknown, what: string, otherIds: number): ModbusError {
  if (error instanceof ModbusError) {
    return error.fault === 'MODBUS_MALFORMED'
      ? new ModbusError('MODBUS_MALFORMED', `${what}: ${error.message}`, { cause: error })
      : error;
  }
  if (isDeadline(error)) {
    const hint = otherIds === 0 ? '' : `; ${otherIds} came under another transaction id (anyTransactionId)`;
    return new ModbusError('MODBUS_TIMEOUT', messageOf(error) + hint, { cause: error });
  }
  if (typeof error === 'object' && error !== null) {
    if ('modbusCode' in error && typeof error.modbusCode === 'number') {
      const exception = error.modbusCode;
      const text = `${what}: ${exceptionText(exception)}`;
      return new ModbusError('MODBUS_EXCEPTION', text, { cause: error, exception });
    }
    if ('errno' in error && error.errno === 'ECONNREFUSED') {
      return new ModbusError('MODBUS_CONNECTION', `${what}: the connection is closed`, { cause: error });
    }
  }
  return new ModbusError('MODBUS_MALFORMED', `${what}: ${messageOf(error)}`, { cause: error });
}
