import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@fieldbid/core/logging';
import type { Award } from '@fieldbid/core/market/messages';
import { SqliteDatabase } from '@fieldbid/core/sqlite/database';
import test from 'ava';
import { openAwardStore } from './award-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-awards-'));
test.after.always(() => rmSync(folder, { recursive: true }));

const NOON_MS = Date.parse('2026-06-21T12:00:00Z');
const QUARTER_MS = 900_000;
const award = (derId: string, quarter: number, allocation_W: number): Award => ({
  ...{ derId, intervalId: new Date(NOON_MS + quarter * QUARTER_MS).toISOString().slice(0, 16).concat('Z') },
  ...{ start_ms: NOON_MS + quarter * QUARTER_MS, end_ms: NOON_MS + (quarter + 1) * QUARTER_MS },
  ...{ bidUid: null, allocation_W, price_uUSD_per_MWh: 1, reason: 'CLEARED' },
});

async function opened(file: string) {
  const store = await openAwardStore(file, silentLogger());
  if (store === undefined) throw new RangeError('no store');
  return store;
}

test('what was kept is there after a new start: the newest of an interval, without what has ended', async (t) => {
  const file = join(folder, 'a', 'awards.sqlite');
  const first = await opened(file);
  await first.keep(award('pv-1', 0, 1000), NOON_MS);
  await first.keep(award('pv-1', 1, 2000), NOON_MS);
  await first.keep(award('pv-1', 1, 1500), NOON_MS);
  await first.keep(award('pv-2', 1, 700), NOON_MS + QUARTER_MS);
  await first.close();
  const second = await opened(file);
  t.deepEqual(
    (await second.kept()).map(({ derId, message }) => [derId, (message as Award).allocation_W]),
    [
      ['pv-1', 1500],
      ['pv-2', 700],
    ],
  );
  await second.close();
});

test('a damaged file is set aside and begun anew; a row that cannot be read costs no other', async (t) => {
  const file = join(folder, 'b.sqlite');
  writeFileSync(file, 'not a database, and long enough that it is looked at'.repeat(50));
  const store = await opened(file);
  t.deepEqual(await store.kept(), []);
  await store.keep(award('pv-1', 0, 1000), NOON_MS);
  await store.keep(award('pv-2', 0, 1000), NOON_MS);
  await store.close();
  t.true(readdirSync(folder).some((name) => name.startsWith('b.sqlite.damaged-')));
  const db = await SqliteDatabase.open(file, [[]], { durability: 'power' });
  await db.run("UPDATE awards SET award = '{' WHERE der_id = 'pv-1'");
  await db.close();
  const again = await opened(file);
  t.deepEqual(
    (await again.kept()).map(({ derId }) => derId),
    ['pv-2'],
  );
  await again.close();
});

test('a file that cannot be used costs the memory, never the award', async (t) => {
  t.is(await openAwardStore(join('/dev/null', 'awards.sqlite'), silentLogger()), undefined);
  const store = await opened(join(folder, 'c.sqlite'));
  await store.close();
  await t.notThrowsAsync(store.keep(award('pv-1', 0, 1000), NOON_MS));
  t.deepEqual(await store.kept(), []);
});
