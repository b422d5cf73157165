/** What goes through the uplink's queue: measurements and verdicts, each stream (kind and DER) numbered. */

export type RecordKind = 'measurement' | 'verdict';

/** A message on its way to the queue. */
export interface NewRecord {
  readonly kind: RecordKind;
  readonly derId: string;
  /** When it was measured or decided, market epoch ms. */
  readonly at_ms: number;
  readonly topic: string;
  readonly message: Readonly<Record<string, unknown>>;
}

/** The last record of a stream, which the next one follows. */
export interface StreamHead {
  readonly sequence: number;
  /** SHA-256 of the last signed record; null while none was. */
  readonly hash: string | null;
}

/** Numbers a record after the head of its stream, and whatever else ties it to the one before. */
export type Stamp = (
  record: NewRecord,
  head: StreamHead,
) => Promise<{ readonly message: Readonly<Record<string, unknown>>; readonly hash: string | null }>;

/** The number alone. */
export const numbered: Stamp = async (record, head) => ({
  message: { ...record.message, sequence: head.sequence + 1 },
  hash: head.hash,
});

export interface QueuedRecord {
  /** Ascending in the order of arrival. */
  readonly id: number;
  readonly kind: RecordKind;
  readonly at_ms: number;
  readonly topic: string;
  /** As it is sent, JSON. */
  readonly message: string;
}

/** What had to be given up, of one kind. */
export interface Loss {
  readonly kind: RecordKind;
  readonly count: number;
  /** When the first and the last of them were measured or decided, market epoch ms. */
  readonly from_ms: number;
  readonly until_ms: number;
}

export interface SealedLoss extends Loss {
  /** Never used twice: by it the receiver knows a loss that it has heard of. */
  readonly sequence: number;
}

/** Several losses as one per kind. */
export function mergedLosses(losses: readonly Loss[]): Loss[] {
  const byKind = new Map<RecordKind, Loss>();
  for (const loss of losses) {
    const { count, from_ms, until_ms } = byKind.get(loss.kind) ?? { ...loss, count: 0 };
    byKind.set(loss.kind, {
      kind: loss.kind,
      count: count + loss.count,
      from_ms: Math.min(from_ms, loss.from_ms),
      until_ms: Math.max(until_ms, loss.until_ms),
    });
  }
  return [...byKind.values()];
}
