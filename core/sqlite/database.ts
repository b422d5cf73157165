/**
 * SQLite behind promises: one connection per file, held exclusively (a second process is refused instead of
 * corrupting what this one believes), write-ahead log, transactions one after the other, numbered migrations.
 */
import { closeSync, openSync } from 'node:fs';
import type sqlite3 from 'sqlite3';
import { codeOf, FieldbidError, messageOf } from '../errors.ts';

export type SqlValue = string | number | null | Uint8Array;

export interface SqliteOptions {
  /**
   * `power`: a commit is on the disk before it is answered. `process`: a crash of the program loses nothing,
   * a power cut may lose the last commits, never half of one.
   */
  readonly durability: 'power' | 'process';
}

/** Prices and salts are nobody else's to read; SQLite gives its side files the same mode. */
const OWNER_ONLY = 0o600;

export class SqliteDatabase {
  readonly #db: sqlite3.Database;
  readonly #file: string;
  /** End of the last transaction in the queue. */
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(db: sqlite3.Database, file: string) {
    this.#db = db;
    this.#file = file;
  }

  /**
   * @param migrations formats in order, each a list of statements; those above the file's `user_version` are
   *   applied, all or none.
   * @throws FieldbidError `STORE_IN_USE`, `STORE_FAILED`, `STORE_TOO_NEW` for a file of a later release, or
   *   `STORE_UNAVAILABLE` where sqlite3 was not built.
   */
  static async open(
    file: string,
    migrations: readonly (readonly string[])[],
    options: SqliteOptions,
  ): Promise<SqliteDatabase> {
    const { Database } = await loadLibrary();
    createPrivate(file);
    const database = new SqliteDatabase(await connect(Database, file), file);
    try {
      await database.#prepare(migrations, options);
      return database;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** @returns rows changed. */
  run(sql: string, ...values: SqlValue[]): Promise<number> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(this.#fault(error));
      this.#db.run(sql, values, function (error: Error | null) {
        if (error === null) resolve(this.changes);
        else fail(error);
      });
    });
  }

  all<T>(sql: string, ...values: SqlValue[]): Promise<T[]> {
    return new Promise((resolve, reject) => {
      this.#db.all<T>(sql, values, (error, rows) => {
        if (error === null) resolve(rows);
        else reject(this.#fault(error));
      });
    });
  }

  async get<T>(sql: string, ...values: SqlValue[]): Promise<T | undefined> {
    return (await this.all<T>(sql, ...values))[0];
  }

  /** All of `work` or nothing. Transactions of one database wait for each other; other reads do not. */
  transaction<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(async () => {
      await this.run('BEGIN IMMEDIATE');
      try {
        const value = await work();
        await this.run('COMMIT');
        return value;
      } catch (error) {
        await this.run('ROLLBACK').catch(() => undefined);
        throw error;
      }
    });
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    await this.#tail;
    await new Promise<void>((resolve, reject) => {
      this.#db.close((error) => (error === null ? resolve() : reject(this.#fault(error))));
    });
  }

  async #prepare(migrations: readonly (readonly string[])[], { durability }: SqliteOptions): Promise<void> {
    await this.run('PRAGMA locking_mode = EXCLUSIVE');
    await this.run('PRAGMA journal_mode = WAL');
    await this.run(`PRAGMA synchronous = ${durability === 'power' ? 'FULL' : 'NORMAL'}`);
    await this.run('PRAGMA foreign_keys = ON');
    const row = await this.get<{ user_version: number }>('PRAGMA user_version');
    const version = row?.user_version ?? 0;
    if (version > migrations.length) {
      throw new FieldbidError(
        'STORE_TOO_NEW',
        `${this.#file} has format ${version}; this release knows formats up to ${migrations.length}`,
      );
    }
    // Takes the file's lock now, so that a second process hears of it at once.
    await this.transaction(async () => {
      for (const statement of migrations.slice(version).flat()) await this.run(statement);
      await this.run(`PRAGMA user_version = ${migrations.length}`);
    });
  }

  #fault(error: Error): FieldbidError {
    return sqliteFault(error, this.#file);
  }
}

function createPrivate(file: string): void {
  try {
    closeSync(openSync(file, 'a', OWNER_ONLY));
  } catch (error) {
    throw sqliteFault(error, file);
  }
}

/** Loaded when the first file is opened: a machine for which it was not built can still read a device. */
async function loadLibrary(): Promise<typeof sqlite3> {
  try {
    return (await import('sqlite3')).default;
  } catch (cause) {
    const machine = `${process.platform}-${process.arch}, Node ${process.version}`;
    throw new FieldbidError(
      'STORE_UNAVAILABLE',
      `sqlite3 cannot be loaded on ${machine}; npm rebuild sqlite3 compiles it (needs python3, make and g++): ${firstLine(cause)}`,
      { cause },
    );
  }
}

function firstLine(error: unknown): string {
  return messageOf(error).split('\n', 1)[0] ?? '';
}

function connect(Database: typeof sqlite3.Database, file: string): Promise<sqlite3.Database> {
  return new Promise((resolve, reject) => {
    const db: sqlite3.Database = new Database(file, (error) => {
      if (error === null) resolve(db);
      else reject(sqliteFault(error, file));
    });
  });
}

function sqliteFault(error: unknown, file: string): FieldbidError {
  const code = codeOf(error);
  if (code === 'SQLITE_BUSY' || code === 'SQLITE_LOCKED') {
    return new FieldbidError('STORE_IN_USE', `${file} is in use by another process`, { cause: error });
  }
  // A full disk can be cleared; a corrupt file cannot be waited out.
  const retryable = code === 'SQLITE_FULL' || code === 'SQLITE_IOERR';
  return new FieldbidError('STORE_FAILED', `${file}: ${messageOf(error)}`, {
    cause: error,
    retryable,
    details: { system: code },
  });
}
