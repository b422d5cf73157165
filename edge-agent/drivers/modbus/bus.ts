/**
 * Steps 1 and 11 · One bus: all units behind one host and port, or on one serial line. Many inverters and gateways
 * take a single client, and a line carries one frame at a time, so requests take turns, unit by unit; a unit that
 * does not answer is asked rarely, so that it does not stall the others.
 */
import {
  type BackOff,
  Connection,
  DEFAULT_TIMING,
  type Exchange,
  type ExchangeTiming,
} from './connection.ts';
import { DeadUnits } from './dead-units.ts';
import { ModbusError } from './errors.ts';
import type { Medium } from './medium.ts';
import { Turns } from './turns.ts';

/** Modbus Application Protocol V1.1b3, 6.3 and 6.12: registers in one request. */
export const MAX_READ = 125;
export const MAX_WRITE = 123;

/** Holding registers (function 3) or input registers (function 4). */
export type RegisterTable = 'holding' | 'input';

export interface BusOptions {
  readonly medium: Medium;
  /** The clock by which connecting and dead units back off, ms; real time by default. */
  readonly now?: () => number;
  /** Wait after a failure to connect, and after a unit was found dead: doubles from `first_ms` up to `max_ms`. */
  readonly backOff?: BackOff;
  /** For requests that do not say otherwise. */
  readonly timing?: ExchangeTiming;
  /** Most of the bus's time that dead units may cost together; 0.03 by default. */
  readonly deadShare?: number;
}

/** What a unit was asked, and what became of it; counts since the start. */
export interface UnitStats {
  /** Given to the connection. */
  requests: number;
  answers: number;
  exceptions: number;
  timeouts: number;
  malformed: number;
  /** Requests for which the connection had to be opened anew. */
  reconnects: number;
  /** Not sent, because the unit is dead and waits. */
  heldBack: number;
}

const DEFAULT_BACK_OFF = { first_ms: 1000, max_ms: 30_000 };
const DEFAULT_DEAD_SHARE = 0.03;
/** Requests waiting for their turn; more is a caller that does not wait for answers. */
const LONGEST_QUEUE = 1000;
/** Gateway path unavailable, gateway target did not respond: the gateway's word for a timeout. */
const GATEWAY_TIMEOUTS = [10, 11];

/**
 * A unit that nobody has heard yet is asked at first with the patience that the others on the bus need, so many times
 * over and at least `least_ms`; with `unknown_ms` while nobody has answered and others wait. So the dead ones of a
 * bus are found in a moment; a slow one has its whole deadline once it seems dead.
 */
const FIRST_PATIENCE = { times: 10, least_ms: 100, unknown_ms: 250 };
/** Weight of the newest answer in what answers usually take. */
const NEWEST_WEIGHT = 0.2;

interface Job {
  readonly unit: number;
  readonly deadline_ms: number;
  run(): Promise<void>;
  fail(error: unknown): void;
}

export class ModbusBus {
  readonly #medium: Medium;
  readonly #now: () => number;
  readonly #connection: Connection;
  readonly #timing: Required<ExchangeTiming>;
  readonly #dead: DeadUnits;
  readonly #turns = new Turns<Job>();
  readonly #stats = new Map<number, UnitStats>();
  /** RTU: until when a late answer of the unit may still come, `performance.now()`. Nothing else tells it apart. */
  readonly #lateUntil_ms = new Map<number, number>();
  /** Units that have had a turn since one was silent. */
  readonly #servedSinceSilence = new Set<number>();
  /** Units that have answered themselves; a gateway's word that one does not is none. */
  readonly #heard = new Set<number>();
  /** What an answer on this bus usually takes, real ms; undefined before the first. */
  #usual_ms: number | undefined;
  #working: Promise<void> | undefined;
  #closed = false;

  constructor({ medium, now = Date.now, backOff = DEFAULT_BACK_OFF, timing, deadShare }: BusOptions) {
    this.#timing = { ...DEFAULT_TIMING, ...timing };
    this.#medium = medium;
    this.#now = now;
    this.#connection = new Connection(medium, now, backOff);
    this.#dead = new DeadUnits({ now, share: deadShare ?? DEFAULT_DEAD_SHARE, ...backOff });
  }

  /**
   * Functions 3 and 4, read registers.
   * @returns `count` words, 0 to 65535. @throws ModbusError.
   */
  async read(
    unit: number,
    address: number,
    count: number,
    table: RegisterTable = 'holding',
    timing?: ExchangeTiming,
  ): Promise<number[]> {
    checkRange(address, count, MAX_READ);
    const { data } = await this.#ask<{ data: number[] }>(unit, {
      what: `unit ${unit}, reading ${count} ${table === 'input' ? 'input ' : ''}registers from ${address}`,
      timing: { ...this.#timing, ...timing },
      bytes: 13 + 2 * count,
      send: (client, done) =>
        table === 'input'
          ? client.writeFC4(unit, address, count, done)
          : client.writeFC3(unit, address, count, done),
    });
    return data;
  }

  /** Function 6, write one register. @throws ModbusError. */
  async writeOne(unit: number, address: number, word: number, timing?: ExchangeTiming): Promise<void> {
    checkRange(address, 1, 1);
    await this.#ask(unit, {
      what: `unit ${unit}, writing register ${address}`,
      timing: { ...this.#timing, ...timing },
      bytes: 16,
      send: (client, done) => client.writeFC6(unit, address, word, done),
    });
  }

  /** Function 16, write several registers at once. @throws ModbusError. */
  async writeMany(
    unit: number,
    address: number,
    words: readonly number[],
    timing?: ExchangeTiming,
  ): Promise<void> {
    checkRange(address, words.length, MAX_WRITE);
    await this.#ask(unit, {
      what: `unit ${unit}, writing ${words.length} registers at ${address}`,
      timing: { ...this.#timing, ...timing },
      bytes: 17 + 2 * words.length,
      send: (client, done) => client.writeFC16(unit, address, [...words], done),
    });
  }

  /** Of one unit; counts go on while it is held. */
  stats(unit: number): Readonly<UnitStats> {
    return this.#statsOf(unit);
  }

  /** Ends the connection; requests still waiting fail with `MODBUS_CONNECTION`. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#connection.close();
    await this.#working;
  }

  #ask<T>(unit: number, exchange: Exchange<T>): Promise<T> {
    const held = this.#heldBack(unit);
    if (held !== undefined) return Promise.reject(held);
    if (this.#closed || this.#turns.size >= LONGEST_QUEUE) {
      const { name } = this.#medium;
      const text = this.#closed
        ? `the connection to ${name} is closed`
        : `${LONGEST_QUEUE} requests to ${name} are waiting already`;
      return Promise.reject(new ModbusError('MODBUS_CONNECTION', text));
    }
    return new Promise<T>((resolve, reject) => {
      const { deadline_ms } = exchange.timing;
      const run = async (): Promise<void> =>
        resolve(await this.#exchange(unit, this.#withFirstPatience(unit, exchange)));
      this.#turns.add(unit, { unit, deadline_ms, run, fail: reject });
      this.#working ??= this.#work();
    });
  }

  /** One job after the other until none waits. */
  async #work(): Promise<void> {
    await undefined; // jobs of the same moment are all queued before the first turn is given
    while (this.#turns.size > 0) {
      const isReady = (unit: number): boolean => this.#lateness_ms(unit) === 0;
      // After each silence all who are known to answer come first: several silent ones never make them wait in a row.
      const isLively = (unit: number): boolean => isReady(unit) && this.#answers(unit);
      const isOwedATurn = (unit: number): boolean => !this.#servedSinceSilence.has(unit) && isLively(unit);
      const job = this.#turns.next(isOwedATurn) ?? this.#turns.next(isReady);
      if (job === undefined) {
        const shortest_ms = Math.min(...this.#turns.units().map((unit) => this.#lateness_ms(unit)));
        await new Promise((resolve) => setTimeout(resolve, Math.ceil(shortest_ms)));
        continue;
      }
      const held = this.#heldBack(job.unit);
      if (held !== undefined) job.fail(held);
      else await this.#serve(job);
    }
    this.#working = undefined;
  }

  async #serve(job: Job): Promise<void> {
    const began_ms = this.#now();
    this.#servedSinceSilence.add(job.unit);
    const stats = this.#statsOf(job.unit);
    try {
      await job.run();
      stats.answers++;
      this.#heard.add(job.unit);
      this.#dead.answered(job.unit);
    } catch (error) {
      job.fail(error);
      if (!(error instanceof ModbusError)) return;
      const { fault, exception } = error;
      if (fault === 'MODBUS_TIMEOUT') stats.timeouts++;
      if (fault === 'MODBUS_EXCEPTION') stats.exceptions++;
      if (fault === 'MODBUS_MALFORMED') stats.malformed++;
      const silent = fault === 'MODBUS_TIMEOUT' || GATEWAY_TIMEOUTS.includes(exception ?? 0);
      const isAlone = this.#stats.size === 1; // then nobody else waits
      if (silent) {
        const unheard = !this.#heard.has(job.unit) && this.#usual_ms !== undefined;
        this.#dead.silent(job.unit, isAlone ? 0 : this.#now() - began_ms, unheard);
        this.#servedSinceSilence.clear();
      } else if (fault !== 'MODBUS_CONNECTION') {
        this.#heard.add(job.unit);
        this.#dead.answered(job.unit);
      }
      const late = this.#medium.framing === 'rtu' && fault === 'MODBUS_TIMEOUT';
      if (late) this.#lateUntil_ms.set(job.unit, performance.now() + job.deadline_ms);
    }
  }

  async #exchange<T>(unit: number, exchange: Exchange<T>): Promise<T> {
    const stats = this.#statsOf(unit);
    const before = this.#connection.opened;
    const began = performance.now();
    stats.requests++;
    try {
      const answer = await this.#connection.exchange(exchange);
      this.#noteDuration(performance.now() - began);
      return answer;
    } finally {
      const opened = this.#connection.opened;
      if (opened > Math.max(1, before)) stats.reconnects += opened - Math.max(1, before);
    }
  }

  #withFirstPatience<T>(unit: number, exchange: Exchange<T>): Exchange<T> {
    const { timing } = exchange;
    const isAlone = this.#stats.size === 1;
    if (isAlone || this.#heard.has(unit) || this.#dead.isDead(unit)) return exchange;
    const { times, least_ms, unknown_ms } = FIRST_PATIENCE;
    const patience_ms =
      this.#usual_ms === undefined ? unknown_ms : Math.max(least_ms, times * this.#usual_ms);
    return { ...exchange, timing: { ...timing, deadline_ms: Math.min(timing.deadline_ms, patience_ms) } };
  }

  #noteDuration(took_ms: number): void {
    const usual_ms = this.#usual_ms ?? took_ms;
    this.#usual_ms = usual_ms + NEWEST_WEIGHT * (took_ms - usual_ms);
  }

  /** Whether its last request was answered. */
  #answers(unit: number): boolean {
    return this.#heard.has(unit) && this.#dead.silences(unit) === 0;
  }

  #lateness_ms(unit: number): number {
    const until_ms = this.#lateUntil_ms.get(unit);
    if (until_ms === undefined || this.#closed) return 0;
    const left_ms = until_ms - performance.now();
    if (left_ms > 0) return left_ms;
    this.#lateUntil_ms.delete(unit);
    return 0;
  }

  /** The error of a unit that waits; undefined when it may be asked. */
  #heldBack(unit: number): ModbusError | undefined {
    const wait_ms = this.#dead.wait_ms(unit);
    if (wait_ms === 0) return undefined;
    this.#statsOf(unit).heldBack++;
    const text =
      `unit ${unit} at ${this.#medium.name} did not answer ${this.#dead.silences(unit)} requests in a row; ` +
      `it is asked again in ${Math.ceil(wait_ms / 1000)} s`;
    return new ModbusError('MODBUS_TIMEOUT', text, { details: { retryIn_ms: wait_ms } });
  }

  #statsOf(unit: number): UnitStats {
    const known = this.#stats.get(unit);
    if (known !== undefined) return known;
    const counts = { requests: 0, answers: 0, exceptions: 0, timeouts: 0, malformed: 0 };
    const stats = { ...counts, reconnects: 0, heldBack: 0 };
    this.#stats.set(unit, stats);
    return stats;
  }
}

function checkRange(address: number, count: number, most: number): void {
  const fits = Number.isInteger(address) && address >= 0 && address + count <= 65_536;
  if (!fits || !Number.isInteger(count) || count < 1 || count > most) {
    throw new RangeError(`${count} registers from ${address}: 1 to ${most} are possible, up to 65535`);
  }
}
