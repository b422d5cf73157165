/** The interval's way through the API, and what each party may see of it. */
import { bid, INTERVAL, registration } from '@fieldbid/chaincode/testing/fixtures';
import { bidUid } from '@fieldbid/core/digest';
import test from 'ava';
import { batchOf, decisionOf, openGateway, qualified, runInterval } from './testing/open-gateway.ts';

/** Prices of the fixtures and of runInterval, as digits that occur nowhere else. */
const PRICES = ['31234567', '987654321', '29876543', '40404040', 'uUSD'];

test('an interval goes from bids to dispatch, and both stores agree at every step', async (t) => {
  const gateway = await openGateway();
  await qualified(gateway, ['pv1', 'pv2']);
  await runInterval(gateway);
  const records = await gateway.client('north').readRecords(INTERVAL);
  t.is(records.length, 2);
  for (const { state, raw } of records) {
    t.like(state, { revision: 4, status: 'dispatched', quantity_W: 40_000, by: 'DsoMSP' });
    t.is(raw.price_uUSD_per_MWh, 40_404_040);
    t.is(raw.bid.price_uUSD_per_MWh, 31_234_567);
  }
  const history = await gateway.client('iso').readBidHistory(bidUid('pv1', INTERVAL, 'energy'));
  t.deepEqual(
    history.map(({ revision, status, quantity_W }) => [revision, status, quantity_W]),
    [
      [1, 'submitted', 50_000],
      [2, 'curtailed', 40_000],
      [3, 'awarded', 40_000],
      [4, 'dispatched', 40_000],
    ],
  );
  const whole = await gateway.client('iso').readIntervalHistory(INTERVAL);
  t.deepEqual(
    whole.filter(({ derId }) => derId === 'pv1'),
    history,
  );
  t.is(whole.length, 8);
  t.deepEqual(await gateway.client('iso').readIntervalHistory('2031-01-01T00:00Z'), []);
  const interval = await gateway.client('dso').readInterval(INTERVAL);
  t.is(interval.decision?.outcome, 'CURTAILED');
  t.is(interval.dispatch?.outcome, 'ACCEPTED');
  t.true(interval.submissions[0]?.awarded);
  // 2 x (register, qualify) + bids, decision, awards, dispatch; block 0 is genesis.
  t.deepEqual(await gateway.client('operator').verify(), {
    records: 8,
    transactions: 8,
    blocks: 9,
    findings: [],
  });
  await gateway.close();
});

test('no price in anything that the DSO can read, in any ledger payload, or in any event', async (t) => {
  const gateway = await openGateway();
  await qualified(gateway, ['pv1', 'pv2']);
  await runInterval(gateway);
  const headers = { authorization: `Bearer ${gateway.keyOf('dso')}` };
  const uid = bidUid('pv1', INTERVAL, 'energy');
  let readable = 0;
  for (const path of [
    '/v1/ders',
    `/v1/intervals/${INTERVAL}`,
    `/v1/intervals/${INTERVAL}/merit-order`,
    `/v1/intervals/${INTERVAL}/records`,
    `/v1/bids/${uid}`,
    `/v1/bids/${uid}/history`,
    '/v1/verify',
  ]) {
    const answer = await fetch(`${gateway.url}${path}`, { headers });
    if (answer.ok) readable++;
    const text = await answer.text();
    for (const price of PRICES) t.false(text.includes(price), `${path} shows ${price}`);
  }
  t.is(readable, 4);
  await gateway.close();
  const { default: sqlite } = await import('sqlite3');
  const db = new sqlite.Database(`${gateway.dir}/ledger/ledger.sqlite`);
  const rows = await new Promise<unknown[]>((resolve, reject) => {
    db.all('SELECT data AS text FROM blocks UNION ALL SELECT key || value FROM state', (error, all) =>
      error === null ? resolve(all) : reject(error),
    );
  });
  const ledger = JSON.stringify(rows);
  t.true(ledger.includes(uid));
  for (const price of PRICES) t.false(ledger.includes(price), `the ledger shows ${price}`);
});

test('an aggregator sees its own raw records only; the operator sees all', async (t) => {
  const gateway = await openGateway();
  await qualified(gateway, ['pv1']);
  await qualified(gateway, ['pv2'], { deraId: 'south' });
  await gateway.client('north').submitBids(INTERVAL, batchOf([bid('pv1')]));
  await gateway.client('south').submitBids(INTERVAL, batchOf([bid('pv2', { deraId: 'south' })], 'south'));
  const derIds = async (party: 'north' | 'south' | 'operator') =>
    (await gateway.client(party).readRecords(INTERVAL)).map(({ state }) => state.derId);
  t.deepEqual(await derIds('north'), ['pv1']);
  t.deepEqual(await derIds('south'), ['pv2']);
  t.deepEqual(await derIds('operator'), ['pv1', 'pv2']);
  const uid = bidUid('pv2', INTERVAL, 'energy');
  await t.throwsAsync(gateway.client('north').readBid(uid), { code: 'WRONG_AGGREGATOR' });
  t.is((await gateway.client('south').readBid(uid)).raw.bid.uid, uid);
  await t.throwsAsync(gateway.client('dso').readBid(uid), { code: 'FORBIDDEN' });
  await gateway.close();
});

test('a commitment to baselines is read by everybody, and is in no submission without one', async (t) => {
  const gateway = await openGateway();
  await qualified(gateway, ['pv1']);
  const later = '2026-06-21T12:15Z';
  const baselineCommitment = 'a'.repeat(64);
  await gateway.client('north').submitBids(INTERVAL, { ...batchOf([bid('pv1')]), baselineCommitment });
  await gateway.client('north').submitBids(later, batchOf([]));
  for (const party of ['north', 'dso', 'operator'] as const) {
    const { submissions } = await gateway.client(party).readInterval(INTERVAL);
    t.is(submissions[0]?.baselineCommitment, baselineCommitment);
  }
  const { submissions } = await gateway.client('dso').readInterval(later);
  t.false('baselineCommitment' in submissions[0]!);
  await gateway.close();
});

test('the DSO gets ranks over all aggregators, equal ones for equal prices, and nothing else', async (t) => {
  const gateway = await openGateway();
  await qualified(gateway, ['pv1', 'pv3', 'pv4']);
  await qualified(gateway, ['pv2'], { deraId: 'south' });
  const at = (derId: string, price_uUSD_per_MWh: number, deraId = 'north') =>
    bid(derId, { deraId, price_uUSD_per_MWh });
  const north = [at('pv1', 40_000_001), at('pv3', -5_000_000), at('pv4', 31_234_567)];
  await gateway.client('north').submitBids(INTERVAL, batchOf(north));
  await gateway.client('south').submitBids(INTERVAL, batchOf([at('pv2', 31_234_567, 'south')], 'south'));
  const { groups, ...rest } = await gateway.client('dso').readMeritOrder(INTERVAL);
  const uids = (...derIds: string[]) => derIds.map((derId) => bidUid(derId, INTERVAL, 'energy')).sort();
  t.deepEqual(groups, [uids('pv3'), uids('pv4', 'pv2'), uids('pv1')]);
  t.deepEqual(rest, { intervalId: INTERVAL });
  for (const party of ['north', 'iso', 'operator'] as const) {
    await t.throwsAsync(gateway.client(party).readMeritOrder(INTERVAL), { code: 'FORBIDDEN' });
  }
  await gateway.close();
});

test('a key of one aggregator cannot act for another', async (t) => {
  const gateway = await openGateway();
  await qualified(gateway, ['pv1']);
  const south = gateway.client('south');
  await t.throwsAsync(south.registerDer(registration('pv9')), { code: 'WRONG_AGGREGATOR' });
  await t.throwsAsync(south.submitBids(INTERVAL, batchOf([bid('pv1')])), { code: 'WRONG_AGGREGATOR' });
  await gateway.close();
});

test('the DSO cannot raise a quantity, whatever revision it names', async (t) => {
  const gateway = await openGateway();
  await qualified(gateway, ['pv1']);
  await gateway.client('north').submitBids(INTERVAL, batchOf([bid('pv1')]));
  const dso = gateway.client('dso');
  const decision = await decisionOf(gateway, 0.8);
  const raised = decision.quantities.map((change) => ({ ...change, quantity_W: 50_001 }));
  await t.throwsAsync(dso.decide(INTERVAL, { ...decision, quantities: raised }), { code: 'QUANTITY_RAISED' });
  const late = raised.map((change) => ({ ...change, expectedRevision: 2 }));
  await t.throwsAsync(dso.decide(INTERVAL, { ...decision, quantities: late }), { code: 'REVISION_CONFLICT' });
  t.is((await gateway.client('north').readRecords(INTERVAL))[0]?.state.revision, 1);
  await gateway.close();
});

test('a device claimed by one aggregator is refused to another, and the batch with it', async (t) => {
  const gateway = await openGateway();
  const deviceIds = ['shared-inverter'];
  await qualified(gateway, ['pv1'], { deviceIds });
  await qualified(gateway, ['pv2'], { deviceIds, deraId: 'south' });
  await qualified(gateway, ['pv3'], { deraId: 'south' });
  await gateway.client('north').submitBids(INTERVAL, batchOf([bid('pv1', { deviceIds })]));
  const again = gateway
    .client('south')
    .submitBids(
      INTERVAL,
      batchOf([bid('pv2', { deviceIds, deraId: 'south' }), bid('pv3', { deraId: 'south' })], 'south'),
    );
  const error = await t.throwsAsync(again, { code: 'CLAIMED' });
  t.like(error, { details: { derId: 'pv2', deviceId: 'shared-inverter', status: 409 } });
  t.is((await gateway.client('dso').readInterval(INTERVAL)).submissions.length, 1);
  await gateway.close();
});

test('the order in which bids and quantities are sent leaves no trace on the ledger', async (t) => {
  const run = async (order: string[]) => {
    const gateway = await openGateway();
    await qualified(gateway, ['pv1', 'pv2', 'pv3']);
    await gateway.client('north').submitBids(INTERVAL, batchOf(order.map((der) => bid(der))));
    const decision = await decisionOf(gateway, 0.5);
    const quantities = order[0] === 'pv1' ? decision.quantities : [...decision.quantities].reverse();
    await gateway.client('dso').decide(INTERVAL, { ...decision, quantities });
    await gateway.close();
    const { default: sqlite } = await import('sqlite3');
    const db = new sqlite.Database(`${gateway.dir}/ledger/ledger.sqlite`);
    const blocks = await new Promise<{ data: string }[]>((resolve, reject) => {
      db.all<{ data: string }>('SELECT data FROM blocks WHERE number > 0 ORDER BY number', (error, all) =>
        error === null ? resolve(all) : reject(error),
      );
    });
    return blocks.flatMap(({ data }) =>
      (
        JSON.parse(data) as {
          transactions: { proposal: { transaction: string; payload: string }; effects: unknown }[];
        }
      ).transactions.map(({ proposal, effects }) => [
        proposal.transaction,
        proposal.payload,
        JSON.stringify(effects),
      ]),
    );
  };
  const first = await run(['pv1', 'pv2', 'pv3']);
  t.is(first.length, 8);
  t.deepEqual(await run(['pv3', 'pv1', 'pv2']), first);
});
