/** Requests per address: a bucket that refills with real time, so that one reader cannot keep the BC-GW busy for all. */

interface Bucket {
  tokens: number;
  at_ms: number;
}

const MOST_ADDRESSES = 1000;

/** @returns whether the address may go on. */
export function rateLimit(
  perSecond: number,
  burst: number,
  now: () => number = () => performance.now(),
): (address: string) => boolean {
  const buckets = new Map<string, Bucket>();
  return (address) => {
    const now_ms = now();
    const before = buckets.get(address) ?? { tokens: burst, at_ms: now_ms };
    const tokens = Math.min(burst, before.tokens + ((now_ms - before.at_ms) / 1000) * perSecond);
    buckets.delete(address);
    buckets.set(address, { tokens: Math.max(0, tokens - 1), at_ms: now_ms });
    if (buckets.size > MOST_ADDRESSES) {
      const [oldest] = buckets.keys();
      if (oldest !== undefined) buckets.delete(oldest);
    }
    return tokens >= 1;
  };
}
