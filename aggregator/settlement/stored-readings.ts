/**
 * Step 13 · Meters of an interval that this aggregator did not hear: the signed readings that it, or the instance before it,
 * has kept at the BC-GW (M25).
 */
import type { ReadingPage, ReadingQuery } from '@fieldbid/core/gateway-api/schemas';
import { type Interval, MINUTE_MS } from '@fieldbid/core/interval';
import type { Meters } from './meters.ts';

export interface ReadingStore {
  readings(query: ReadingQuery): Promise<ReadingPage>;
}

/** Readings before and after the interval that its ends can be told from. */
const AROUND_MS = 5 * MINUTE_MS;

/** @throws what the gateway throws. */
export async function takeStored(
  store: ReadingStore,
  derIds: readonly string[],
  { start_ms, end_ms }: Interval,
  meters: Pick<Meters, 'take'>,
): Promise<void> {
  const span = { from_ms: String(start_ms - AROUND_MS), to_ms: String(end_ms + AROUND_MS) };
  for (const derId of derIds) {
    let after: string | null = null;
    do {
      const query: ReadingQuery = { derId, ...span, ...(after === null ? {} : { after }) };
      const { readings, next } = await store.readings(query);
      for (const reading of readings) meters.take(reading);
      after = next;
    } while (after !== null);
  }
}
