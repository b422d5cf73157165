/**
 * The uplink's store: what was measured and decided, in SQLite, until a broker has taken it. An append is answered
 * when it is on the disk; appends that come while one commit runs share the next. Full: something is given up by
 * the declared policy, and counted in the same transaction.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { SqliteDatabase } from '@fieldbid/core/sqlite/database';
import type { DropPolicy } from './config.ts';
import {
  type Loss,
  mergedLosses,
  type NewRecord,
  numbered,
  type QueuedRecord,
  type RecordKind,
  type SealedLoss,
  type Stamp,
  type StreamHead,
} from './record.ts';
import { makeRoom } from './room.ts';

const MIGRATIONS = [
  [
    `CREATE TABLE records (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, at_ms INTEGER NOT NULL,
      topic TEXT NOT NULL, message TEXT NOT NULL, bytes INTEGER NOT NULL)`,
    'CREATE INDEX records_by_kind ON records (kind, id)',
    `CREATE TABLE heads (kind TEXT NOT NULL, der_id TEXT NOT NULL, sequence INTEGER NOT NULL, hash TEXT,
      PRIMARY KEY (kind, der_id)) WITHOUT ROWID`,
    `CREATE TABLE losses (sequence INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, count INTEGER NOT NULL,
      from_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, sealed INTEGER NOT NULL)`,
    'CREATE UNIQUE INDEX open_loss ON losses (kind) WHERE sealed = 0',
  ],
];

/** What a row costs beside its texts: its id, times, index entry, and its share of half-filled pages. */
const ROW_BYTES = 100;
const PAGE_BYTES = 4096;
const NO_HEAD: StreamHead = { sequence: 0, hash: null };

export interface RecordQueueOptions {
  readonly file: string;
  readonly maxBytes: number;
  readonly drop: DropPolicy;
  readonly stamp?: Stamp;
  /** Told what was given up, once that is committed. */
  readonly onLoss?: (losses: readonly Loss[]) => void;
  /** Largest database file, bytes, refused by SQLite itself; by default what `maxBytes` can come to. */
  readonly ceilingBytes?: number;
}

export interface Appended {
  readonly record: QueuedRecord;
  /** False: given up at once by the policy `newest`; if it is not sent now it is lost. */
  readonly stored: boolean;
}

interface Waiting {
  readonly records: readonly NewRecord[];
  readonly resolve: (appended: Appended[]) => void;
  readonly reject: (error: unknown) => void;
}

export class RecordQueue {
  readonly #db: SqliteDatabase;
  readonly #options: RecordQueueOptions;
  readonly #heads = new Map<string, StreamHead>();
  readonly #waiting: Waiting[] = [];
  /** Delivered, still in the file: the next commit deletes them. */
  #delivered: number[] = [];
  #lost: Loss[] = [];
  /** On their way to the broker: neither replayed nor given up meanwhile. */
  readonly #busy = new Set<number>();
  #bytes = 0;
  #lastId = 0;
  #writing = false;

  private constructor(db: SqliteDatabase, options: RecordQueueOptions) {
    this.#db = db;
    this.#options = options;
  }

  /** @throws FieldbidError `STORE_FAILED`, `STORE_IN_USE`, `STORE_TOO_NEW`. */
  static async open(options: RecordQueueOptions): Promise<RecordQueue> {
    const { file, maxBytes, ceilingBytes = maxBytes * 2 + 256 * PAGE_BYTES } = options;
    mkdirSync(dirname(file), { recursive: true });
    // `power`: a number that was sent must not be given out again after a power cut.
    const db = await SqliteDatabase.open(file, MIGRATIONS, { durability: 'power' });
    try {
      await db.run(`PRAGMA max_page_count = ${Math.ceil(ceilingBytes / PAGE_BYTES)}`);
      const queue = new RecordQueue(db, options);
      await queue.#load();
      return queue;
    } catch (error) {
      await db.close();
      throw error;
    }
  }

  /** Bytes of the records that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Resolves when the record is committed. It counts as being on its way: say `delivered` or `release` next.
   * @throws FieldbidError `STORE_FAILED`: nothing was kept, and no number given out.
   */
  async append(record: NewRecord): Promise<Appended> {
    const [appended] = await this.#enqueue([record]);
    if (appended === undefined) throw new TypeError('one record in, one out');
    return appended;
  }

  /** The broker has it. Deleted by the next commit: until then a crash sends it a second time. */
  delivered(...ids: number[]): void {
    this.#delivered.push(...ids);
    this.release(...ids);
  }

  /** It could not be sent, and stays. */
  release(...ids: number[]): void {
    for (const id of ids) this.#busy.delete(id);
  }

  /** Counted with what the policy gives up; part of the next commit. */
  countLost(kind: RecordKind, at_ms: number): void {
    this.#lost.push({ kind, count: 1, from_ms: at_ms, until_ms: at_ms });
  }

  /** Commits deletions and counts. @throws FieldbidError `STORE_FAILED`; they stay for the next commit. */
  async commit(): Promise<void> {
    if (this.#delivered.length > 0 || this.#lost.length > 0) await this.#enqueue([]);
  }

  /** The oldest records that nobody is sending; from now on this caller is. */
  async claim(limit: number): Promise<QueuedRecord[]> {
    const rows = await this.#db.all<QueuedRecord>(
      `SELECT id, kind, at_ms, topic, message FROM records
       WHERE id NOT IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT ?`,
      JSON.stringify([...this.#busy, ...this.#delivered]),
      limit,
    );
    // Appended or delivered while this was read: their sender has them.
    const claimed = rows.filter(({ id }) => !this.#busy.has(id) && !this.#delivered.includes(id));
    for (const { id } of claimed) this.#busy.add(id);
    return claimed;
  }

  /** All that was lost and not yet reported, each kind under a number of its own that does not change again. */
  losses(): Promise<SealedLoss[]> {
    return this.#db.transaction(async () => {
      await this.#db.run('UPDATE losses SET sealed = 1');
      return this.#db.all<SealedLoss>(
        'SELECT sequence, kind, count, from_ms, until_ms FROM losses ORDER BY sequence',
      );
    });
  }

  async lossReported({ sequence }: SealedLoss): Promise<void> {
    const gone = (): Promise<number> => this.#db.run('DELETE FROM losses WHERE sequence = ?', sequence);
    await this.#db.transaction(gone);
  }

  async close(): Promise<void> {
    try {
      await this.commit();
    } finally {
      await this.#db.close();
    }
  }

  async #load(): Promise<void> {
    const sums = await this.#db.get<{ bytes: number; lastId: number }>(
      'SELECT COALESCE(SUM(bytes), 0) AS bytes, COALESCE(MAX(id), 0) AS lastId FROM records',
    );
    this.#bytes = sums?.bytes ?? 0;
    this.#lastId = sums?.lastId ?? 0;
    const heads = await this.#db.all<StreamHead & { kind: string; der_id: string }>('SELECT * FROM heads');
    for (const { kind, der_id, sequence, hash } of heads)
      this.#heads.set(`${kind} ${der_id}`, { sequence, hash });
  }

  #enqueue(records: readonly NewRecord[]): Promise<Appended[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, resolve, reject });
      if (!this.#writing) void this.#writeAll();
    });
  }

  /** One commit after the other, each with everything that has come meanwhile. */
  async #writeAll(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      try {
        const appended = await this.#write(batch.flatMap(({ records }) => records));
        for (const { records, resolve } of batch) resolve(appended.splice(0, records.length));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = false;
  }

  /** All of it in one transaction; what is known in memory follows when it is committed. */
  async #write(records: readonly NewRecord[]): Promise<Appended[]> {
    const heads = new Map<string, StreamHead>();
    const rows: (QueuedRecord & { bytes: number })[] = [];
    for (const record of records) rows.push(await this.#row(record, this.#lastId + 1 + rows.length, heads));
    const [delivered, lost] = [this.#delivered, this.#lost];
    for (const { id } of rows) this.#busy.add(id);
    try {
      const { bytes, dropped, gone } = await this.#db.transaction(async () => {
        const kept = this.#bytes - (await this.#delete(delivered));
        const room = await makeRoom(this.#db, rows, kept, this.#options, this.#busy);
        await this.#insert(rows.filter(({ id }) => !room.refused.has(id)));
        await this.#saveHeads(heads);
        await this.#saveLosses([...lost, ...room.lost]);
        return { bytes: room.bytes, dropped: room.refused, gone: [...lost, ...room.lost] };
      });
      this.#bytes = bytes;
      this.#lastId += rows.length;
      for (const [stream, head] of heads) this.#heads.set(stream, head);
      this.#delivered = this.#delivered.slice(delivered.length);
      this.#lost = this.#lost.slice(lost.length);
      if (gone.length > 0) this.#options.onLoss?.(mergedLosses(gone));
      return rows.map(({ bytes: _, ...record }) => ({ record, stored: !dropped.has(record.id) }));
    } catch (error) {
      this.release(...rows.map(({ id }) => id));
      throw error;
    }
  }

  async #row(
    record: NewRecord,
    id: number,
    heads: Map<string, StreamHead>,
  ): Promise<QueuedRecord & { bytes: number }> {
    const { kind, derId, at_ms, topic } = record;
    const stream = `${kind} ${derId}`;
    const head = heads.get(stream) ?? this.#heads.get(stream) ?? NO_HEAD;
    const stamped = await (this.#options.stamp ?? numbered)(record, head);
    heads.set(stream, { sequence: head.sequence + 1, hash: stamped.hash });
    const message = JSON.stringify(stamped.message);
    const bytes = Buffer.byteLength(message) + Buffer.byteLength(topic) + ROW_BYTES;
    return { id, kind, at_ms, topic, message, bytes };
  }

  /** @returns the bytes that this frees. */
  async #delete(ids: readonly number[]): Promise<number> {
    if (ids.length === 0) return 0;
    const freed = await this.#db.all<{ bytes: number }>(
      'DELETE FROM records WHERE id IN (SELECT value FROM json_each(?)) RETURNING bytes',
      JSON.stringify(ids),
    );
    return freed.reduce((sum, row) => sum + row.bytes, 0);
  }

  async #insert(rows: readonly (QueuedRecord & { bytes: number })[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#db.run(
      `INSERT INTO records SELECT value ->> 'id', value ->> 'kind', value ->> 'at_ms', value ->> 'topic',
         value ->> 'message', value ->> 'bytes' FROM json_each(?)`,
      JSON.stringify(rows),
    );
  }

  async #saveHeads(heads: ReadonlyMap<string, StreamHead>): Promise<void> {
    if (heads.size === 0) return;
    const rows = [...heads].map(([stream, head]) => [...stream.split(' '), head.sequence, head.hash]);
    await this.#db.run(
      `INSERT OR REPLACE INTO heads SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)`,
      JSON.stringify(rows),
    );
  }

  async #saveLosses(losses: readonly Loss[]): Promise<void> {
    for (const { kind, count, from_ms, until_ms } of mergedLosses(losses)) {
      await this.#db.run(
        `INSERT INTO losses (kind, count, from_ms, until_ms, sealed) VALUES (?, ?, ?, ?, 0)
         ON CONFLICT (kind) WHERE sealed = 0 DO UPDATE SET count = count + excluded.count,
           from_ms = MIN(from_ms, excluded.from_ms), until_ms = MAX(until_ms, excluded.until_ms)`,
        ...[kind, count, from_ms, until_ms],
      );
    }
  }
}
