/** Raw records in PostgreSQL. Every change is one transaction; several gateways may make the same one. */
import type { PendingTransaction, RawRow, RawStore, RevisionKey } from '../raw-store.ts';
import type { PgDatabase } from './database.ts';

const COLUMNS =
  'r.uid, r.revision, r.tx_id AS "txId", r.der_id AS "derId", r.dera_id AS "deraId", r.interval_id AS "intervalId", r.salt, r.record';

export class PgRawStore implements RawStore {
  readonly #db: PgDatabase;

  constructor(db: PgDatabase) {
    this.#db = db;
  }

  async addPending({ txId, endorsed, since_ms }: PendingTransaction, rows: readonly RawRow[]): Promise<void> {
    await this.#db.transaction(async ({ run }) => {
      const bytes = Buffer.from(endorsed);
      await run('INSERT INTO pending_transactions VALUES ($1, $2, $3)', txId, bytes, since_ms);
      await run(
        `INSERT INTO raw_records
         SELECT uid, revision, "txId", 'pending', "derId", "deraId", "intervalId", salt, record
         FROM json_to_recordset($1) AS r (uid text, revision int, "txId" text, "derId" text, "deraId" text,
           "intervalId" text, salt text, record text)`,
        JSON.stringify(rows),
      );
    });
  }

  async markCommitted(txId: string): Promise<void> {
    await this.#end(
      txId,
      "UPDATE raw_records SET state = 'committed' WHERE tx_id = $1 AND state = 'pending'",
    );
  }

  async discard(txId: string): Promise<void> {
    await this.#end(txId, "DELETE FROM raw_records WHERE tx_id = $1 AND state = 'pending'");
  }

  async #end(txId: string, sql: string): Promise<void> {
    await this.#db.transaction(async ({ run }) => {
      // Everybody takes this row first: two that end the same transaction wait for each other in one order.
      await run('SELECT 1 FROM pending_transactions WHERE tx_id = $1 FOR UPDATE', txId);
      await run(sql, txId);
      await run('DELETE FROM pending_transactions WHERE tx_id = $1', txId);
    });
  }

  pendingTransactions(): Promise<PendingTransaction[]> {
    return this.#db.all<PendingTransaction>(
      'SELECT tx_id AS "txId", endorsed, since_ms FROM pending_transactions ORDER BY since_ms, tx_id',
    );
  }

  find(keys: readonly RevisionKey[]): Promise<RawRow[]> {
    return this.#db.all<RawRow>(
      `SELECT ${COLUMNS} FROM json_to_recordset($1) AS k (uid text, revision int)
       JOIN raw_records AS r ON r.uid = k.uid AND r.revision = k.revision WHERE r.state = 'committed'`,
      JSON.stringify(keys.map(({ uid, revision }) => ({ uid, revision }))),
    );
  }

  page(after: RevisionKey | undefined, limit: number): Promise<RawRow[]> {
    return this.#db.all<RawRow>(
      `SELECT ${COLUMNS} FROM raw_records AS r WHERE r.state = 'committed' AND (r.uid, r.revision) > ($1, $2)
       ORDER BY r.uid, r.revision LIMIT $3`,
      ...[after?.uid ?? '', after?.revision ?? 0, limit],
    );
  }
}
