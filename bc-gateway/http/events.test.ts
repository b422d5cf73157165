/** Step 6 · The event stream: nothing lost, nothing twice, whatever happens to the connection. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { bid, INTERVAL } from '@fieldbid/chaincode/testing/fixtures';
import { GatewayClient } from '@fieldbid/core/gateway-api/client';
import type { LedgerEvent } from '@fieldbid/core/gateway-api/schemas';
import test from 'ava';
import { batchOf, openGateway, qualified, runInterval } from '../testing/open-gateway.ts';

const NAMES = [
  ...['DerRegistered', 'DerQualified', 'DerRegistered', 'DerQualified'],
  ...['BidsSubmitted', 'IntervalDecided', 'AwardsRecorded', 'DispatchConfirmed'],
];

/** Takes `count` events. */
async function take(client: GatewayClient, after: string | undefined, count: number): Promise<LedgerEvent[]> {
  const ending = new AbortController();
  const events: LedgerEvent[] = [];
  for await (const event of client.events(after, ending.signal)) {
    events.push(event);
    if (events.length === count) ending.abort();
  }
  return events;
}

test('the past is replayed, the present follows, and a checkpoint resumes after itself', async (t) => {
  const gateway = await openGateway();
  const dso = gateway.client('dso');
  const all = take(dso, undefined, 8);
  await qualified(gateway, ['pv1', 'pv2']);
  await runInterval(gateway);
  const events = await all;
  t.deepEqual(
    events.map(({ name }) => name),
    NAMES,
  );
  t.like(events[5], { payload: { intervalId: INTERVAL, revisions: [2, 2] } });
  t.deepEqual(await take(dso, undefined, 8), events);
  t.deepEqual(await take(dso, events[4]?.checkpoint, 3), events.slice(5));
  // `block` alone is after all of the block.
  t.deepEqual(await take(dso, events[4]?.checkpoint.split('.')[0], 3), events.slice(5));
  await gateway.close();
});

test('connections cut after every few bytes lose and double nothing', async (t) => {
  const gateway = await openGateway();
  await qualified(gateway, ['pv1', 'pv2']);
  await runInterval(gateway);
  const { port } = new URL(gateway.url);
  // A relay that lets each answer through up to a limit, in the middle of an event, then breaks the connection.
  let connections = 0;
  const sockets = new Set<Socket>();
  const relay = createServer((client) => {
    const upstream = connect(Number(port), '127.0.0.1');
    let left = 700 + 300 * connections++;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    client.pipe(upstream);
    upstream.on('data', (chunk) => {
      client.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left > 0) return;
      client.destroySoon();
      upstream.destroy();
    });
    upstream.on('end', () => client.end());
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  let interruptions = 0;
  const client = new GatewayClient({
    url: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`,
    apiKey: gateway.keyOf('iso'),
    onInterruption: () => interruptions++,
  });
  const events = await take(client, undefined, 8);
  t.deepEqual(
    events.map(({ name }) => name),
    NAMES,
  );
  t.is(new Set(events.map(({ checkpoint }) => checkpoint)).size, 8);
  t.true(interruptions >= 2, `${interruptions} interruptions`);
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => relay.close(resolve));
  await gateway.close();
});

test('a gateway that restarts is found again, on the same port', async (t) => {
  const first = await openGateway();
  await qualified(first, ['pv1']);
  const port = Number(new URL(first.url).port);
  const ending = new AbortController();
  const client = first.client('iso');
  const events = client.events(undefined, ending.signal)[Symbol.asyncIterator]();
  await events.next();
  await events.next();
  const third = events.next();
  await first.close();
  const second = await openGateway({ dir: first.dir, config: { listen: { port } } });
  await second.client('north').submitBids(INTERVAL, batchOf([bid('pv1')]));
  t.is((await third).value?.name, 'BidsSubmitted');
  ending.abort();
  t.true((await events.next()).done);
  await second.close();
});

test('an idle stream ends when told to, also after a garbage collection', async (t) => {
  // Node's fetch holds its abort signal weakly: without care, this iteration never ends.
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const gateway = await openGateway();
  await qualified(gateway, ['pv1']);
  const ending = new AbortController();
  const events = gateway.client('iso').events(undefined, ending.signal)[Symbol.asyncIterator]();
  await events.next();
  await events.next();
  const none = events.next();
  for (let i = 0; i < 5; i++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  ending.abort();
  t.true((await none).done);
  await gateway.close();
});

test('a gateway that does not answer ends with the deadline, and the outcome is said to be unknown', async (t) => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  const client = new GatewayClient({ url: `http://127.0.0.1:${port}`, apiKey: 'key', deadline_ms: 50 });
  t.like(await t.throwsAsync(client.submitBids(INTERVAL, batchOf([]))), {
    code: 'DEADLINE',
    retryable: true,
    details: { outcomeUnknown: true },
  });
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => silent.close(resolve));
});

test('an unknown key ends the iteration with its code instead of trying for ever', async (t) => {
  const gateway = await openGateway();
  const client = new GatewayClient({ url: gateway.url, apiKey: 'unknown' });
  await t.throwsAsync(take(client, undefined, 1), { code: 'UNAUTHENTICATED' });
  await t.throwsAsync(take(gateway.client('iso'), '99.0', 1), { code: 'CHECKPOINT_UNKNOWN' });
  await gateway.close();
});

test('an idle stream is kept alive by comments, a reader that leaves frees its place', async (t) => {
  const gateway = await openGateway({ config: { streamsPerKey: 1, heartbeat_ms: 10 } });
  const open = async (signal: AbortSignal) =>
    fetch(`${gateway.url}/v1/events`, {
      headers: { authorization: `Bearer ${gateway.keyOf('iso')}` },
      signal,
    });
  const ending = new AbortController();
  const first = await open(ending.signal);
  const reader = first.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes(': alive')) text += (await reader?.read())?.value ?? '';
  t.is((await open(new AbortController().signal)).status, 429);
  ending.abort();
  const again = new AbortController();
  let status = 429;
  while (status === 429) status = (await open(again.signal)).status;
  t.is(status, 200);
  again.abort();
  await gateway.close();
});

test('closing the gateway ends its streams', async (t) => {
  const gateway = await openGateway();
  const response = await fetch(`${gateway.url}/v1/events`, {
    headers: { authorization: `Bearer ${gateway.keyOf('iso')}` },
  });
  await gateway.close();
  t.regex(await response.text(), /fieldbid ledger events/);
});
