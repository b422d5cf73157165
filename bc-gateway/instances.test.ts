/** Several gateways on one PostgreSQL and one ledger behave as one. */
import { bid, INTERVAL } from '@fieldbid/chaincode/testing/fixtures';
import { bidUid } from '@fieldbid/core/digest';
import { FieldbidError } from '@fieldbid/core/errors';
import { GatewayClient } from '@fieldbid/core/gateway-api/client';
import type { LedgerEvent } from '@fieldbid/core/gateway-api/schemas';
import { minuteId } from '@fieldbid/core/interval';
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { addKey, revokeKey } from './commands/keys.ts';
import { BcGateway } from './gateway.ts';
import type { Ledger } from './ledger/ledger.ts';
import { openPgStores } from './store/postgresql/open.ts';
import type { Stores } from './store/stores.ts';
import { batchOf, decisionOf, NOW, openGateway, qualified, runInterval } from './testing/open-gateway.ts';
import { startPostgresql, type TestServer, WITHOUT_POSTGRESQL } from './testing/postgresql.ts';

const title = 'several gateways on one PostgreSQL';

if (WITHOUT_POSTGRESQL !== undefined) {
  test.skip(`${title}: ${WITHOUT_POSTGRESQL}`, () => {});
} else {
  let server: TestServer | undefined;
  test.before(async (t) => {
    t.timeout(60_000);
    server = await startPostgresql();
  });
  test.after.always(() => server?.stop());

  /** Two of them on one ledger; the first is a test's gateway with all its helpers, the second has its own connections. */
  async function two(ledgerOfFirst: (ledger: Ledger) => Ledger = (ledger) => ledger) {
    const url = (await server?.database()) ?? '';
    const first = await openGateway({ stores: await openPgStores(url), ledgerThrough: ledgerOfFirst });
    const stores: Stores = await openPgStores(url);
    const second = await BcGateway.start({
      ...{ config: { listen: { port: 0 } }, ledger: first.ledger, stores, keys: first.keys },
      ...{ now: () => NOW, log: silentLogger() },
    });
    const both = [first.url, second.url];
    const client = (party: Parameters<typeof first.keyOf>[0], url: string | string[] = second.url) =>
      new GatewayClient({ url, apiKey: first.keyOf(party), deadline_ms: 30_000 });
    const close = async (): Promise<void> => {
      await second.close();
      await stores.close();
      await first.close();
    };
    return { first, second, stores, both, client, close };
  }

  test(`${title}: what one has begun, another goes on with`, async (t) => {
    const { first, client, close } = await two();
    await qualified(first, ['pv1', 'pv2']);
    await first.client('north').submitBids(INTERVAL, batchOf([bid('pv1'), bid('pv2')]));
    await client('dso').decide(INTERVAL, await decisionOf(first, 0.5));
    const records = await first.client('north').readRecords(INTERVAL);
    t.deepEqual(
      records.map(({ state }) => [state.revision, state.quantity_W]),
      [
        [2, 25_000],
        [2, 25_000],
      ],
    );
    t.deepEqual(await client('north').readRecords(INTERVAL), records);
    t.like(await client('operator').verify(), { records: 4, findings: [] });
    await close();
  });

  test(`${title}: what one leaves open when it dies, the other ends`, async (t) => {
    let dying = false;
    const { first, client, stores, close } = await two(
      (ledger) =>
        new Proxy(ledger, {
          get: (target, name) => {
            if (name === 'commit' && dying) {
              return async () => {
                throw new FieldbidError('OUTCOME_UNKNOWN', 'killed before the commit', { retryable: true });
              };
            }
            const member: unknown = Reflect.get(target, name);
            return typeof member === 'function' ? member.bind(target) : member;
          },
        }),
    );
    await qualified(first, ['pv1']);
    dying = true;
    await t.throwsAsync(first.client('north').submitBids(INTERVAL, batchOf([bid('pv1')])));
    t.is((await stores.records.pendingTransactions()).length, 1);
    // A third one starts, and finds what is open.
    const third = await BcGateway.start({
      ...{ config: { listen: { port: 0 } }, ledger: first.ledger, stores, keys: first.keys },
      ...{ now: () => NOW, log: silentLogger() },
    });
    t.deepEqual(await stores.records.pendingTransactions(), []);
    t.is((await client('north').readBid(bidUid('pv1', INTERVAL, 'energy'))).state.revision, 1);
    await t.throwsAsync(client('north').submitBids(INTERVAL, batchOf([bid('pv1')])), { code: 'REPLAY' });
    t.like(await client('operator').verify(), { records: 1, findings: [] });
    await third.close();
    await close();
  });

  test(`${title}: the same batch through both at once is recorded once`, async (t) => {
    const { first, client, close } = await two();
    await qualified(first, ['pv1']);
    const batch = batchOf([bid('pv1')]);
    const tries = Array.from({ length: 20 }, (_, i) =>
      (i % 2 === 0 ? first.client('north') : client('north')).submitBids(INTERVAL, batch),
    );
    const done = await Promise.allSettled(tries);
    t.is(done.filter(({ status }) => status === 'fulfilled').length, 1);
    t.like(await client('operator').verify(), { records: 1, findings: [] });
    await close();
  });

  test(`${title}: a client whose gateway goes away moves on, its event stream too, and nothing comes twice`, async (t) => {
    const { first, second, both, client, stores, close } = await two();
    await qualified(first, ['pv1', 'pv2']);
    const events: LedgerEvent[] = [];
    const ending = new AbortController();
    const following = (async () => {
      for await (const event of client('dso', [second.url, first.url]).events(undefined, ending.signal)) {
        events.push(event);
        if (events.filter(({ name }) => name === 'DispatchConfirmed').length === 2) ending.abort();
      }
    })();
    await runInterval(first);
    await second.close();
    await runInterval(first, '2026-06-21T12:15Z', 2);
    await following;
    t.is(new Set(events.map(({ checkpoint }) => checkpoint)).size, events.length);
    t.is(events.length, 4 + 2 * 4);
    const moved = client('north', [second.url, first.url]);
    await t.throwsAsync(moved.readRecords(INTERVAL), { code: 'GATEWAY_UNAVAILABLE' });
    t.is((await moved.readRecords(INTERVAL)).length, 2);
    t.is(both.length, 2);
    await stores.close();
    await first.close();
    void close;
  });

  test(`${title}: a key that is made or revoked counts for all of them at once`, async (t) => {
    const url = (await server?.database()) ?? '';
    const [a, b] = [await openPgStores(url), await openPgStores(url)];
    const first = await openGateway();
    const gateways = await Promise.all(
      [a, b].map((stores) =>
        BcGateway.start({
          ...{ config: { listen: { port: 0 } }, ledger: first.ledger, stores, keys: stores.keys! },
          ...{ now: () => NOW, log: silentLogger() },
        }),
      ),
    );
    const apiKey = await addKey(a.keys!, { name: 'dso', role: 'dso' });
    const clients = gateways.map((gateway) => new GatewayClient({ url: gateway.url, apiKey }));
    for (const one of clients) t.deepEqual(await one.listDers(), []);
    await revokeKey(b.keys!, 'dso');
    for (const one of clients) await t.throwsAsync(one.listDers(), { code: 'UNAUTHENTICATED' });
    for (const gateway of gateways) await gateway.close();
    for (const stores of [a, b]) await stores.close();
    await first.close();
  });

  test(`${title}: intervals at the same time, through whichever answers, all end in step`, async (t) => {
    const { first, both, client, close } = await two();
    const derIds = ['pv1', 'pv2', 'pv3'];
    await qualified(first, derIds);
    const [north, dso] = [client('north', both), client('dso', [...both].reverse())];
    await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const intervalId = minuteId(Date.UTC(2026, 5, 21) + i * 900_000);
        const bids = derIds.map((derId) =>
          bid(derId, { intervalId, uid: bidUid(derId, intervalId, 'energy'), sequence: i + 1 }),
        );
        await north.submitBids(intervalId, batchOf(bids));
        await dso.decide(intervalId, await decisionOf(first, 0.5, intervalId));
      }),
    );
    t.like(await client('operator').verify(), { records: 72, findings: [] });
    await close();
  });
}
