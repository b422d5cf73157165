/** Raw records in SQLite. Every change is one SQLite transaction. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { SqliteDatabase, type SqliteOptions } from '@fieldbid/core/sqlite/database';
import type { PendingTransaction, RawRow, RawStore, RevisionKey } from './raw-store.ts';

/** Formats of the file, in order; a new one is added at the end and never changed after a release. */
const MIGRATIONS = [
  [
    `CREATE TABLE raw_records (
    uid TEXT NOT NULL, revision INTEGER NOT NULL, tx_id TEXT NOT NULL, state TEXT NOT NULL,
    der_id TEXT NOT NULL, dera_id TEXT NOT NULL, interval_id TEXT NOT NULL,
    salt TEXT NOT NULL, record TEXT NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (uid, revision, tx_id), CHECK (state IN ('pending', 'committed'))
  ) WITHOUT ROWID`,
    "CREATE UNIQUE INDEX one_committed_record ON raw_records (uid, revision) WHERE state = 'committed'",
    "CREATE INDEX pending_records ON raw_records (tx_id) WHERE state = 'pending'",
  ],
  [
    'CREATE TABLE pending_transactions (tx_id TEXT PRIMARY KEY, endorsed BLOB NOT NULL, since_ms INTEGER NOT NULL) WITHOUT ROWID',
    // Of the format before, which kept no bytes: what is not on the ledger is forgotten.
    "INSERT INTO pending_transactions SELECT DISTINCT tx_id, x'', 0 FROM raw_records WHERE state = 'pending'",
  ],
];

const COLUMNS =
  'r.uid, r.revision, r.tx_id AS txId, r.der_id AS derId, r.dera_id AS deraId, r.interval_id AS intervalId, r.salt, r.record, r.at_ms';

export interface RawStoreOptions {
  /** Made when absent. */
  readonly file: string;
  /** `power` by default: a record survives a power cut. */
  readonly durability?: SqliteOptions['durability'];
}

/** @throws FieldbidError `STORE_IN_USE`, `STORE_FAILED`, `STORE_TOO_NEW`. */
export async function openRawStore(options: RawStoreOptions): Promise<RawStore> {
  mkdirSync(dirname(options.file), { recursive: true, mode: 0o700 });
  const durability = options.durability ?? 'power';
  return new SqliteRawStore(await SqliteDatabase.open(options.file, MIGRATIONS, { durability }));
}

class SqliteRawStore implements RawStore {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  async addPending({ txId, endorsed, since_ms }: PendingTransaction, rows: readonly RawRow[]): Promise<void> {
    await this.#db.transaction(async () => {
      const bytes = Buffer.from(endorsed);
      await this.#db.run('INSERT INTO pending_transactions VALUES (?, ?, ?)', txId, bytes, since_ms);
      await this.#db.run(
        `INSERT INTO raw_records
         SELECT value ->> 'uid', value ->> 'revision', value ->> 'txId', 'pending', value ->> 'derId',
           value ->> 'deraId', value ->> 'intervalId', value ->> 'salt', value ->> 'record', value ->> 'at_ms'
         FROM json_each(?)`,
        JSON.stringify(rows),
      );
    });
  }

  async markCommitted(txId: string): Promise<void> {
    await this.#end(txId, "UPDATE raw_records SET state = 'committed' WHERE tx_id = ? AND state = 'pending'");
  }

  async discard(txId: string): Promise<void> {
    await this.#end(txId, "DELETE FROM raw_records WHERE tx_id = ? AND state = 'pending'");
  }

  async #end(txId: string, sql: string): Promise<void> {
    await this.#db.transaction(async () => {
      await this.#db.run(sql, txId);
      await this.#db.run('DELETE FROM pending_transactions WHERE tx_id = ?', txId);
    });
  }

  pendingTransactions(): Promise<PendingTransaction[]> {
    return this.#db.all<PendingTransaction>(
      'SELECT tx_id AS txId, endorsed, since_ms FROM pending_transactions ORDER BY since_ms, tx_id',
    );
  }

  find(keys: readonly RevisionKey[]): Promise<RawRow[]> {
    return this.#db.all<RawRow>(
      `SELECT ${COLUMNS} FROM json_each(?) AS k JOIN raw_records AS r
       ON r.uid = k.value ->> 'uid' AND r.revision = k.value ->> 'revision' WHERE r.state = 'committed'`,
      JSON.stringify(keys.map(({ uid, revision }) => ({ uid, revision }))),
    );
  }

  page(after: RevisionKey | undefined, limit: number): Promise<RawRow[]> {
    return this.#db.all<RawRow>(
      `SELECT ${COLUMNS} FROM raw_records AS r WHERE r.state = 'committed' AND (r.uid, r.revision) > (?, ?)
       ORDER BY r.uid, r.revision LIMIT ?`,
      after?.uid ?? '',
      after?.revision ?? 0,
      limit,
    );
  }

  async ping(): Promise<void> {
    await this.#db.get('SELECT 1');
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}
