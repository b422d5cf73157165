/** A machine for which sqlite3 was not built: said when a file is opened, not when the program starts. */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { SqliteDatabase } from './database.ts';

test('without its binary, opening a file says what to do', async (t) => {
  // What sqlite3 finds its binary with, in this process alone: it finds none.
  const { resolve, cache } = createRequire(createRequire(import.meta.url).resolve('sqlite3'));
  const path = resolve('bindings');
  const missing = () => {
    throw new RangeError('Could not locate the bindings file. Tried:\n → elsewhere');
  };
  cache[path] = { id: path, filename: path, loaded: true, exports: missing } as unknown as NodeJS.Module;
  const file = join(tmpdir(), `fieldbid-none-${process.pid}.sqlite`);
  const opening = SqliteDatabase.open(file, [], { durability: 'process' });
  const error = await t.throwsAsync(opening, { code: 'STORE_UNAVAILABLE' });
  t.regex(
    error.message,
    /^sqlite3 cannot be loaded on \S+, Node v.*npm rebuild sqlite3.*Could not locate the bindings file/,
  );
  t.false(existsSync(file));
});
