import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { storeConformance } from '../conformance.ts';
import { openSqliteStores } from './open.ts';

storeConformance(test, 'SQLite', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'fieldbid-store-'));
  return {
    open: () => openSqliteStores({ file: join(dir, 'store.sqlite'), durability: 'process' }),
    remove: async () => rmSync(dir, { recursive: true }),
  };
});
