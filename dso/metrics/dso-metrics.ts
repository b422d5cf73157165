/** What the DSO decides and what it costs, as Prometheus metrics. Labels are fixed words. */
import type { Certificate } from '@fieldbid/core/gateway-api/schemas';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

const DECISION_BUCKETS_S = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60];
const PPM = 1e6;

export class DsoMetrics {
  readonly #registry = new Registry();
  readonly #decisions: Counter<'step' | 'outcome'>;
  readonly #duration: Histogram<'step'>;
  readonly #solves: Counter;
  readonly #alpha: Gauge;

  constructor() {
    const registers = [this.#registry];
    this.#decisions = new Counter({
      name: 'fieldbid_dso_decisions_total',
      help: 'Decisions on bids, and confirmations of dispatch, by outcome',
      labelNames: ['step', 'outcome'],
      registers,
    });
    this.#duration = new Histogram({
      name: 'fieldbid_dso_decision_duration_seconds',
      help: 'Real duration from the last bid or award to the decision on the ledger',
      labelNames: ['step'],
      buckets: DECISION_BUCKETS_S,
      registers,
    });
    this.#solves = new Counter({
      name: 'fieldbid_dso_power_flows_total',
      help: 'Power flows solved by the engine of record for decisions',
      registers,
    });
    this.#alpha = new Gauge({
      name: 'fieldbid_dso_approved_share',
      help: 'Common factor of the latest decision on bids, 0 to 1',
      registers,
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** @param duration_ms real time. */
  take(
    step: 'decision' | 'dispatch',
    { outcome, solves, alpha_ppm }: Certificate,
    duration_ms: number,
  ): void {
    this.#decisions.inc({ step, outcome });
    this.#duration.observe({ step }, duration_ms / 1000);
    this.#solves.inc(solves);
    if (step === 'decision') this.#alpha.set(alpha_ppm / PPM);
  }
}
