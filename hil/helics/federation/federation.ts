/** This process's part of a federation: its federates, each with a clock to join, a bus to connect to, and values. */
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import { HelicsApi } from '../library/api.ts';
import { NativeFederate } from '../library/native-federate.ts';
import type { FederateTime } from '../time/federate-time.ts';
import { Instants } from '../time/instants.ts';
import {
  type Federate,
  type FederateSpec,
  type Member,
  type MemberCalls,
  type MemberOptions,
  memberOf,
} from './federate.ts';

export interface FederationOptions extends MemberOptions {
  /** File of libhelics. */
  readonly library: string;
  /** The broker, `host:port`. */
  readonly broker: string;
  readonly federates: readonly FederateSpec[];
  /** Names of our federates in other processes: they are told of subscriptions. */
  readonly others?: readonly string[];
  /** The federation has ended, and not by us: called once. */
  readonly onLost?: (error: FieldbidError) => void;
  /** Told how many instants of HELICS time there have been here since the federation began, or began anew. */
  readonly onInstant?: (instants: number) => void;
}

/** Threads of libuv's pool that others need: files, SQLite, signatures. */
const OTHER_THREADS = 4;
const DEFAULT_POOL = 4;
let threadsInUse = 0;

export class Federation {
  readonly #options: FederationOptions;
  readonly #members: readonly Member[];
  /** Threads of libuv's pool that its federates hold. */
  #threads: number;
  #generation = 0;
  #latest_ns = 0;
  #instants = 0;
  readonly #halts: Promise<void>[] = [];
  /** While it goes over to the next broker. */
  #renewing: Promise<void> | undefined;
  #closed = false;
  #brokenOff = false;

  /**
   * Connects, and resolves when all federates of the federation are there, those of other processes included.
   * @throws FieldbidError `HELICS_THREADS` when libuv's pool is too small, `HELICS_FAILED`.
   */
  static async open(options: FederationOptions): Promise<Federation> {
    takeThreads(options.federates.length);
    try {
      return new Federation(await enterAll(options, options.broker, 0), options);
    } catch (error) {
      threadsInUse -= options.federates.length;
      throw error;
    }
  }

  private constructor(natives: readonly NativeFederate[], options: FederationOptions) {
    this.#options = options;
    this.#threads = natives.length;
    const names = [...natives.map(({ name }) => name), ...(options.others ?? [])];
    const calls: MemberCalls = {
      onLost: (error) => this.#lost(error),
      onGrant: (granted_ns) => this.#count(granted_ns),
      onRenewal: (time, at_ms, port) => this.#halt(time, at_ms, port),
    };
    this.#members = natives.map((native) => memberOf(native, names, options, calls));
    for (const { time } of this.#members) time.start();
  }

  /** @throws RangeError for a name that is not among the federates of this process. */
  federate(name: string): Federate {
    const found = this.#members.find(({ native }) => native.name === name);
    if (found === undefined) throw new RangeError(`no federate ${name} in this process`);
    return found.federate;
  }

  /** Which of these federates, of other processes, no longer answer for themselves. Takes seconds where one does not. */
  async silent(names: readonly string[]): Promise<string[]> {
    const native = this.#members[0]?.native;
    if (native === undefined || this.#closed) return [];
    const generation = this.#generation;
    const answers = await Promise.all(names.map((name) => native.answers(name)));
    // Nobody answers while all go over to the next broker.
    const isOver = this.#closed || this.#renewing !== undefined || this.#generation !== generation;
    return isOver ? [] : names.filter((_, i) => answers[i] === false);
  }

  get federates(): readonly Federate[] {
    return this.#members.map(({ federate }) => federate);
  }

  /** Whether each federate here has asked for a time and got none yet: all wait for others, or for HELICS. */
  get isWaiting(): boolean {
    return this.#members.every(({ time }) => time.isAsking);
  }

  /** Instants since the federation began, or began anew. */
  get instants(): number {
    return this.#instants;
  }

  /**
   * All federates of ours go over to the broker at `port` of the same host, a millisecond of market time from now
   * (renewal.ts). Nobody here needs to know: who waits, waits on.
   */
  async renew(port: number): Promise<void> {
    const [first] = this.#members;
    if (first === undefined || this.#closed) return;
    const { time, bus } = first;
    // It holds time back, so that all others hear of it before that time.
    const told = time.work('renewal of the federation');
    try {
      await time.send(() => bus.announceRenewal(time.now() + 1, port));
    } finally {
      told();
    }
  }

  #halt(time: FederateTime, at_ms: number, port: number): void {
    const halted = time.haltAt(at_ms);
    halted.catch(() => {}); // refused where the federation is left before
    this.#halts.push(halted);
    if (this.#halts.length < this.#members.length) return;
    // All are told at one instant; who holds time back there, at the end of a run for example, holds this back as well.
    Promise.all(this.#halts.splice(0))
      .then(() => {
        this.#renewing = this.#goOver(at_ms, port);
        return this.#renewing;
      })
      .catch((cause: unknown) => {
        const message = `the HELICS federation could not be renewed at port ${port}: ${messageOf(cause)}`;
        this.#lost(new FieldbidError('HELICS_LOST', message, { cause }));
      })
      .finally(() => {
        this.#renewing = undefined;
      });
  }

  async #goOver(at_ms: number, port: number): Promise<void> {
    if (this.#closed) return;
    await Promise.all(this.#members.map(({ native }) => native.leave()));
    const host = this.#options.broker.slice(0, this.#options.broker.lastIndexOf(':'));
    const natives = await enterAll(this.#options, `${host}:${port}`, ++this.#generation);
    if (this.#closed) {
      // Broken off meanwhile.
      await Promise.all(natives.map((native) => native.leave()));
      return;
    }
    this.#latest_ns = 0;
    this.#instants = 0;
    for (const [i, native] of natives.entries()) {
      const member = this.#members[i]!;
      member.native = native;
      member.time.resume(native, new Instants(at_ms));
    }
  }

  /** Grants of one time to several federates are one instant. */
  #count(granted_ns: number): void {
    if (granted_ns <= this.#latest_ns) return;
    this.#latest_ns = granted_ns;
    this.#options.onInstant?.(++this.#instants);
  }

  /** Leaves in order: says good-bye, and disconnects. Everybody else goes on. */
  async close(): Promise<void> {
    await this.#renewing?.catch(() => {});
    if (this.#closed) return;
    this.#closed = true;
    const error = new FieldbidError('TIME_CLOSED', 'the federate has left the federation');
    await Promise.allSettled(this.#members.map(({ bus }) => bus.leave()));
    await Promise.all(
      this.#members.map(async ({ native, time, bus }) => {
        await time.end(error);
        bus.end(error);
        await native.leave();
      }),
    );
    this.#giveThreadsBack();
  }

  /** Ends the federation for everybody: calls that wait return. */
  breakOff(error: FieldbidError): void {
    if (this.#brokenOff) return;
    this.#brokenOff = true;
    this.#closed = true;
    for (const { time, bus } of this.#members) {
      void time.end(error);
      bus.end(error);
    }
    this.#members[0]?.native.breakOff(error);
    this.#giveThreadsBack();
  }

  #giveThreadsBack(): void {
    threadsInUse -= this.#threads;
    this.#threads = 0;
  }

  #lost(error: FieldbidError): void {
    if (this.#closed) return;
    this.breakOff(error);
    this.#options.onLost?.(error);
  }
}

/** Joins with all federates of this process, and enters with them. */
async function enterAll(
  { library, federates }: FederationOptions,
  broker: string,
  generation: number,
): Promise<NativeFederate[]> {
  const api = HelicsApi.open(library);
  const coreName = `fieldbid-${process.pid}-${federates[0]?.name ?? ''}-${generation}`;
  const core = { coreName, coreFederates: federates.length, broker };
  const natives: NativeFederate[] = [];
  for (const { name, publications = {}, inputs = [] } of federates) {
    natives.push(await NativeFederate.create(api, { ...core, name, publications, inputs }));
  }
  await Promise.all(natives.map((native) => native.enter()));
  return natives;
}

/** Each federate's wait for time holds a thread; without one left for others the process would stand still. */
function takeThreads(count: number): void {
  const pool = Number(process.env.UV_THREADPOOL_SIZE ?? DEFAULT_POOL);
  if (threadsInUse + count + (pool > DEFAULT_POOL ? OTHER_THREADS : 1) > pool) {
    throw new FieldbidError(
      'HELICS_THREADS',
      `${count} federates in one process need UV_THREADPOOL_SIZE=${threadsInUse + count + OTHER_THREADS} or more in its ` +
        `environment from the start; it is ${pool} (fieldbid run --clock helics sets it)`,
    );
  }
  threadsInUse += count;
}
