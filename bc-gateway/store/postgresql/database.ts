/**
 * PostgreSQL behind promises: a pool of connections that several gateways share a database through, numbered migrations
 * that one of them makes, errors in our terms. The password never leaves the connection string.
 */
import { codeOf, FieldbidError, InputError, messageOf } from '@fieldbid/core/errors';
import { isLoopback } from '@fieldbid/core/loopback';
import type { Pool, PoolClient } from 'pg';

export type PgValue = string | number | null | Uint8Array;

export interface Queries {
  /** @returns rows changed. */
  run(sql: string, ...values: PgValue[]): Promise<number>;
  all<T>(sql: string, ...values: PgValue[]): Promise<T[]>;
}

const CONNECTIONS = 10;
/** Real ms. */
const CONNECT_MS = 5000;
const STATEMENT_MS = 30_000;
const QUERY_MS = 35_000;
/** Any number, the same in every gateway: who holds it migrates. */
const MIGRATION_LOCK = 7_301_955;
/** int8: our numbers stay below 2^53. */
const INT8 = 20;

export class PgDatabase implements Queries {
  readonly #pool: Pool;
  readonly #name: string;

  private constructor(pool: Pool, name: string) {
    this.#pool = pool;
    this.#name = name;
  }

  /**
   * @param url postgresql://USER:PASSWORD@HOST:PORT/DATABASE; to another machine with TLS, its certificate checked,
   *   unless the URL says otherwise (`sslmode`).
   * @param migrations formats in order, each a list of statements; those that the database has not are applied.
   * @throws FieldbidError `STORE_FAILED`, `STORE_TOO_NEW`; InputError for what is no such URL.
   */
  static async open(url: string, migrations: readonly (readonly string[])[]): Promise<PgDatabase> {
    const { default: pg } = await import('pg');
    const { connectionString, name, tls } = targetOf(url);
    const pool = new pg.Pool({
      connectionString,
      ...(tls ? { ssl: { rejectUnauthorized: true } } : {}),
      max: CONNECTIONS,
      connectionTimeoutMillis: CONNECT_MS,
      statement_timeout: STATEMENT_MS,
      // The server's own limit does not help where the network swallows its answer.
      query_timeout: QUERY_MS,
      keepAlive: true,
      application_name: 'fieldbid-gateway',
      types: {
        getTypeParser: (oid, format) => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format)),
      },
    });
    // An idle connection that breaks is replaced by the next call; unheard, it would end the process.
    pool.on('error', () => {});
    const database = new PgDatabase(pool, name);
    try {
      await database.#migrate(migrations);
      return database;
    } catch (error) {
      await pool.end().catch(() => undefined);
      throw error;
    }
  }

  run(sql: string, ...values: PgValue[]): Promise<number> {
    return this.#on(this.#pool, async (client) => (await client.query(sql, values)).rowCount ?? 0);
  }

  all<T>(sql: string, ...values: PgValue[]): Promise<T[]> {
    return this.#on(this.#pool, async (client) => (await client.query(sql, values)).rows as T[]);
  }

  /** All of `work` or nothing, on one connection. */
  async transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    const client = await this.#on(this.#pool, (pool) => pool.connect());
    let broken: Error | undefined;
    // The pool listens to idle connections only: one that breaks in a transaction would end the process unheard.
    const onError = (error: Error): void => {
      broken = error;
    };
    client.on('error', onError);
    try {
      await this.#on(client, (it) => it.query('BEGIN'));
      const value = await work({
        run: (sql, ...values) => this.#on(client, async (it) => (await it.query(sql, values)).rowCount ?? 0),
        all: <R>(sql: string, ...values: PgValue[]) =>
          this.#on(client, async (it) => (await it.query(sql, values)).rows as R[]),
      });
      await this.#on(client, (it) => it.query('COMMIT'));
      return value;
    } catch (error) {
      await client.query('ROLLBACK').catch((fault: Error) => {
        broken ??= fault;
      });
      throw error;
    } finally {
      client.off('error', onError);
      // A connection that has broken, or cannot even roll back, is not used again.
      client.release(broken);
    }
  }

  close(): Promise<void> {
    return this.#pool.end();
  }

  async #migrate(migrations: readonly (readonly string[])[]): Promise<void> {
    await this.transaction(async ({ run, all }) => {
      // Of instances that start together one migrates, the others wait and find it done.
      await all('SELECT pg_advisory_xact_lock($1)', MIGRATION_LOCK);
      await run('CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)');
      const [row] = await all<{ version: number }>('SELECT version FROM schema_version');
      const version = row?.version ?? 0;
      if (version > migrations.length) {
        throw new FieldbidError(
          'STORE_TOO_NEW',
          `the database ${this.#name} has format ${version}; this release knows formats up to ${migrations.length}`,
        );
      }
      for (const statement of migrations.slice(version).flat()) await run(statement);
      if (row === undefined) await run('INSERT INTO schema_version VALUES ($1)', migrations.length);
      else await run('UPDATE schema_version SET version = $1', migrations.length);
    });
  }

  async #on<C extends Pool | PoolClient, T>(on: C, work: (on: C) => Promise<T>): Promise<T> {
    try {
      return await work(on);
    } catch (error) {
      if (error instanceof FieldbidError) throw error;
      throw this.#fault(error);
    }
  }

  #fault(error: unknown): FieldbidError {
    const code = codeOf(error);
    // Class 21, 22, 23 and 42 of SQLSTATE: cardinality, data, constraints, syntax. Everything else may pass: no connection, a full
    // disk, a server that is starting, two transactions in each other's way.
    const permanent = /^(21|22|23|28|3D|42)/.test(code);
    return new FieldbidError('STORE_FAILED', `the database ${this.#name}: ${messageOf(error) || code}`, {
      cause: error,
      retryable: !permanent,
      details: { system: code },
    });
  }
}

function targetOf(url: string): { connectionString: string; name: string; tls: boolean } {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw wrongUrl('a text that is no URL');
  }
  if (!/^postgres(ql)?:$/.test(parsed.protocol)) throw wrongUrl(`a URL of ${parsed.protocol}//`);
  const { hostname, port, pathname, searchParams } = parsed;
  // As pg reads it: a host among the parameters counts before the one in front of them.
  const host = searchParams.get('host') ?? (hostname === '' ? 'localhost' : decodeURIComponent(hostname));
  const local = host.startsWith('/') || isLoopback(host);
  return {
    connectionString: url,
    name: `${host}${port === '' ? '' : `:${port}`}${pathname}`,
    tls: !local && !searchParams.has('sslmode'),
  };
}

/** Whether we ask for TLS by ourselves: to another machine, unless the URL says what it wants (`sslmode`). */
export function wantsTls(url: string): boolean {
  return targetOf(url).tls;
}

/** The URL holds a password: it is not shown. */
function wrongUrl(found: string): InputError {
  const expected = 'postgresql://USER:PASSWORD@HOST:PORT/DATABASE';
  return new InputError({ source: 'the URL of the database', path: '', found, expected });
}
