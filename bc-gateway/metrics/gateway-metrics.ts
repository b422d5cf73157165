/**
 * M8, M31 · What the BC-GW counts, as Prometheus metrics: requests, ledger calls, what is pending between the two
 * stores. Labels are bounded: routes of the API, transactions of the contract, fixed words.
 * @see https://prometheus.io/docs/practices/naming/
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { PendingTransaction } from '../store/raw-store.ts';

const BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export type LedgerCall = 'endorse' | 'commit' | 'evaluate';

export class GatewayMetrics {
  readonly #registry = new Registry();
  readonly #requests: Histogram<'method' | 'route' | 'status'>;
  readonly #ledger: Histogram<'call' | 'transaction' | 'outcome'>;
  readonly #streams: Gauge;
  readonly #faults: Counter<'code'>;

  constructor() {
    const registers = [this.#registry];
    this.#requests = new Histogram({
      name: 'fieldbid_http_request_duration_seconds',
      help: 'Requests by route and status, from their first byte to the last of the answer',
      labelNames: ['method', 'route', 'status'],
      buckets: BUCKETS_S,
      registers,
    });
    this.#ledger = new Histogram({
      name: 'fieldbid_ledger_call_duration_seconds',
      help: 'Calls of the ledger by outcome: ok, refused by the contract, or failed',
      labelNames: ['call', 'transaction', 'outcome'],
      buckets: BUCKETS_S,
      registers,
    });
    this.#streams = new Gauge({
      name: 'fieldbid_event_streams',
      help: 'Event streams that are open',
      registers,
    });
    this.#faults = new Counter({
      name: 'fieldbid_ledger_faults_total',
      help: 'Ledger calls that failed, by code',
      labelNames: ['code'],
      registers,
    });
    new Gauge({
      name: 'process_start_time_seconds',
      help: 'When this process started, seconds since the epoch',
      registers,
    }).set(Math.round(Date.now() / 1000 - process.uptime()));
    new Gauge({
      name: 'process_resident_memory_bytes',
      help: 'Resident memory of this process',
      registers,
      collect() {
        this.set(process.memoryUsage.rss());
      },
    });
  }

  request(method: string, route: string, status: number, duration_ms: number): void {
    this.#requests.observe({ method, route, status }, duration_ms / 1000);
  }

  ledgerCall(
    call: LedgerCall,
    transaction: string,
    outcome: 'ok' | 'refused' | 'failed',
    duration_ms: number,
  ): void {
    this.#ledger.observe({ call, transaction, outcome }, duration_ms / 1000);
  }

  ledgerFault(code: string): void {
    this.#faults.inc({ code });
  }

  /** @param change one more, or one less. */
  streams(change: 1 | -1): void {
    this.#streams.inc(change);
  }

  /** Asked when somebody scrapes. */
  watchPending(pending: () => Promise<readonly PendingTransaction[]>): void {
    const registers = [this.#registry];
    // What is not known is not shown as none.
    const asked = async (of: (open: readonly PendingTransaction[]) => number): Promise<number> =>
      pending().then(of, () => Number.NaN);
    new Gauge({
      name: 'fieldbid_pending_transactions',
      help: 'Transactions whose raw records wait for their outcome on the ledger',
      registers,
      async collect() {
        this.set(await asked((open) => open.length));
      },
    });
    new Gauge({
      name: 'fieldbid_pending_oldest_age_seconds',
      help: 'Age of the oldest transaction whose outcome is not known; 0 when there is none',
      registers,
      async collect() {
        this.set(await asked(([oldest]) => (oldest === undefined ? 0 : ageOf(oldest))));
      },
    });
  }

  /** Text exposition format 0.0.4. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
}

function ageOf({ since_ms }: PendingTransaction): number {
  return Math.max(0, (Date.now() - since_ms) / 1000);
}
