/** What the API refuses, and how it says so. */
import { request } from 'node:http';
import { bid, INTERVAL, registration } from '@fieldbid/chaincode/testing/fixtures';
import { GatewayClient } from '@fieldbid/core/gateway-api/client';
import { Problem } from '@fieldbid/core/gateway-api/schemas';
import { RateLimit } from '@fieldbid/core/http/rate-limit';
import { silentLogger } from '@fieldbid/core/logging';
import { matches } from '@fieldbid/core/schema';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { apiKeysOf } from '../auth/api-keys.ts';
import { BcGateway } from '../gateway.ts';
import { batchOf, type OpenGateway, openGateway, qualified } from '../testing/open-gateway.ts';

async function answer(
  gateway: OpenGateway,
  path: string,
  init: RequestInit & { party?: Parameters<OpenGateway['keyOf']>[0] } = {},
): Promise<{ status: number; problem: Problem; headers: Headers }> {
  const { party, ...rest } = init;
  const response = await fetch(`${gateway.url}${path}`, {
    ...rest,
    headers: {
      ...(party === undefined ? {} : { authorization: `Bearer ${gateway.keyOf(party)}` }),
      ...rest.headers,
    },
  });
  return { status: response.status, problem: (await response.json()) as Problem, headers: response.headers };
}

const JSON_TYPE = { 'content-type': 'application/json' };

async function withGateway(
  t: ExecutionContext,
  run: (gateway: OpenGateway) => Promise<void>,
  config = {},
): Promise<void> {
  const gateway = await openGateway({ config });
  t.teardown(() => gateway.close());
  await run(gateway);
}

test('no key, an unknown key and a malformed header are 401', async (t) => {
  await withGateway(t, async (gateway) => {
    for (const headers of [
      {},
      { authorization: 'Bearer fb_unknown' },
      { authorization: gateway.keyOf('dso') },
      { authorization: `Basic ${gateway.keyOf('dso')}` },
    ]) {
      const { status, problem } = await answer(gateway, '/v1/ders', {
        headers: headers as Record<string, string>,
      });
      t.is(status, 401);
      t.is(problem.code, 'UNAUTHENTICATED');
    }
  });
});

test('a body without a valid key is not even parsed', async (t) => {
  await withGateway(t, async (gateway) => {
    const { status } = await answer(gateway, '/v1/ders', { method: 'POST', body: '{', headers: JSON_TYPE });
    t.is(status, 401);
  });
});

test('each call is for its roles', async (t) => {
  await withGateway(t, async (gateway) => {
    const calls: [party: 'north' | 'dso' | 'iso' | 'operator', method: string, path: string][] = [
      ['dso', 'POST', '/v1/ders'],
      ['north', 'PUT', '/v1/ders/pv1/qualification'],
      ['dso', 'POST', `/v1/intervals/${INTERVAL}/bids`],
      ['iso', 'POST', `/v1/intervals/${INTERVAL}/bids`],
      ['north', 'POST', `/v1/intervals/${INTERVAL}/decision`],
      ['operator', 'POST', `/v1/intervals/${INTERVAL}/decision`],
      ['dso', 'POST', `/v1/intervals/${INTERVAL}/awards`],
      ['north', 'POST', `/v1/intervals/${INTERVAL}/dispatch`],
      ['dso', 'GET', `/v1/intervals/${INTERVAL}/records`],
      ['iso', 'GET', `/v1/intervals/${INTERVAL}/records`],
      ['dso', 'GET', `/v1/bids/${'0'.repeat(32)}`],
      ['north', 'GET', '/v1/verify'],
    ];
    for (const [party, method, path] of calls) {
      const body = method === 'GET' ? {} : { body: '{}', headers: JSON_TYPE };
      const { status, problem } = await answer(gateway, path, { party, method, ...body });
      t.is(`${status} ${problem.code}`, '403 FORBIDDEN', `${party} ${method} ${path}`);
    }
  });
});

test('a malformed body names path, found and expected', async (t) => {
  await withGateway(t, async (gateway) => {
    const body = batchOf([{ ...bid('pv1'), quantity_W: -1 }]);
    const wrong = await answer(gateway, `/v1/intervals/${INTERVAL}/bids`, {
      party: 'north',
      method: 'POST',
      body: JSON.stringify(body),
      headers: JSON_TYPE,
    });
    t.is(wrong.status, 400);
    t.like(wrong.problem, {
      code: 'INVALID_INPUT',
      details: { path: '/bids/0/quantity_W', found: '-1', expected: 'a number >= 0' },
    });
    const unknown = await answer(gateway, '/v1/ders', {
      party: 'north',
      method: 'POST',
      body: JSON.stringify({ ...registration('pv1'), nameplate_kW: 100 }),
      headers: JSON_TYPE,
    });
    t.like(unknown.problem, { code: 'INVALID_INPUT', details: { path: '/nameplate_kW' } });
  });
});

test('broken JSON, another media type, a wrong path parameter and an unknown path are told apart', async (t) => {
  await withGateway(t, async (gateway) => {
    const post = (body: string, type: string) =>
      answer(gateway, '/v1/ders', {
        party: 'north',
        method: 'POST',
        body,
        headers: { 'content-type': type },
      });
    t.like(await post('{"derId":', 'application/json'), { status: 400, problem: { code: 'INVALID_INPUT' } });
    t.like(await post('', 'application/json'), { status: 400, problem: { code: 'INVALID_INPUT' } });
    t.like(await post('derId=pv1', 'application/x-www-form-urlencoded'), {
      status: 415,
      problem: { code: 'UNSUPPORTED_MEDIA_TYPE' },
    });
    t.like(await answer(gateway, '/v1/intervals/noon', { party: 'dso' }), {
      status: 400,
      problem: { code: 'INVALID_INPUT', details: { path: '/id', found: '"noon"' } },
    });
    t.like(await answer(gateway, '/v1/prices', { party: 'dso' }), {
      status: 404,
      problem: { code: 'NOT_FOUND' },
    });
    t.like(await answer(gateway, '/v1/events?after=yesterday', { party: 'dso' }), {
      status: 400,
      problem: { code: 'INVALID_INPUT', details: { path: '/after' } },
    });
    t.like(await answer(gateway, '/v1/events?after=77.0', { party: 'dso' }), {
      status: 400,
      problem: { code: 'CHECKPOINT_UNKNOWN' },
    });
  });
});

test('an oversized body is 413 and the gateway goes on', async (t) => {
  await withGateway(
    t,
    async (gateway) => {
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const sent = request(
          `${gateway.url}/v1/ders`,
          {
            method: 'POST',
            headers: {
              ...JSON_TYPE,
              authorization: `Bearer ${gateway.keyOf('north')}`,
              'content-length': 100_000,
            },
          },
          (response) => {
            response.resume();
            response.on('end', () => resolve(response.statusCode));
          },
        );
        sent.on('error', reject);
        sent.flushHeaders();
      });
      t.is(status, 413);
      t.deepEqual(await gateway.client('dso').listDers(), []);
    },
    { bodyLimit_bytes: 2048 },
  );
});

test('a bid of another interval or aggregator than its batch is named', async (t) => {
  await withGateway(t, async (gateway) => {
    await qualified(gateway, ['pv1']);
    const north = gateway.client('north');
    t.like(await t.throwsAsync(north.submitBids('2026-06-21T12:15Z', batchOf([bid('pv1')]))), {
      code: 'INVALID_INPUT',
      details: { path: '/bids/0/intervalId', found: INTERVAL, expected: '2026-06-21T12:15Z' },
    });
    t.like(await t.throwsAsync(north.submitBids(INTERVAL, batchOf([bid('pv1', { deraId: 'south' })]))), {
      details: { path: '/bids/0/deraId' },
    });
  });
});

test('too many requests of one key are 429 with a time to wait; other keys are not held up', async (t) => {
  await withGateway(
    t,
    async (gateway) => {
      for (let i = 0; i < 3; i++) await gateway.client('dso').listDers();
      const { status, problem, headers } = await answer(gateway, '/v1/ders', { party: 'dso' });
      t.is(`${status} ${problem.code}`, '429 RATE_LIMITED');
      t.true(Number(headers.get('retry-after')) >= 1);
      await t.throwsAsync(gateway.client('dso').listDers(), { code: 'RATE_LIMITED' });
      t.deepEqual(await gateway.client('iso').listDers(), []);
    },
    { rateLimit: { perSecond: 0.001, burst: 3 } },
  );
});

test('a bucket refills with time, up to its burst', (t) => {
  let now_ms = 0;
  const limit = new RateLimit({ perSecond: 2, burst: 3 }, () => now_ms);
  t.deepEqual(
    [1, 2, 3].map(() => limit.take('a')),
    [0, 0, 0],
  );
  t.is(limit.take('a'), 0.5);
  now_ms = 250;
  t.is(limit.take('a'), 0.25);
  now_ms = 500;
  t.is(limit.take('a'), 0);
  now_ms = 60_000;
  t.deepEqual(
    [1, 2, 3, 4].map(() => limit.take('a')),
    [0, 0, 0, 0.5],
  );
});

test('it does not listen beyond loopback in clear, and says what would do', async (t) => {
  await withGateway(t, async ({ ledger, stores }) => {
    const options = {
      ledger,
      stores,
      keys: apiKeysOf([]),
      now: () => 0,
      log: silentLogger(),
    };
    t.like(
      await t.throwsAsync(BcGateway.start({ ...options, config: { listen: { host: '0.0.0.0', port: 0 } } })),
      {
        code: 'INVALID_INPUT',
        details: { path: '/listen/host' },
      },
    );
    t.like(await t.throwsAsync(BcGateway.start({ ...options, config: { listen: { prot: 1 } } })), {
      details: { path: '/listen/prot' },
    });
  });
});

test('health needs no key and says what is down', async (t) => {
  await withGateway(t, async (gateway) => {
    t.deepEqual(await (await fetch(`${gateway.url}/v1/health`)).json(), { ledger: 'up', store: 'up' });
    await gateway.stores.close();
    const response = await fetch(`${gateway.url}/v1/health`);
    t.is(response.status, 503);
    t.deepEqual(await response.json(), { ledger: 'up', store: 'down' });
    (gateway.stores as { close: () => Promise<void> }).close = async () => {};
  });
});

test('log lines carry the uids of a request and no key, salt or price', async (t) => {
  const lines: string[] = [];
  const gateway = await openGateway({ log: pino({}, { write: (line: string) => void lines.push(line) }) });
  await qualified(gateway, ['pv1']);
  await gateway.client('north').submitBids(INTERVAL, batchOf([bid('pv1')]));
  const [record] = await gateway.client('north').readRecords(INTERVAL);
  await gateway.close();
  const line = lines
    .map((text) => JSON.parse(text) as Record<string, unknown>)
    .find((l) => l.route === '/v1/intervals/:id/bids');
  t.like(line, {
    intervalId: INTERVAL,
    deraId: 'north',
    status: 200,
    key: 'north',
    correlationIds: [bid('pv1').uid],
  });
  const all = lines.join('');
  for (const secret of [gateway.keyOf('north'), record?.salt ?? 'no salt', '31234567'])
    t.false(all.includes(secret));
});

test('a client says what kind of trouble it has', async (t) => {
  const dead = new GatewayClient({ url: 'http://127.0.0.1:9', apiKey: 'none', deadline_ms: 2000 });
  t.like(await t.throwsAsync(dead.listDers()), { code: 'GATEWAY_UNAVAILABLE', retryable: true });
  t.like(await t.throwsAsync(dead.submitBids(INTERVAL, batchOf([]))), { details: { outcomeUnknown: true } });
  await withGateway(t, async (gateway) => {
    const stranger = new GatewayClient({ url: gateway.url, apiKey: 'none' });
    t.like(await t.throwsAsync(stranger.listDers()), { code: 'UNAUTHENTICATED', retryable: false });
    const wrongPath = new GatewayClient({ url: `${gateway.url}/v2`, apiKey: 'none' });
    t.like(await t.throwsAsync(wrongPath.listDers()), { code: 'NOT_FOUND' });
  });
});

test('every refusal is a Problem', async (t) => {
  await withGateway(t, async (gateway) => {
    const answers = [
      await answer(gateway, '/v1/ders'),
      await answer(gateway, '/nowhere'),
      await answer(gateway, '/v1/verify', { party: 'dso' }),
      await answer(gateway, `/v1/bids/${'0'.repeat(32)}`, { party: 'operator' }),
    ];
    for (const { problem } of answers) t.true(matches(Problem, problem), JSON.stringify(problem));
  });
});
