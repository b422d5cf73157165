/** The brokers of a run, one after the other (federation/renewal.ts says why). */
import { setTimeout as delay } from 'node:timers/promises';
import { type BrokerOptions, HelicsBroker } from './helics-broker.ts';

/** A broker that all have left, real ms. */
const ENDS_MS = 10_000;

export class BrokersInTurn {
  readonly #options: BrokerOptions;
  readonly #started: Promise<HelicsBroker>[] = [];

  /** @param options.port and the one above it are used in turn; free ones by default. */
  constructor(options: BrokerOptions) {
    this.#options = options;
  }

  /** The first, or the next. @throws FieldbidError `HELICS_BROKER`. */
  start(): Promise<HelicsBroker> {
    const { port, ...options } = this.#options;
    const next = port === undefined ? undefined : port + (this.#started.length % 2);
    const started = this.#atLast(next === undefined ? options : { ...options, port: next });
    started.catch(() => {}); // said to whoever has asked
    this.#started.push(started);
    return started;
  }

  /** Ends all of them, also one that is just being started. */
  async stop(): Promise<void> {
    await Promise.allSettled(this.#started.map(async (started) => (await started).stop(0)));
  }

  async #atLast(options: BrokerOptions): Promise<HelicsBroker> {
    // The one that had this port before has been left; it takes a moment to end.
    const before = this.#started.at(-2);
    if (options.port !== undefined && before !== undefined) {
      await Promise.race([(await before).ended, delay(ENDS_MS, undefined, { ref: false })]);
    }
    return HelicsBroker.start(options);
  }
}
