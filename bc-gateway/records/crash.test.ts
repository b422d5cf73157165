/** M24 · Whatever is interrupted between the two stores, they are in step again at the next start or read. */
import { bid, INTERVAL } from '@fieldbid/chaincode/testing/fixtures';
import { bidUid } from '@fieldbid/core/digest';
import { codeOf, FieldbidError } from '@fieldbid/core/errors';
import test from 'ava';
import type { Ledger } from '../ledger/ledger.ts';
import type { RawStore } from '../store/raw-store.ts';
import { batchOf, decisionOf, openGateway, qualified, runInterval } from '../testing/open-gateway.ts';

const UID = bidUid('pv1', INTERVAL, 'energy');

/** `submit` as `how` makes of it; everything else as it is. */
function faultyLedger(ledger: Ledger, how: (submit: Ledger['submit']) => Ledger['submit']): Ledger {
  return new Proxy(ledger, {
    get: (target, name) => {
      if (name === 'submit') return how(target.submit.bind(target));
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

function unavailable(what: string): FieldbidError {
  return new FieldbidError('OUTCOME_UNKNOWN', what, { retryable: true });
}

/** A gateway whose bid transactions go wrong as told; registrations do not. */
async function withFault(how: (submit: Ledger['submit']) => Ledger['submit']) {
  const gateway = await openGateway({
    ledgerThrough: (ledger) =>
      faultyLedger(
        ledger,
        (submit) => (identity, name, payload, beforeCommit) =>
          (name === 'submitBids' ? how(submit) : submit)(identity, name, payload, beforeCommit),
      ),
  });
  await qualified(gateway, ['pv1']);
  return gateway;
}

test('stopped after pending, before the ledger: nothing has happened, and the batch can be sent again', async (t) => {
  const gateway = await withFault(
    (submit) => (identity, name, payload, beforeCommit) =>
      submit(identity, name, payload, async (txId) => {
        await beforeCommit?.(txId);
        throw unavailable('stopped before the commit');
      }),
  );
  const north = gateway.client('north');
  await t.throwsAsync(north.submitBids(INTERVAL, batchOf([bid('pv1')])), { code: 'OUTCOME_UNKNOWN' });
  t.is((await gateway.store.pendingTransactions()).length, 1);
  await t.throwsAsync(north.readBid(UID), { code: 'NOT_FOUND' });
  await gateway.close();
  const next = await openGateway({ dir: gateway.dir });
  t.deepEqual(await next.store.pendingTransactions(), []);
  await next.client('north').submitBids(INTERVAL, batchOf([bid('pv1')]));
  t.is((await next.client('north').readBid(UID)).state.revision, 1);
  t.deepEqual((await next.client('operator').verify()).findings, []);
  await next.close();
});

test('stopped after the ledger, before the mark: the next start marks it, with its transaction', async (t) => {
  let txId = '';
  const gateway = await withFault((submit) => async (...args) => {
    const submitted = await submit(...args);
    if (submitted.outcome === 'committed') txId = submitted.txId;
    throw unavailable('the answer was lost');
  });
  const north = gateway.client('north');
  await t.throwsAsync(north.submitBids(INTERVAL, batchOf([bid('pv1')])), { code: 'OUTCOME_UNKNOWN' });
  t.deepEqual(await gateway.store.pendingTransactions(), [txId]);
  await gateway.close();
  const next = await openGateway({ dir: gateway.dir });
  t.deepEqual(await next.store.pendingTransactions(), []);
  t.is((await next.client('north').readBid(UID)).txId, txId);
  t.deepEqual((await next.client('operator').verify()).findings, []);
  await next.close();
});

test('a lost answer is settled by the next read too, and the interval goes on', async (t) => {
  const gateway = await withFault((submit) => async (...args) => {
    await submit(...args);
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
