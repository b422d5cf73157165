/** Raw records in SQLite. Every change is one SQLite transaction. */
import type { SqliteDatabase } from '@fieldbid/core/sqlite/database';
import type { PendingTransaction, RawRow, RawStore, RevisionKey } from '../raw-store.ts';

const COLUMNS =
  'r.uid, r.revision, r.tx_id AS txId, r.der_id AS derId, r.dera_id AS deraId, r.interval_id AS intervalId, r.salt, r.record';

export class SqliteRawStore implements RawStore {
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
           value ->> 'deraId', value ->> 'intervalId', value ->> 'salt', value ->> 'record'
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
}
