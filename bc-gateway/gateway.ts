/**
 * The BC-GW (M6, M7, M23, M24): an HTTP API in front of a ledger and a store of raw records, each API key
 * standing for one ledger identity. At the start, what a crash left between the two is settled.
 */
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { readText } from '@fieldbid/core/config';
import { codeOf, FieldbidError, messageOf } from '@fieldbid/core/errors';
import type { SaltFor } from '@fieldbid/core/gateway-api/checksum';
import type { Health } from '@fieldbid/core/gateway-api/schemas';
import type { Logger } from '@fieldbid/core/logging';
import { parse } from '@fieldbid/core/schema';
import type { FastifyInstance } from 'fastify';
import type { ApiKeyStore } from './auth/api-keys.ts';
import { HttpConfig, requireSafeListener } from './http/config.ts';
import { InFlight } from './http/in-flight.ts';
import { createServer } from './http/server.ts';
import type { Ledger } from './ledger/ledger.ts';
import { GatewayMetrics } from './metrics/gateway-metrics.ts';
import { meteredLedger } from './metrics/metered-ledger.ts';
import { MarketRecords } from './records/market-records.ts';
import { Measurements } from './records/measurements.ts';
import { Reconciler } from './records/reconciler.ts';
import { verifyAll } from './records/verify-all.ts';
import type { Stores } from './store/stores.ts';

export interface BcGatewayOptions {
  /** `HttpConfig`; what is left out has its default. Paths of PEM files are as given. */
  readonly config: unknown;
  readonly ledger: Ledger;
  readonly stores: Stores;
  readonly keys: ApiKeyStore;
  /** Market time, epoch ms. */
  readonly now: () => number;
  /** 128 random bits by default; a scenario run passes `seededSalts(seed)`. */
  readonly saltFor?: SaltFor;
  /** Measurements older than this are forgotten, days of market time; absent: never. */
  readonly keepMeasurements_days?: number | undefined;
  /** What is counted; of its own when absent, seen by nobody. */
  readonly metrics?: GatewayMetrics;
  readonly log: Logger;
}

const SALT_BYTES = 16;

export class BcGateway {
  /** Base URL for clients, without `/v1`. */
  readonly url: string;
  readonly #app: FastifyInstance;
  readonly #closing: AbortController;
  readonly #inFlight: InFlight;
  readonly #reconciler: Reconciler;

  private constructor(
    app: FastifyInstance,
    inFlight: InFlight,
    url: string,
    closing: AbortController,
    reconciler: Reconciler,
  ) {
    this.#app = app;
    this.#inFlight = inFlight;
    this.url = url;
    this.#closing = closing;
    this.#reconciler = reconciler;
  }

  /**
   * Settles what a crash left pending, then listens.
   * @throws InputError for a wrong config; FieldbidError `LISTEN_FAILED`, or the ledger's and the store's own.
   */
  static async start(options: BcGatewayOptions): Promise<BcGateway> {
    const { stores, keys, now, log } = options;
    const metrics = options.metrics ?? new GatewayMetrics();
    const ledger = meteredLedger(options.ledger, metrics);
    const store = stores.records;
    metrics.watchPending(() => store.pendingTransactions());
    const config = parse(HttpConfig, options.config, 'gateway config');
    requireSafeListener(config);
    const saltFor = options.saltFor ?? (() => randomBytes(SALT_BYTES).toString('hex'));
    const records = new MarketRecords({ ledger, store, saltFor, now });
    const reconciler = new Reconciler(records, log);
    await reconciler.atStart();
    const closing = new AbortController();
    const measurements = new Measurements(records, stores.measurements);
    const app = await createServer({
      config,
      tls: pemOf(config),
      ledger,
      keys,
      metrics,
      services: {
        records,
        measurements,
        verifyAll: (identity) => verifyAll({ ledger, store, records, identity }),
      },
      log,
      closing: closing.signal,
      health: () => healthOf(ledger, stores, log),
    });
    const inFlight = new InFlight(app);
    const gateway = new BcGateway(app, inFlight, await listen(app, config), closing, reconciler);
    reconciler.start();
    const { keepMeasurements_days: days } = options;
    if (days !== undefined) void measurements.forget(days, now, closing.signal, log);
    log.info({ url: gateway.url }, 'the BC-GW is listening');
    return gateway;
  }

  /** Answers what was begun, ends the event streams. Ledger and store stay open: they are the caller's. */
  async close(): Promise<void> {
    this.#closing.abort();
    const closed = this.#app.close();
    await this.#inFlight.done();
    // Clients keep sockets open for their next request; there will be none.
    this.#app.server.closeAllConnections();
    await closed;
    await this.#reconciler.stop();
  }
}

async function listen(app: FastifyInstance, { listen, tls }: HttpConfig): Promise<string> {
  try {
    await app.listen(listen);
  } catch (error) {
    await app.close();
    throw new FieldbidError(
      'LISTEN_FAILED',
      `the gateway cannot listen on ${listen.host}:${listen.port}: ${messageOf(error)}`,
      { cause: error, details: { system: codeOf(error) } },
    );
  }
  const { port } = app.server.address() as AddressInfo;
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return `${tls === undefined ? 'http' : 'https'}://${host}:${port}`;
}

function pemOf({ tls }: HttpConfig): { cert: string; key: string; ca?: string } | undefined {
  if (tls === undefined) return undefined;
  const pair = { cert: readText(tls.certFile), key: readText(tls.keyFile) };
  return tls.caFile === undefined ? pair : { ...pair, ca: readText(tls.caFile) };
}

async function healthOf(ledger: Ledger, stores: Stores, log: Logger): Promise<Health> {
  const alive = async (name: string, answer: Promise<unknown>): Promise<'up' | 'down'> => {
    try {
      await answer;
      return 'up';
    } catch (error) {
      log.error({ code: codeOf(error) }, `${name} is down: ${messageOf(error)}`);
      return 'down';
    }
  };
  return { ledger: await alive('ledger', ledger.head()), store: await alive('store', stores.ping()) };
}
