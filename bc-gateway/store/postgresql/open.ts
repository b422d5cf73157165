/** The stores in one PostgreSQL database, which several gateways may share. */
import type { Stores } from '../stores.ts';
import { PgDatabase } from './database.ts';
import { PgKeyStore } from './key-store.ts';
import { PgMeasurementStore } from './measurement-store.ts';
import { MIGRATIONS } from './migrations.ts';
import { PgRawStore } from './raw-store.ts';

/** @throws as `PgDatabase.open`. */
export async function openPgStores(url: string): Promise<Stores> {
  const db = await PgDatabase.open(url, MIGRATIONS);
  return {
    records: new PgRawStore(db),
    measurements: new PgMeasurementStore(db),
    keys: new PgKeyStore(db),
    ping: async () => void (await db.all('SELECT 1')),
    close: () => db.close(),
  };
}
