/**
 * Step 10, kept · Awards outlive the agent: an agent that is started again within its devices' revert times goes on
 * holding them, without a moment in which a device delivers more. In SQLite, on the disk before an award is
 * acknowledged. A store that fails costs the memory, never the award: it is said, and the agent goes on.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import type { Award } from '@fieldbid/core/market/messages';
import { SqliteDatabase, type SqliteOptions } from '@fieldbid/core/sqlite/database';
import { openOrSetAside } from '../uplink/damaged.ts';

/** An award as it came, not yet checked again. */
export interface KeptAward {
  readonly derId: string;
  readonly intervalId: string;
  readonly message: unknown;
}

export interface AwardStore {
  /** Awards that were in force or ahead when they were written. Never throws. */
  kept(): Promise<KeptAward[]>;
  /** Resolves when it is on the disk, or when it has been said that it cannot be. What has ended is deleted. */
  keep(award: Award, now_ms: number): Promise<void>;
  close(): Promise<void>;
}

const MIGRATIONS = [
  [
    `CREATE TABLE awards (der_id TEXT NOT NULL, interval_id TEXT NOT NULL, end_ms INTEGER NOT NULL,
      award TEXT NOT NULL, PRIMARY KEY (der_id, interval_id)) WITHOUT ROWID`,
  ],
];

/** @param durability `process`: for a bench, whose power cuts are not real. @returns undefined when the file cannot be used: said in the log. Never throws. */
export async function openAwardStore(
  file: string,
  log: Logger,
  durability: SqliteOptions['durability'] = 'power',
): Promise<AwardStore | undefined> {
  const fault = (error: unknown, what: string): void =>
    log.error({ code: codeOf(error) }, `${what}: ${messageOf(error)}`);
  try {
    mkdirSync(dirname(file), { recursive: true });
    const db = await openOrSetAside(
      file,
      () => SqliteDatabase.open(file, MIGRATIONS, { durability }),
      (error, aside) => fault(error, `the kept awards are damaged and were set aside as ${aside}`),
    );
    return new SqliteAwardStore(db, fault);
  } catch (error) {
    fault(error, 'awards are not kept over a restart, the file cannot be used');
    return undefined;
  }
}

class SqliteAwardStore implements AwardStore {
  readonly #db: SqliteDatabase;
  readonly #fault: (error: unknown, what: string) => void;

  constructor(db: SqliteDatabase, fault: (error: unknown, what: string) => void) {
    this.#db = db;
    this.#fault = fault;
  }

  async kept(): Promise<KeptAward[]> {
    try {
      const rows = await this.#db.all<{ der_id: string; interval_id: string; award: string }>(
        'SELECT der_id, interval_id, award FROM awards ORDER BY der_id, end_ms',
      );
      return rows.flatMap(({ der_id, interval_id, award }) => {
        try {
          return [{ derId: der_id, intervalId: interval_id, message: JSON.parse(award) as unknown }];
        } catch (error) {
          this.#fault(error, `the kept award of ${der_id} for ${interval_id} cannot be read`);
          return [];
        }
      });
    } catch (error) {
      this.#fault(error, 'kept awards cannot be read');
      return [];
    }
  }

  async keep(award: Award, now_ms: number): Promise<void> {
    const { derId, intervalId, end_ms } = award;
    try {
      await this.#db.transaction(async () => {
        await this.#db.run('DELETE FROM awards WHERE end_ms <= ?', Math.floor(now_ms));
        await this.#db.run(
          'INSERT OR REPLACE INTO awards (der_id, interval_id, end_ms, award) VALUES (?, ?, ?, ?)',
          ...[derId, intervalId, end_ms, JSON.stringify(award)],
        );
      });
    } catch (error) {
      this.#fault(error, `the award of ${derId} for ${intervalId} holds, and is not kept over a restart`);
    }
  }

  async close(): Promise<void> {
    try {
      await this.#db.close();
    } catch (error) {
      this.#fault(error, 'kept awards not closed in order');
    }
  }
}
