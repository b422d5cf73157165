/** The suite of every store on a real PostgreSQL, and what only a server that several share can show. */
import { codeOf } from '@fieldbid/core/errors';
import test from 'ava';
import { newApiKey } from '../../auth/api-keys.ts';
import { keyStoreConformance } from '../../auth/conformance.ts';
import { startPostgresql, type TestServer, WITHOUT_POSTGRESQL } from '../../testing/postgresql.ts';
import { storeConformance } from '../conformance.ts';
import { PgDatabase, wantsTls } from './database.ts';
import { MIGRATIONS } from './migrations.ts';
import { openPgStores } from './open.ts';

if (WITHOUT_POSTGRESQL !== undefined) {
  test.skip(`the suite of every store on PostgreSQL: ${WITHOUT_POSTGRESQL}`, () => {});
} else {
  let server: TestServer | undefined;
  const database = async (): Promise<string> => (await server?.database()) ?? '';
  test.before(async (t) => {
    t.timeout(60_000);
    server = await startPostgresql();
  });
  test.after.always(() => server?.stop());

  storeConformance(test, 'PostgreSQL', async () => {
    const url = await database();
    return { open: () => openPgStores(url), remove: async () => {} };
  });
  keyStoreConformance(test, 'PostgreSQL', async () => {
    const stores = await openPgStores(await database());
    return { keys: stores.keys!, close: () => stores.close() };
  });

  test('instances that start together make the tables once', async (t) => {
    const url = await database();
    const all = await Promise.all(Array.from({ length: 5 }, () => openPgStores(url)));
    for (const stores of all) await stores.close();
    const db = await PgDatabase.open(url, MIGRATIONS);
    t.deepEqual(await db.all('SELECT version FROM schema_version'), [{ version: MIGRATIONS.length }]);
    await db.close();
  });

  test('a database of a later release is left alone', async (t) => {
    const url = await database();
    const db = await PgDatabase.open(url, [...MIGRATIONS, ['CREATE TABLE later (n INTEGER)']]);
    await db.close();
    t.is(codeOf(await t.throwsAsync(openPgStores(url))), 'STORE_TOO_NEW');
  });

  test('a migration that fails leaves the format before', async (t) => {
    const url = await database();
    await (await PgDatabase.open(url, [['CREATE TABLE one (n INTEGER)']])).close();
    const broken = [['CREATE TABLE one (n INTEGER)'], ['CREATE TABLE two (n INTEGER)', 'NONSENSE']];
    t.is(codeOf(await t.throwsAsync(PgDatabase.open(url, broken))), 'STORE_FAILED');
    const db = await PgDatabase.open(url, [
      ['CREATE TABLE one (n INTEGER)'],
      ['CREATE TABLE two (n INTEGER)'],
    ]);
    await db.run('INSERT INTO two VALUES (1)');
    await db.close();
  });

  test('a connection that is cut in a transaction ends the transaction, and nothing else', async (t) => {
    const url = await database();
    const [db, other] = [await PgDatabase.open(url, MIGRATIONS), await PgDatabase.open(url, MIGRATIONS)];
    const cut = db.transaction(async ({ run, all }) => {
      await run("INSERT INTO pending_transactions VALUES ('tx1', 'bytes', 1)");
      const [mine] = await all<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await other.all('SELECT pg_terminate_backend($1)', mine?.pid ?? 0);
      // While nothing is asked of it: the connection itself says that it is gone.
      await new Promise((resolve) => setTimeout(resolve, 200));
      await run("INSERT INTO pending_transactions VALUES ('tx2', 'bytes', 1)");
    });
    t.like(await t.throwsAsync(cut), { code: 'STORE_FAILED', retryable: true });
    t.deepEqual(await db.all('SELECT tx_id FROM pending_transactions'), []);
    for (const one of [db, other]) await one.close();
  });

  test('two gateways that end the same transactions at once do not lock each other out', async (t) => {
    const url = await database();
    const [a, b] = [await openPgStores(url), await openPgStores(url)];
    const ids = Array.from({ length: 40 }, (_, i) => `tx${i}`);
    const row = (txId: string, i: number) => ({
      ...{ uid: `${i}`.padStart(32, '0'), revision: 1, txId, derId: 'pv', deraId: 'north' },
      ...{ intervalId: '2026-06-21T12:00Z', salt: 'ab'.repeat(16), record: '{}' },
    });
    for (const [i, txId] of ids.entries()) {
      await a.records.addPending({ txId, endorsed: new Uint8Array([1]), since_ms: 1 }, [row(txId, i)]);
    }
    await Promise.all([a, b, a, b].flatMap(({ records }) => ids.map((txId) => records.markCommitted(txId))));
    t.deepEqual(await b.records.pendingTransactions(), []);
    t.is((await b.records.page(undefined, 100)).length, 40);
    for (const stores of [a, b]) await stores.close();
  });

  test('to another machine it is TLS, whichever way the host is named', async (t) => {
    for (const target of ['192.0.2.1/d', 'localhost/d?host=192.0.2.1']) {
      // Nobody is there; what matters is that no password would go there in clear.
      t.true(wantsTls(`postgresql://u:p@${target}`), target);
    }
    for (const target of [
      'localhost/d',
      '127.0.0.1:5432/d',
      'x/d?host=/var/run/postgresql',
      'h/d?sslmode=require',
    ]) {
      t.false(wantsTls(`postgresql://u:p@${target}`), target);
    }
  });

  test('no error shows the password, and a server that is away may come back', async (t) => {
    const url = new URL(await database());
    const secret = 'very-secret-password';
    const wrong = new URL(url);
    wrong.password = secret;
    const refused = await t.throwsAsync(openPgStores(wrong.href));
    t.like(refused, { code: 'STORE_FAILED', retryable: false });
    const away = new URL(url);
    [away.password, away.port] = [secret, '1'];
    const unreachable = await t.throwsAsync(openPgStores(away.href));
    t.like(unreachable, { code: 'STORE_FAILED', retryable: true });
    const malformed = await t.throwsAsync(openPgStores(`mysql://a:${secret}@h/d`));
    for (const error of [refused, unreachable, malformed]) {
      t.false(`${error?.message} ${JSON.stringify(error)}`.includes(secret));
    }
  });

  test.serial(
    'a server that was cut off and started again is found again; what was answered is there',
    async (t) => {
      if (process.env.DATABASE_URL !== undefined) {
        t.pass('the server is not ours to restart');
        return;
      }
      const stores = await openPgStores(await database());
      await stores.keys?.save(newApiKey({ name: 'kept', role: 'dso' }).entry);
      await server?.restart();
      const names = async (): Promise<string[]> => (await stores.keys?.all())?.map(({ name }) => name) ?? [];
      // The connections of the pool are dead: the first calls may say so, none of them ends the process.
      const first = await names().catch((error: unknown) => codeOf(error));
      t.true(first === 'STORE_FAILED' || Array.isArray(first));
      for (let tries = 0; ; tries++) {
        const found = await names().catch(() => undefined);
        if (found === undefined && tries < 20) continue;
        t.deepEqual(found, ['kept']);
        break;
      }
      await stores.close();
    },
  );
}
