/**
 * What a DERA's rounds come to, as Prometheus metrics: read off the reports that it publishes itself, so that nothing is
 * counted in a round. Labels are fixed words and the steps of a round.
 */
import type { Bus, Subscription } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { IntervalReport } from '@fieldbid/core/market/messages';
import { SettlementReport } from '@fieldbid/core/market/settlement/report';
import { parse } from '@fieldbid/core/schema';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

const STEP_BUCKETS_S = [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];

export class DeraMetrics {
  readonly #registry = new Registry();
  readonly #rounds: Counter<'outcome'>;
  readonly #bids: Counter<'outcome'>;
  readonly #steps: Histogram<'step'>;
  readonly #settlements: Counter;
  readonly #latest: Gauge;

  constructor() {
    const registers = [this.#registry];
    this.#rounds = new Counter({
      name: 'fieldbid_dera_rounds_total',
      help: 'Market rounds, day-ahead hours included, by whether every step was done',
      labelNames: ['outcome'],
      registers,
    });
    for (const outcome of ['completed', 'failed']) this.#rounds.inc({ outcome }, 0);
    this.#bids = new Counter({
      name: 'fieldbid_dera_bids_total',
      help: 'Bids by what became of them; one bid counts under several',
      labelNames: ['outcome'],
      registers,
    });
    this.#steps = new Histogram({
      name: 'fieldbid_dera_step_duration_seconds',
      help: 'Real duration of a step of the round',
      labelNames: ['step'],
      buckets: STEP_BUCKETS_S,
      registers,
    });
    this.#settlements = new Counter({
      name: 'fieldbid_dera_settlements_total',
      help: 'Settlement reports sent, repeated ones included',
      registers,
    });
    this.#latest = new Gauge({
      name: 'fieldbid_dera_latest_round_timestamp_seconds',
      help: 'Real time of the latest round’s report',
      registers,
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Begins to listen. */
  async follow(bus: Bus, deraId: string): Promise<Subscription[]> {
    return [
      await bus.subscribe(topics.intervalReports(deraId), ({ topic, message }) => {
        this.take(parse(IntervalReport, message, topic));
      }),
      await bus.subscribe(topics.settlements(deraId), ({ topic, message }) => {
        parse(SettlementReport, message, topic);
        this.#settlements.inc();
      }),
    ];
  }

  take({ completed, bids, timings_ms }: IntervalReport): void {
    this.#rounds.inc({ outcome: completed ? 'completed' : 'failed' });
    for (const [outcome, count] of Object.entries(bids)) this.#bids.inc({ outcome }, count);
    for (const [step, duration_ms] of Object.entries(timings_ms)) {
      this.#steps.observe({ step }, duration_ms / 1000);
    }
    this.#latest.setToCurrentTime();
  }
}
