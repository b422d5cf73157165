/** API keys in PostgreSQL: a revocation counts for every gateway on the database, from the next request on. */
import { type ApiKeyEntry, type ApiKeyStore, parseEntry } from '../../auth/api-keys.ts';
import type { PgDatabase } from './database.ts';

export class PgKeyStore implements ApiKeyStore {
  readonly #db: PgDatabase;

  constructor(db: PgDatabase) {
    this.#db = db;
  }

  async all(): Promise<ApiKeyEntry[]> {
    const rows = await this.#db.all<{ entry: string }>('SELECT entry FROM api_keys ORDER BY name');
    return rows.map(({ entry }) => parseEntry(JSON.parse(entry), 'table api_keys'));
  }

  async withHash(sha256: string): Promise<ApiKeyEntry | undefined> {
    const [row] = await this.#db.all<{ entry: string }>(
      'SELECT entry FROM api_keys WHERE sha256 = $1 OR previous_sha256 = $1',
      sha256,
    );
    return row === undefined ? undefined : parseEntry(JSON.parse(row.entry), 'table api_keys');
  }

  async save(entry: ApiKeyEntry): Promise<void> {
    const { name, sha256, previous } = entry;
    await this.#db.run(
      `INSERT INTO api_keys VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO UPDATE
       SET sha256 = excluded.sha256, previous_sha256 = excluded.previous_sha256, entry = excluded.entry`,
      ...[name, sha256, previous?.sha256 ?? null, JSON.stringify(entry)],
    );
  }
}
