/**
 * What is given up when the uplink's store is full. Both policies keep verdicts as long as there is a measurement
 * to give up instead: a verdict is a proof, and rare.
 */
import type { SqliteDatabase } from '@fieldbid/core/sqlite/database';
import type { DropPolicy } from './config.ts';
import type { Loss, QueuedRecord, RecordKind } from './record.ts';

type Sized = QueuedRecord & { readonly bytes: number };

export interface Room {
  /** Bytes of the records after this, those of the new ones included. */
  readonly bytes: number;
  /** New records that find no room. They are not in `lost`: they may still be sent at once. */
  readonly refused: ReadonlySet<number>;
  readonly lost: readonly Loss[];
}

/**
 * Makes room for new records, in their order, within a transaction of the caller's.
 * @param kept bytes in the store before.
 * @param busy records on their way: not touched.
 */
export async function makeRoom(
  db: SqliteDatabase,
  incoming: readonly Sized[],
  kept: number,
  { maxBytes, drop }: { readonly maxBytes: number; readonly drop: DropPolicy },
  busy: ReadonlySet<number>,
): Promise<Room> {
  const refused = new Set<number>();
  const lost: Loss[] = [];
  let bytes = kept;
  for (const row of incoming) {
    const orders: Victims[] =
      drop === 'oldest'
        ? [{ kind: 'measurement', order: 'ASC' }, ...(row.kind === 'verdict' ? [OLDEST_VERDICT] : [])]
        : row.kind === 'verdict'
          ? [{ kind: 'measurement', order: 'DESC' }]
          : [];
    const freed = await giveUp(db, orders, bytes + row.bytes - maxBytes, busy);
    bytes -= freed.bytes;
    lost.push(...freed.lost);
    if (bytes + row.bytes > maxBytes) refused.add(row.id);
    else bytes += row.bytes;
  }
  return { bytes, refused, lost };
}

interface Victims {
  readonly kind: RecordKind;
  readonly order: 'ASC' | 'DESC';
}

const OLDEST_VERDICT: Victims = { kind: 'verdict', order: 'ASC' };

/** Deletes just enough to free so many bytes, in the order of `orders`; nothing when it would not be enough. */
async function giveUp(
  db: SqliteDatabase,
  orders: readonly Victims[],
  needed: number,
  busy: ReadonlySet<number>,
): Promise<{ bytes: number; lost: Loss[] }> {
  if (needed <= 0) return { bytes: 0, lost: [] };
  const victims: { id: number; kind: RecordKind; at_ms: number; bytes: number }[] = [];
  let bytes = 0;
  for (const { kind, order } of orders) {
    if (bytes >= needed) break;
    const rows = await db.all<(typeof victims)[number]>(
      `SELECT id, kind, at_ms, bytes FROM (
         SELECT id, kind, at_ms, bytes, SUM(bytes) OVER (ORDER BY id ${order}) - bytes AS before
         FROM (SELECT * FROM records WHERE kind = ? AND id NOT IN (SELECT value FROM json_each(?))
               ORDER BY id ${order} LIMIT ?)
       ) WHERE before < ?`,
      ...[kind, JSON.stringify([...busy]), MOST_VICTIMS, needed - bytes],
    );
    victims.push(...rows);
    bytes += rows.reduce((sum, row) => sum + row.bytes, 0);
  }
  if (bytes < needed) return { bytes: 0, lost: [] };
  const ids = JSON.stringify(victims.map(({ id }) => id));
  await db.run('DELETE FROM records WHERE id IN (SELECT value FROM json_each(?))', ids);
  const lost = victims.map(({ kind, at_ms }) => ({ kind, count: 1, from_ms: at_ms, until_ms: at_ms }));
  return { bytes, lost };
}

/** Records are of similar size: one large one makes room with a few small ones. */
const MOST_VICTIMS = 1000;
