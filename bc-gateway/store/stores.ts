/** What a gateway keeps off the ledger, in one database: SQLite for one instance, PostgreSQL for several. */
import type { ApiKeyStore } from '../auth/api-keys.ts';
import type { MeasurementStore } from './measurement-store.ts';
import type { RawStore } from './raw-store.ts';

export interface Stores {
  readonly records: RawStore;
  readonly measurements: MeasurementStore;
  /** Where the database keeps API keys too; undefined: they are in a file. */
  readonly keys: ApiKeyStore | undefined;
  /** Answers when the database is alive. @throws FieldbidError `STORE_FAILED`. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
