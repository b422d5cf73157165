/** The document is valid, is what the gateway does, and is what is checked in. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { INTERVAL, registration } from '@fieldbid/chaincode/testing/fixtures';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { apiFiles } from '../commands/build-api.ts';
import {
  type OpenGateway,
  openGateway,
  type Party,
  qualified,
  runInterval,
} from '../testing/open-gateway.ts';
import { type OpenApiDocument, type Operation, openApiDocument } from './openapi.ts';

const FIELDBID = fileURLToPath(
  new URL('bin/fieldbid.js', import.meta.resolve('@fieldbid/core/package.json')),
);
const UNKNOWN_UID = '0'.repeat(32);

let gateway: OpenGateway;
let document: OpenApiDocument;
/** `GET /v1/ders` and the like. */
let operations: Map<string, Operation>;
test.before(async () => {
  gateway = await openGateway({ config: { bodyLimit_bytes: 4096 } });
  document = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as OpenApiDocument;
  operations = new Map(
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation]),
    ),
  );
});
test.after.always(() => gateway?.close());

test('the document has every route', (t) => {
  t.deepEqual([...operations.keys()].sort(), [
    'GET /v1/bids/{uid}',
    'GET /v1/bids/{uid}/history',
    'GET /v1/ders',
    'GET /v1/ders/{derId}',
    'GET /v1/events',
    'GET /v1/grid-measurements',
    'GET /v1/health',
    'GET /v1/intervals/{id}',
    'GET /v1/intervals/{id}/history',
    'GET /v1/intervals/{id}/merit-order',
    'GET /v1/intervals/{id}/records',
    'GET /v1/readings',
    'GET /v1/verify',
    'POST /v1/ders',
    'POST /v1/ders/{derId}/key',
    'POST /v1/ders/{derId}/key/revocation',
    'POST /v1/grid-measurements',
    'POST /v1/intervals/{id}/awards',
    'POST /v1/intervals/{id}/bids',
    'POST /v1/intervals/{id}/decision',
    'POST /v1/intervals/{id}/dispatch',
    'POST /v1/intervals/{id}/settlement',
    'POST /v1/readings',
    'PUT /v1/bids/{uid}/quantity',
    'PUT /v1/ders/{derId}/key',
    'PUT /v1/ders/{derId}/qualification',
  ]);
});

test('the served document is valid OpenAPI 3.1, by the schema of the OpenAPI Initiative', async (t) => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document));
  t.true(valid, JSON.stringify(errors, undefined, 2));
  t.is(validator.version, '3.1');
});

test('the validator finds what is wrong in a document', async (t) => {
  const wrongs: ((copy: { paths: Record<string, Record<string, Record<string, unknown>>> }) => void)[] = [
    ({ paths }) => Object.assign(paths['/v1/verify']!.get!, { responses: { 200: {} } }),
    ({ paths }) => Object.assign(paths['/v1/verify']!.get!, { parameters: [{ name: 'a', in: 'adress' }] }),
    ({ paths }) => Object.assign(paths, { 'no-slash': {} }),
  ];
  for (const spoil of wrongs) {
    const copy = structuredClone(document) as never;
    spoil(copy);
    t.false((await new Validator().validate(copy)).valid, spoil.toString());
  }
});

test('what a schema of OpenAPI cannot say holds too: names, references, parameters, tags, security', (t) => {
  const ids = [...operations.values()].map(({ operationId }) => operationId);
  t.is(new Set(ids).size, ids.length);
  const text = JSON.stringify(document);
  for (const [, pointer] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    const found = pointer!.split('/').reduce<unknown>((node, key) => (node as never)?.[key], document);
    t.truthy(found, pointer);
  }
  const tags = (document.tags as { name: string }[]).map(({ name }) => name);
  for (const [call, { parameters = [], tags: own, security, ...operation }] of operations) {
    const declared = (parameters as { name: string; in: string; required?: boolean }[])
      .filter((parameter) => parameter.in === 'path' && parameter.required === true)
      .map(({ name }) => name);
    t.deepEqual(
      declared,
      [...call.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!),
      call,
    );
    t.true(
      (own as string[]).every((tag) => tags.includes(tag)),
      call,
    );
    t.truthy(operation.responses.default, call);
    if (call === 'GET /v1/health') continue;
    t.true(
      (security as { key: string[] }[]).every(({ key }) => key.length === 1),
      call,
    );
    for (const status of [401, 403, 429]) t.truthy(operation.responses[status], `${call} ${status}`);
  }
});

test('every operation is there, and refuses a stranger as the document says', async (t) => {
  const own = await openGateway();
  t.teardown(() => own.close());
  for (const [call, { security }] of operations) {
    const [method, path] = call.split(' ') as [string, string];
    const url = `${own.url}${path.replaceAll('{derId}', 'pv1').replaceAll('{id}', INTERVAL).replaceAll('{uid}', UNKNOWN_UID)}`;
    const { status } = await fetch(url, { method });
    // Wrong keys of one address are answered with 429 after a while.
    if ((security as unknown[]).length === 0) t.is(status, 200, call);
    else t.true(status === 401 || status === 429, `${call} ${status}`);
  }
});

test('answers are as the document says: status, content type and every key of the body', async (t) => {
  await qualified(gateway, ['pv1', 'pv2']);
  await runInterval(gateway);
  const { submissions } = await gateway.client('dso').readInterval(INTERVAL);
  const uid = submissions[0]!.bids[0]!.uid;
  const period = 'from_ms=0&to_ms=9000000000000';
  const register = 'POST /v1/ders';
  const asked: [call: string, path: string, party: Party | undefined, body: unknown, status: number][] = [
    [register, '/v1/ders', 'north', registration('pv3'), 200],
    [register, '/v1/ders', 'north', { ...registration('pv3'), nameplate_W: -1 }, 400],
    [register, '/v1/ders', undefined, registration('pv3'), 401],
    [register, '/v1/ders', 'dso', registration('pv3'), 403],
    [register, '/v1/ders', 'south', registration('pv4'), 403],
    [register, '/v1/ders', 'north', registration('pv3'), 409],
    [register, '/v1/ders', 'north', { deraId: 'x'.repeat(5000) }, 413],
    ['GET /v1/ders', '/v1/ders', 'iso', undefined, 200],
    ['GET /v1/intervals/{id}', `/v1/intervals/${INTERVAL}`, 'dso', undefined, 200],
    ['GET /v1/intervals/{id}', '/v1/intervals/noon', 'dso', undefined, 400],
    ['GET /v1/intervals/{id}/records', `/v1/intervals/${INTERVAL}/records`, 'north', undefined, 200],
    ['GET /v1/bids/{uid}', `/v1/bids/${uid}`, 'operator', undefined, 200],
    ['GET /v1/bids/{uid}', `/v1/bids/${UNKNOWN_UID}`, 'operator', undefined, 404],
    ['GET /v1/bids/{uid}', `/v1/bids/${uid}`, 'south', undefined, 403],
    ['GET /v1/bids/{uid}/history', `/v1/bids/${uid}/history`, 'iso', undefined, 200],
    ['GET /v1/readings', `/v1/readings?derId=pv1&${period}`, 'north', undefined, 200],
    ['GET /v1/readings', `/v1/readings?derId=pv9&${period}`, 'north', undefined, 409],
    ['GET /v1/readings', `/v1/readings?${period}`, 'north', undefined, 400],
    ['GET /v1/grid-measurements', `/v1/grid-measurements?feederId=ieee13&${period}`, 'dso', undefined, 200],
    ['GET /v1/verify', '/v1/verify', 'operator', undefined, 200],
    ['GET /v1/events', '/v1/events?after=99999', 'iso', undefined, 400],
    ['GET /v1/health', '/v1/health', undefined, undefined, 200],
  ];
  for (const [call, path, party, body, status] of asked) {
    const response = await fetch(`${gateway.url}${path}`, {
      method: call.split(' ')[0] as string,
      headers: headersOf(party, body === undefined ? undefined : 'application/json'),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    t.is(response.status, status, `${call} ${path}`);
    t.regex(response.headers.get('content-type') ?? '', /^application\/json/);
    conforms(t, call, status, await response.json());
  }
});

test('a body of another type is answered as the document says', async (t) => {
  const headers = headersOf('north', 'text/csv');
  const response = await fetch(`${gateway.url}/v1/ders`, { method: 'POST', headers, body: 'pv1' });
  t.is(response.status, 415);
  conforms(t, 'POST /v1/ders', 415, await response.json());
});

test('the event stream has the content type of the document, and its data are LedgerEvents', async (t) => {
  const own = await openGateway();
  t.teardown(() => own.close());
  await own.client('north').registerDer(registration('pv1'));
  const response = await fetch(`${own.url}/v1/events`, {
    headers: { authorization: `Bearer ${own.keyOf('iso')}` },
  });
  const { content } = operations.get('GET /v1/events')!.responses[200] as { content: object };
  t.deepEqual(Object.keys(content), [response.headers.get('content-type')!.split(';')[0]]);
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (/^data: .*\n\n/m.test(text)) break;
  }
  const data = JSON.parse(/^data: (.*)$/m.exec(text)![1]!);
  t.is(data.name, 'DerRegistered');
  const check = ajv().getSchema('document#/components/schemas/LedgerEvent')!;
  t.true(check(data), JSON.stringify(check.errors));
});

test('the files that others start from are those of the routes: npm run build:api', async (t) => {
  for (const { path, text } of await apiFiles())
    t.true(readFileSync(path, 'utf8') === text, `${path} is of other routes`);
  t.deepEqual(document, JSON.parse(JSON.stringify(openApiDocument())));
});

test('fieldbid gateway openapi prints the document, and opens no ledger and no store', async (t) => {
  const cwd = mkdtempSync(join(tmpdir(), 'openapi-'));
  t.teardown(() => rmSync(cwd, { recursive: true }));
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [FIELDBID, 'gateway', 'openapi'], {
    cwd,
    maxBuffer: 1 << 24,
  });
  t.deepEqual(JSON.parse(stdout), document);
  t.deepEqual(readdirSync(cwd), []);
});

function headersOf(party: Party | undefined, type: string | undefined): Record<string, string> {
  return {
    ...(party === undefined ? {} : { authorization: `Bearer ${gateway.keyOf(party)}` }),
    ...(type === undefined ? {} : { 'content-type': type }),
  };
}

/** JSON Schema checked by another program than the one that the gateway checks with. */
function ajv(): Ajv2020 {
  return new Ajv2020({ strict: false }).addSchema(document, 'document');
}

function conforms(
  t: { true(value: boolean, message?: string): void },
  call: string,
  status: number,
  body: unknown,
): void {
  const [method, path] = call.split(' ') as [string, string];
  const pointer = (keys: readonly string[]): string =>
    `document#/${keys.map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
  const { $ref } = (operations.get(call)?.responses[status] ?? {}) as { $ref?: string };
  const at = $ref?.slice(2).split('/') ?? ['paths', path, method.toLowerCase(), 'responses', String(status)];
  const check = ajv().getSchema(pointer([...at, 'content', 'application/json', 'schema']));
  t.true(check?.(body) === true, `${call} ${status}: ${JSON.stringify(check?.errors)}`);
}
