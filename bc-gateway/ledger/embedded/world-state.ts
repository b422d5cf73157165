/** The embedded ledger's tables: blocks as they were committed, and the state that their writes come to. */
import type { SqliteDatabase } from '@fieldbid/core/sqlite/database';
import { rangeDigest, type StoredBlock, type Version } from './block.ts';

export const MIGRATIONS = [
  [
    'CREATE TABLE blocks (number INTEGER PRIMARY KEY, hash TEXT NOT NULL, data TEXT NOT NULL)',
    'CREATE TABLE transactions (tx_id TEXT PRIMARY KEY, block INTEGER NOT NULL) WITHOUT ROWID',
    'CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL, version TEXT NOT NULL) WITHOUT ROWID',
    // A commit is one INSERT here: all of a block or nothing of it, in one round trip.
    'CREATE VIEW commits AS SELECT number, hash, data, NULL AS tx_ids, NULL AS writes FROM blocks',
    `CREATE TRIGGER commit_block INSTEAD OF INSERT ON commits BEGIN
       INSERT INTO blocks VALUES (NEW.number, NEW.hash, NEW.data);
       INSERT INTO transactions SELECT value, NEW.number FROM json_each(NEW.tx_ids);
       INSERT INTO state SELECT value ->> 'key', value ->> 'value', value ->> 'version'
         FROM json_each(NEW.writes) WHERE true
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version;
     END`,
  ],
];

export interface StateEntry {
  readonly key: string;
  readonly value: string;
  readonly version: string;
}

const PAGE_ROWS = 500;
/** Entries kept in memory, about 0.5 kB each: those of an interval of 10,000 DERs, and as many again. */
const CACHE_ENTRIES = 120_000;

export class WorldState {
  readonly #db: SqliteDatabase;
  /** Committed entries read or written lately; null: known to be absent. */
  readonly #cache = new Map<string, StateEntry | null>();

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  async get(key: string): Promise<StateEntry | undefined> {
    let entry = this.#cache.get(key);
    if (entry === undefined) {
      entry = (await this.#db.get<StateEntry>('SELECT * FROM state WHERE key = ?', key)) ?? null;
      this.#remember(key, entry);
    }
    return entry ?? undefined;
  }

  /** Brings the keys that are not in memory there, together. */
  async expect(keys: readonly string[]): Promise<void> {
    const unknown = keys.filter((key) => !this.#cache.has(key));
    // More than a part of the cache would push out what it brought.
    if (unknown.length === 0 || unknown.length > CACHE_ENTRIES / 2) return;
    const rows = await this.#db.all<StateEntry>(
      'SELECT s.* FROM json_each(?) AS k JOIN state AS s ON s.key = k.value',
      JSON.stringify(unknown),
    );
    for (const key of unknown) this.#remember(key, null);
    for (const entry of rows) this.#remember(entry.key, entry);
  }

  /** Keys in `[from, to)`, ascending, read in pages. */
  async *range(from: string, to: string): AsyncGenerator<StateEntry, void> {
    let rows = await this.#db.all<StateEntry>(
      'SELECT * FROM state WHERE key >= ? AND key < ? ORDER BY key LIMIT ?',
      from,
      to,
      PAGE_ROWS,
    );
    for (;;) {
      yield* rows;
      const last = rows.at(-1);
      if (rows.length < PAGE_ROWS || last === undefined) return;
      rows = await this.#db.all<StateEntry>(
        'SELECT * FROM state WHERE key > ? AND key < ? ORDER BY key LIMIT ?',
        last.key,
        to,
        PAGE_ROWS,
      );
    }
  }

  async versionOf(key: string): Promise<Version> {
    return (await this.get(key))?.version ?? null;
  }

  async digestOf(from: string, to: string): Promise<string> {
    const found: [string, Version][] = [];
    for await (const { key, version } of this.range(from, to)) found.push([key, version]);
    return rangeDigest(found);
  }

  /** Adds a block and applies its writes: both or neither. */
  async commit(block: StoredBlock, txIds: readonly string[], writes: readonly StateEntry[]): Promise<void> {
    await this.#db.run(
      'INSERT INTO commits VALUES (?, ?, ?, ?, ?)',
      block.number,
      block.hash,
      block.data,
      JSON.stringify(txIds),
      JSON.stringify(writes),
    );
    for (const entry of writes) this.#remember(entry.key, entry);
  }

  /** Number of the block that holds a transaction. */
  async blockOf(txId: string): Promise<number | undefined> {
    const row = await this.#db.get<{ block: number }>('SELECT block FROM transactions WHERE tx_id = ?', txId);
    return row?.block;
  }

  /** The index of transactions by id: id and block, of all of them. */
  transactionIndex(): Promise<{ tx_id: string; block: number }[]> {
    return this.#db.all('SELECT * FROM transactions');
  }

  lastBlock(): Promise<StoredBlock | undefined> {
    return this.#db.get<StoredBlock>('SELECT * FROM blocks ORDER BY number DESC LIMIT 1');
  }

  blocksFrom(number: number, limit: number): Promise<StoredBlock[]> {
    return this.#db.all<StoredBlock>(
      'SELECT * FROM blocks WHERE number >= ? ORDER BY number LIMIT ?',
      number,
      limit,
    );
  }

  #remember(key: string, entry: StateEntry | null): void {
    this.#cache.delete(key);
    this.#cache.set(key, entry);
    if (this.#cache.size <= CACHE_ENTRIES) return;
    for (const oldest of this.#cache.keys()) {
      this.#cache.delete(oldest);
      return;
    }
  }
}
