/** M24 · Whatever is interrupted between the two stores, they are in step again at the next start or read. */
import { bid, INTERVAL, qualification } from '@fieldbid/chaincode/testing/fixtures';
import { bidUid } from '@fieldbid/core/digest';
import { codeOf, FieldbidError } from '@fieldbid/core/errors';
import test from 'ava';
import { type Ledger, submit } from '../ledger/ledger.ts';
import type { RawStore } from '../store/raw-store.ts';
import { batchOf, decisionOf, openGateway, qualified, runInterval } from '../testing/open-gateway.ts';

const UID = bidUid('pv1', INTERVAL, 'energy');

type Commit = Ledger['commit'];

function unavailable(what: string): FieldbidError {
  return new FieldbidError('OUTCOME_UNKNOWN', what, { retryable: true });
}

/** A gateway whose commits go wrong as told once it is `armed`. */
async function withFault(how: (commit: Commit) => Commit) {
  let armed = false;
  const gateway = await openGateway({
    ledgerThrough: (ledger) =>
      new Proxy(ledger, {
        get: (target, name) => {
          if (name === 'commit') return armed ? how(target.commit.bind(target)) : target.commit.bind(target);
          const member: unknown = Reflect.get(target, name);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      }),
  });
  await qualified(gateway, ['pv1']);
  armed = true;
  return gateway;
}

test('stopped after pending, before the ledger: the next start sends the same transaction', async (t) => {
  const gateway = await withFault(() => async () => {
    throw unavailable('stopped before the commit');
  });
  const north = gateway.client('north');
  await t.throwsAsync(north.submitBids(INTERVAL, batchOf([bid('pv1')])), { code: 'OUTCOME_UNKNOWN' });
  const [pending] = await gateway.store.pendingTransactions();
  await t.throwsAsync(north.readBid(UID), { code: 'NOT_FOUND' });
  await gateway.close();
  const next = await openGateway({ dir: gateway.dir });
  t.deepEqual(await next.store.pendingTransactions(), []);
  t.is((await next.client('north').readBid(UID)).txId, pending?.txId ?? '');
  await t.throwsAsync(next.client('north').submitBids(INTERVAL, batchOf([bid('pv1')])), {
    code: 'REPLAY',
  });
  t.like(await next.client('operator').verify(), { records: 1, findings: [] });
  await next.close();
});

test('what can no longer be committed is forgotten at the next start', async (t) => {
  const gateway = await withFault(() => async () => {
    throw unavailable('stopped before the commit');
  });
  await t.throwsAsync(gateway.client('north').submitBids(INTERVAL, batchOf([bid('pv1')])));
  // Meanwhile somebody else has the DSO suspend the DER: what the pending transaction had read has changed.
  const dso = await gateway.ledger.identity({ mspId: 'DsoMSP', role: 'dso' });
  const suspension = JSON.stringify({ ...qualification('pv1'), status: 'suspended' });
  t.like(await submit(gateway.ledger, dso, 'qualifyDer', suspension), { outcome: 'committed' });
  await gateway.close();
  const next = await openGateway({ dir: gateway.dir });
  t.deepEqual(await next.store.pendingTransactions(), []);
  t.like(await next.client('operator').verify(), { records: 0, findings: [] });
  await next.close();
});

test('stopped after the ledger, before the mark: the next start marks it, with its transaction', async (t) => {
  let txId = '';
  const gateway = await withFault((commit) => async (bytes) => {
    ({ txId } = await commit(bytes));
    throw unavailable('the answer was lost');
  });
  const north = gateway.client('north');
  await t.throwsAsync(north.submitBids(INTERVAL, batchOf([bid('pv1')])), { code: 'OUTCOME_UNKNOWN' });
  t.deepEqual(
    (await gateway.store.pendingTransactions()).map((pending) => pending.txId),
    [txId],
  );
  await gateway.close();
  const next = await openGateway({ dir: gateway.dir });
  t.deepEqual(await next.store.pendingTransactions(), []);
  t.is((await next.client('north').readBid(UID)).txId, txId);
  t.deepEqual((await next.client('operator').verify()).findings, []);
  await next.close();
});

test('a lost answer is settled by the next read too, and the interval goes on', async (t) => {
  let lost = false;
  const gateway = await withFault((commit) => async (bytes) => {
    const committed = await commit(bytes);
    if (lost) return committed;
    lost = true;
    throw unavailable('the answer was lost');
  });
  const north = gateway.client('north');
  await t.throwsAsync(north.submitBids(INTERVAL, batchOf([bid('pv1')])));
  await gateway.client('dso').decide(INTERVAL, await decisionOf(gateway, 0.5));
  t.like((await north.readBid(UID)).state, { revision: 2, quantity_W: 25_000 });
  await gateway.close();
});

test('who is woken by the event finds the record, even before it is marked', async (t) => {
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let holding = true;
  const gateway = await openGateway({
    storeThrough: (store): RawStore =>
      new Proxy(store, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name);
          if (typeof member !== 'function') return member;
          if (name !== 'markCommitted') return member.bind(target);
          return async (txId: string) => {
            if (holding) {
              holding = false;
              await held;
            }
            await target.markCommitted(txId);
          };
        },
      }),
  });
  await qualified(gateway, ['pv1']);
  const submitted = gateway.client('north').submitBids(INTERVAL, batchOf([bid('pv1')]));
  const ending = new AbortController();
  for await (const event of gateway.client('dso').events(undefined, ending.signal)) {
    if (event.name === 'BidsSubmitted') ending.abort();
  }
  await gateway.client('dso').decide(INTERVAL, await decisionOf(gateway, 0.5));
  release();
  t.is((await submitted).bids.length, 1);
  t.deepEqual((await gateway.client('operator').verify()).findings, []);
  await gateway.close();
});

test('a store that cannot take the record keeps the transaction off the ledger', async (t) => {
  const gateway = await openGateway({
    storeThrough: (store): RawStore =>
      new Proxy(store, {
        get: (target, name) => {
          if (name === 'addPending') {
            return async () => {
              throw new FieldbidError('STORE_FAILED', 'the disk is full', { retryable: true });
            };
          }
          const member: unknown = Reflect.get(target, name);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      }),
  });
  await qualified(gateway, ['pv1']);
  const failed = gateway.client('north').submitBids(INTERVAL, batchOf([bid('pv1')]));
  t.like(await t.throwsAsync(failed), { code: 'STORE_FAILED', details: { status: 503 } });
  t.deepEqual((await gateway.client('dso').readInterval(INTERVAL)).submissions, []);
  await gateway.close();
});

test('50 concurrent submissions for one interval: exactly one is recorded, on both sides', async (t) => {
  const gateway = await openGateway();
  const derIds = Array.from({ length: 50 }, (_, i) => `pv${i}`);
  const deviceIds = ['shared-inverter'];
  await qualified(gateway, derIds, { deviceIds });
  const results = await Promise.allSettled(
    derIds.map((derId) => gateway.client('north').submitBids(INTERVAL, batchOf([bid(derId, { deviceIds })]))),
  );
  t.is(results.filter(({ status }) => status === 'fulfilled').length, 1);
  const codes = results.flatMap((r) => (r.status === 'rejected' ? [codeOf(r.reason)] : []));
  t.deepEqual([...new Set(codes)], ['DUPLICATE']);
  t.deepEqual(await gateway.store.pendingTransactions(), []);
  t.is((await gateway.client('north').readRecords(INTERVAL)).length, 1);
  t.like(await gateway.client('operator').verify(), { records: 1, findings: [] });
  await gateway.close();
});

test('a second start on the same data continues it', async (t) => {
  const first = await openGateway();
  await qualified(first, ['pv1', 'pv2']);
  await runInterval(first);
  await first.close();
  const second = await openGateway({ dir: first.dir });
  await runInterval(second, '2026-06-21T12:15Z', 2);
  t.like(await second.client('operator').verify(), { records: 16, transactions: 12, findings: [] });
  await second.close();
});
