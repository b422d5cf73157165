/** M8 · What the gateway counts, as Prometheus reads it. */
import { bid, INTERVAL } from '@fieldbid/chaincode/testing/fixtures';
import test from 'ava';
import { batchOf, openGateway, qualified } from '../testing/open-gateway.ts';
import { GatewayMetrics } from './gateway-metrics.ts';

test('requests by route and status, ledger calls by outcome, what is pending', async (t) => {
  const metrics = new GatewayMetrics();
  const gateway = await openGateway({ metrics });
  t.teardown(() => gateway.close());
  await qualified(gateway, ['pv1']);
  const north = gateway.client('north');
  await north.submitBids(INTERVAL, batchOf([bid('pv1')]));
  await t.throwsAsync(north.submitBids(INTERVAL, batchOf([bid('pv1')])), { code: 'REPLAY' });
  await gateway.store.addPending(
    { txId: 'tx', endorsed: new Uint8Array(), since_ms: Date.now() - 60_000 },
    [],
  );
  const text = await metrics.text();
  const value = (name: string): number => {
    const line = text.split('\n').find((each) => each.startsWith(`${name} `));
    return Number(line?.split(' ').at(-1) ?? Number.NaN);
  };
  const http = 'fieldbid_http_request_duration_seconds_count';
  t.is(value(`${http}{method="POST",route="/v1/intervals/:id/bids",status="200"}`), 1);
  t.is(value(`${http}{method="POST",route="/v1/intervals/:id/bids",status="409"}`), 1);
  const ledger = 'fieldbid_ledger_call_duration_seconds_count';
  t.is(value(`${ledger}{call="endorse",transaction="submitBids",outcome="ok"}`), 1);
  t.is(value(`${ledger}{call="endorse",transaction="submitBids",outcome="refused"}`), 1);
  t.is(value(`${ledger}{call="commit",transaction="any",outcome="ok"}`), 3);
  t.is(value('fieldbid_pending_transactions'), 1);
  t.true(value('fieldbid_pending_oldest_age_seconds') >= 60);
  t.is(value('fieldbid_event_streams'), 0);
  // Ids are no labels: a market would make more of them every day.
  t.false(/pv1|[0-9a-f]{32}/.test(text));
});
