/** What the ISO clears, as Prometheus metrics: read off the clearings that it publishes. */
import type { Bus, Subscription } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { Clearing, productOf } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import { Counter, Gauge, Registry } from 'prom-client';

const USD = 1e6;

export class IsoMetrics {
  readonly #registry = new Registry();
  readonly #clearings: Counter<'product' | 'outcome'>;
  readonly #price: Gauge<'product'>;
  readonly #cleared: Gauge<'product'>;

  constructor() {
    const registers = [this.#registry];
    this.#clearings = new Counter({
      name: 'fieldbid_iso_clearings_total',
      help: 'Clearings, by product and by which case found the price',
      labelNames: ['product', 'outcome'],
      registers,
    });
    this.#price = new Gauge({
      name: 'fieldbid_iso_price_usd_per_mwh',
      help: 'Price of the latest clearing',
      labelNames: ['product'],
      registers,
    });
    this.#cleared = new Gauge({
      name: 'fieldbid_iso_cleared_watts',
      help: 'Power cleared in the latest clearing, all parties',
      labelNames: ['product'],
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
  follow(bus: Bus): Promise<Subscription> {
    return bus.subscribe(topics.clearings, ({ topic, message }) =>
      this.take(parse(Clearing, message, topic)),
    );
  }

  take({ intervalId, outcome, price_uUSD_per_MWh, cleared_W }: Clearing): void {
    const product = productOf(intervalId);
    this.#clearings.inc({ product, outcome });
    this.#price.set({ product }, price_uUSD_per_MWh / USD);
    this.#cleared.set({ product }, cleared_W);
  }
}
