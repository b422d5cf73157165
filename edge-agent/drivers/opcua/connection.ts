/**
 * Steps 1 and 11 · One session with an OPC UA server, encrypted unless the config says otherwise. It is opened by
 * the first call, and again by the first call after it broke. The library's own reconnecting is switched off: it
 * runs by real time and keeps calls waiting, ours backs off by the agent's clock and says at once what is wrong.
 * Every promise settles by our own deadline.
 */
import { codeOf } from '@fieldbid/core/errors';
import type { ClientSession, OPCUAClient } from 'node-opcua-client';
import { withPatience } from '../modbus/patience.ts';
import type { ResolvedAccess } from './access.ts';
import { clientFor, identityFor } from './client.ts';
import { OpcUaError, typedError } from './errors.ts';
import { type Library, loadLibrary } from './library.ts';
import { openPki, type Pki } from './pki.ts';

export interface ConnectionOptions<T> {
  readonly access: ResolvedAccess;
  /** Real ms for each answer, and for each step of connecting. */
  readonly deadline_ms: number;
  /** The clock by which reconnecting backs off, ms. */
  readonly now: () => number;
  /** What every session begins with: what it returns comes with each call. */
  readonly prepare: (session: ClientSession, opcua: Library) => Promise<T>;
  /** Wait before connecting again after a failure: doubles from `first_ms` up to `max_ms`. */
  readonly backOff?: { readonly first_ms: number; readonly max_ms: number };
}

const DEFAULT_BACK_OFF = { first_ms: 1000, max_ms: 30_000 };
/** Real ms that closing may take when the server does not answer any more. */
const CLOSING_MS = 2000;

/** What a call works with. */
export interface Opened<T> {
  readonly session: ClientSession;
  readonly opcua: Library;
  readonly prepared: T;
  /**
   * Waits for one answer, no longer than the deadline or the connection lasts.
   * @param deadline_ms for an answer that is expected late, if at all: then its absence means nothing.
   * @throws OpcUaError; after `OPCUA_CONNECTION`, and `OPCUA_TIMEOUT` by the common deadline, the connection is
   * given up.
   */
  ask<R>(what: string, answer: Promise<R>, deadline_ms?: number): Promise<R>;
}

interface Link {
  readonly client: OPCUAClient;
  readonly pki: Pki;
  /** Rejects when the connection breaks, so that no call waits for an answer that cannot come. */
  readonly broken: Promise<never>;
  isBroken: boolean;
  /** Ends it for all calls that wait. */
  readonly breakOff: () => void;
}

export class OpcUaConnection<T> {
  readonly name: string;
  /** Sessions opened so far. */
  sessions = 0;
  readonly #options: ConnectionOptions<T>;
  #opening: Promise<Opened<T>> | undefined;
  #link: Link | undefined;
  #failures = 0;
  /** Why the last attempt failed: said again until the next one. */
  #failure: unknown;
  #notBefore_ms = Number.NEGATIVE_INFINITY;
  #closed = false;
  readonly #closing = new Set<Promise<unknown>>();

  constructor(options: ConnectionOptions<T>) {
    this.#options = options;
    this.name = options.access.endpointUrl;
  }

  /**
   * Opens a session where there is none, for one exchange: each answer in it is waited for by `ask`.
   * @throws OpcUaError; InputError when the mapping does not fit the server; FieldbidError `OPCUA_PKI`.
   */
  async run<R>(exchange: (opened: Opened<T>) => Promise<R>): Promise<R> {
    const reused = this.#link?.isBroken === false;
    try {
      return await this.#attempt(exchange);
    } catch (error) {
      // A server that was started again has forgotten our session; that says nothing about the device. All our
      // requests can be repeated: reading changes nothing, and a limit written twice is the same limit.
      if (!reused || this.#closed || codeOf(error) !== 'OPCUA_CONNECTION') throw error;
      return this.#attempt(exchange);
    }
  }

  /** Ends the session; calls still waiting fail with `OPCUA_CONNECTION`. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening?.catch(() => {});
    this.#drop();
    await Promise.all(this.#closing);
  }

  async #attempt<R>(exchange: (opened: Opened<T>) => Promise<R>): Promise<R> {
    return exchange(await this.#open());
  }

  #open(): Promise<Opened<T>> {
    if (this.#closed) {
      return Promise.reject(new OpcUaError('OPCUA_CONNECTION', `the connection to ${this.name} is closed`));
    }
    if (this.#opening !== undefined && this.#link?.isBroken !== true) return this.#opening;
    this.#drop();
    const wait_ms = this.#notBefore_ms - this.#options.now();
    const { max_ms } = this.#options.backOff ?? DEFAULT_BACK_OFF;
    // A longer wait than there is means that the clock was set back meanwhile.
    if (wait_ms > 0 && wait_ms <= max_ms && this.#failure !== undefined) {
      return Promise.reject(delayed(this.#failure, Math.ceil(wait_ms / 1000)));
    }
    const opening = this.#connect();
    this.#opening = opening;
    opening.catch(() => {
      if (this.#opening === opening) this.#opening = undefined;
    });
    return opening;
  }

  async #connect(): Promise<Opened<T>> {
    const { access, prepare, deadline_ms } = this.#options;
    const { opcua } = await loadLibrary();
    const pki = await openPki(access.pkiFolder);
    const link = this.#watched(clientFor(opcua, access, pki, deadline_ms), pki);
    this.#link = link;
    try {
      await this.#step('connecting', link.client.connect(access.endpointUrl));
      const session = await this.#step(
        `opening a session (${access.user.kind === 'password' ? access.user.name : access.user.kind})`,
        link.client.createSession(identityFor(opcua, access.user)),
      );
      const prepared = await this.#step('looking up the nodes', prepare(session, opcua));
      if (this.#closed || link.isBroken) throw new OpcUaError('OPCUA_CONNECTION', `${this.name} went away`);
      this.#failures = 0;
      this.sessions++;
      return {
        session,
        opcua,
        prepared,
        ask: (what, answer, own_ms) => this.#ask(link, what, answer, own_ms),
      };
    } catch (error) {
      this.#failure = this.#untrusted(pki) ?? error;
      this.#drop(link);
      this.#backOff();
      throw this.#failure;
    }
  }

  /** The certificate that stopped us, with what to do about it. */
  #untrusted(pki: Pki): OpcUaError | undefined {
    const refused = pki.refused();
    if (refused === undefined) return undefined;
    const { status, file } = refused;
    const todo =
      status === 'BadCertificateUntrusted' && file !== undefined
        ? `it is in ${file}; when it is the device's, trust it: fieldbid edge trust '${file}' --pki '${pki.folder}'`
        : `${file === undefined ? '' : `it is in ${file}; `}the device needs a valid one`;
    const text = `${this.name}: the server's certificate is not accepted (${status}): ${todo}`;
    return new OpcUaError('OPCUA_UNTRUSTED', text, { status });
  }

  #watched(client: OPCUAClient, pki: Pki): Link {
    let reject: (error: OpcUaError) => void = () => {};
    const broken = new Promise<never>((_, no) => {
      reject = no;
    });
    broken.catch(() => {}); // nobody may be listening when the server closes an idle connection
    const breakOff = (): void => {
      link.isBroken = true;
      reject(new OpcUaError('OPCUA_CONNECTION', `${this.name}: the connection is closed`));
    };
    const link: Link = { client, pki, broken, isBroken: false, breakOff };
    client.on('close', breakOff);
    client.on('connection_lost', breakOff);
    return link;
  }

  async #ask<R>(link: Link, what: string, answer: Promise<R>, own_ms?: number): Promise<R> {
    try {
      return await this.#step(what, Promise.race([answer, link.broken]), own_ms);
    } catch (error) {
      const fault = codeOf(error);
      const late = fault === 'OPCUA_TIMEOUT' && own_ms === undefined;
      if (late || fault === 'OPCUA_CONNECTION') this.#drop(link);
      throw error;
    }
  }

  async #step<R>(what: string, promise: Promise<R>, deadline_ms = this.#options.deadline_ms): Promise<R> {
    try {
      return await withPatience(promise, deadline_ms, `${this.name}, ${what}`);
    } catch (error) {
      throw typedError(error, `${this.name}, ${what}`);
    }
  }

  #backOff(): void {
    const { first_ms, max_ms } = this.#options.backOff ?? DEFAULT_BACK_OFF;
    this.#notBefore_ms = this.#options.now() + Math.min(max_ms, first_ms * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
  }

  #drop(link = this.#link): void {
    if (link === undefined) return;
    if (link === this.#link) {
      this.#link = undefined;
      this.#opening = undefined;
    }
    link.breakOff();
    // Not waited for: a server that does not answer would hold up the next attempt.
    const ended = withPatience(end(link), CLOSING_MS, 'closing').catch(() => {});
    this.#closing.add(ended);
    void ended.then(() => this.#closing.delete(ended));
  }
}

function delayed(failure: unknown, wait_s: number): unknown {
  if (!(failure instanceof OpcUaError)) return failure;
  const { fault, status, message, cause } = failure;
  const text = `${message}; next attempt in ${wait_s} s`;
  return new OpcUaError(fault, text, { cause, ...(status === undefined ? {} : { status }) });
}

async function end({ client, pki }: Link): Promise<void> {
  try {
    await client.disconnect();
  } catch {
    // it was gone already: then there is nothing to end
  }
  await pki.close();
}
