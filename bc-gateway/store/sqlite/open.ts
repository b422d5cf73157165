/** The stores in one SQLite file, held by one process. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { SqliteDatabase, type SqliteOptions } from '@fieldbid/core/sqlite/database';
import type { Stores } from '../stores.ts';
import { SqliteMeasurementStore } from './measurement-store.ts';
import { MIGRATIONS } from './migrations.ts';
import { SqliteRawStore } from './raw-store.ts';

export interface SqliteStoreOptions {
  /** Made when absent. */
  readonly file: string;
  /** `power` by default: a record survives a power cut. */
  readonly durability?: SqliteOptions['durability'];
}

/** @throws FieldbidError `STORE_IN_USE`, `STORE_FAILED`, `STORE_TOO_NEW`. */
export async function openSqliteStores({ file, durability = 'power' }: SqliteStoreOptions): Promise<Stores> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const db = await SqliteDatabase.open(file, MIGRATIONS, { durability });
  return {
    records: new SqliteRawStore(db),
    measurements: new SqliteMeasurementStore(db),
    keys: undefined,
    ping: async () => void (await db.get('SELECT 1')),
    close: () => db.close(),
  };
}
