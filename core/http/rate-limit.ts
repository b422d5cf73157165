/** Requests per key: a bucket of tokens that refills with real time, so that one client cannot starve the others. */

export interface RateLimitOptions {
  /** Tokens per second. */
  readonly perSecond: number;
  /** Tokens of a full bucket. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  at_ms: number;
}

/** Names remembered; those that have been full the longest are forgotten. */
const MOST_NAMES = 10_000;

export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #clock_ms: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: RateLimitOptions, clock_ms: () => number = () => performance.now()) {
    this.#options = options;
    this.#clock_ms = clock_ms;
  }

  /** Takes a token. @returns 0 when there was one, else the seconds after which there will be. */
  take(name: string): number {
    const { perSecond, burst } = this.#options;
    const now_ms = this.#clock_ms();
    const bucket = this.#buckets.get(name) ?? { tokens: burst, at_ms: now_ms };
    const tokens = Math.min(burst, bucket.tokens + ((now_ms - bucket.at_ms) / 1000) * perSecond);
    const taken = tokens >= 1;
    this.#buckets.delete(name);
    this.#buckets.set(name, { tokens: taken ? tokens - 1 : tokens, at_ms: now_ms });
    if (this.#buckets.size > MOST_NAMES) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return taken ? 0 : (1 - tokens) / perSecond;
  }
}
