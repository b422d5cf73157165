/** The HELICS broker of a run: a process of its own, started, watched and ended by its id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import { FieldbidError } from '@fieldbid/core/errors';
import { CORE_TYPE } from '../library/core-type.ts';

export interface BrokerOptions {
  /** The program helics_broker. */
  readonly program: string;
  /** How many federates there will be: none goes on before all have come. */
  readonly federates: number;
  /** Address to listen on; loopback by default. HELICS has no encryption of its own that is used here. */
  readonly host?: string;
  /** A free one by default. */
  readonly port?: number;
}

const LOOPBACK = '127.0.0.1';
/** Without news for two of these the broker asks, and then gives somebody up. */
const HEARTBEAT = '4s';
const START_DEADLINE_MS = 10_000;
const STEP_MS = 20;
const OUTPUT_KEPT_CHARS = 2000;
/** After the last federate has left, the broker ends by itself; if not, it is ended, real ms. */
const LEAVING_MS = 1000;
/** Outside the range that Linux gives out itself to connections. */
const FIRST_PORT = 20_000;
const PORTS = 12_000;
const MOST_TRIES = 100;

export class HelicsBroker {
  /** `host:port`, for federates on this machine. */
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves with how it ended, and what it said last. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;

  /** @throws FieldbidError `HELICS_BROKER` when it does not come up. */
  static async start(options: BrokerOptions): Promise<HelicsBroker> {
    const host = options.host ?? LOOPBACK;
    const port = options.port ?? (await freePort(host));
    // Somebody else who listens there would be taken for the broker.
    if (options.port !== undefined && !(await isFree(host, port))) throw portTaken(host, port);
    const child = spawn(
      options.program,
      [
        ...['-f', `${options.federates}`, '--coretype', CORE_TYPE, '--loglevel', 'error'],
        ...[
          '--port',
          `${port}`,
          `--local_interface=${host}`,
          '--tick',
          HEARTBEAT,
          '--terminate_on_error',
          '--globaltime',
        ],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const reachable = host === '0.0.0.0' ? LOOPBACK : host;
    const broker = new HelicsBroker(child, reachable, port);
    await broker.#listening(reachable, port);
    return broker;
  }

  private constructor(child: ChildProcess, host: string, port: number) {
    this.#child = child;
    this.address = `${host}:${port}`;
    this.port = port;
    this.pid = child.pid ?? 0;
    let said = '';
    const keep = (text: string): void => {
      said = (said + text).slice(-OUTPUT_KEPT_CHARS);
    };
    child.stdout?.setEncoding('utf8').on('data', keep);
    child.stderr?.setEncoding('utf8').on('data', keep);
    const failed = once(child, 'error').then(([error]) => String(error));
    const closed = once(child, 'close').then(([code, signal]) => {
      const last = said.trim().split('\n').at(-1) ?? '';
      return `${signal ?? `code ${code}`}${last === '' ? '' : `: ${last}`}`;
    });
    this.ended = Promise.race([closed, failed]);
  }

  /** Lets it end by itself for a moment, then ends it. */
  async stop(patience_ms = LEAVING_MS): Promise<void> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), patience_ms);
    await this.ended;
    clearTimeout(timer);
  }

  async #listening(host: string, port: number): Promise<void> {
    let end: string | undefined;
    void this.ended.then((how) => {
      end = how;
    });
    for (const began = performance.now(); performance.now() - began < START_DEADLINE_MS; ) {
      if (end !== undefined) throw new FieldbidError('HELICS_BROKER', `helics_broker ended with ${end}`);
      if (await answers(host, port)) return;
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
    this.#child.kill('SIGKILL');
    throw new FieldbidError('HELICS_BROKER', `helics_broker does not come to listen on ${host}:${port}`);
  }
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

const portTaken = (host: string, port: number): FieldbidError =>
  new FieldbidError(
    'HELICS_BROKER',
    `the HELICS broker cannot listen on ${host}:${port}: the port is taken, or the address is none of this machine. ` +
      'Name another with --broker-listen; it and the port above it are used in turn',
  );

/** A port that nobody listens on. */
async function freePort(host: string): Promise<number> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (await isFree(host, port)) return port;
  }
  throw portTaken(host, FIRST_PORT);
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
