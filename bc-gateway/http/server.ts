/**
 * The HTTP server: authentication, limits, checks and logs around the routes. Every answer that is not 2xx
 * is a `Problem`; a bad request ends here, before anything is begun.
 */
import { randomUUID } from 'node:crypto';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import { API_PREFIX, type Health } from '@fieldbid/core/gateway-api/schemas';
import { RateLimit } from '@fieldbid/core/http/rate-limit';
import type { Logger } from '@fieldbid/core/logging';
import { parse } from '@fieldbid/core/schema';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { type ApiKeyEntry, type ApiKeyStore, authenticate } from '../auth/api-keys.ts';
import { rolesWith, type Scope, scopesOf } from '../auth/scopes.ts';
import { isAfter, positionOf } from '../ledger/checkpoint.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import type { HttpConfig } from './config.ts';
import { EventQuery, streamEvents } from './event-stream.ts';
import { openApiDocument } from './openapi.ts';
import { problemOf } from './problems.ts';
import { type Caller, type Route, type Services, scopesIn } from './route.ts';
import { ROUTES } from './routes.ts';
import { subjectOf } from './subject.ts';

export interface ServerOptions {
  readonly config: HttpConfig;
  readonly tls: { cert: string; key: string; ca?: string } | undefined;
  readonly ledger: Ledger;
  readonly keys: ApiKeyStore;
  readonly metrics: GatewayMetrics;
  readonly services: Services;
  readonly log: Logger;
  health(): Promise<Health>;
  /** Ends the event streams. */
  readonly closing: AbortSignal;
}

/** Wrong keys per second and address, so that nobody tries them all. */
const WRONG_KEYS = { perSecond: 5, burst: 20 };

const callers = new WeakMap<FastifyRequest, Caller>();

export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const { config, tls, log, metrics } = options;
  const app = Fastify({
    ...(tls === undefined
      ? {}
      : { https: { ...tls, minVersion: 'TLSv1.2', requestCert: tls.ca !== undefined } }),
    logger: false,
    bodyLimit: config.bodyLimit_bytes,
    genReqId: () => randomUUID(),
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 200 },
  }) as unknown as FastifyInstance;
  app.setValidatorCompiler(({ schema, httpPart, method, url }) => (value: unknown) => {
    try {
      return { value: parse(schema as TSchema, value ?? {}, `${method} ${url} ${httpPart}`) };
    } catch (error) {
      return { error: error as Error };
    }
  });
  app.setErrorHandler((error, request, reply) => {
    const { status, problem } = problemOf(error, request.id);
    if (status >= 500) log.error({ requestId: request.id, code: problem.code, err: error }, messageOf(error));
    const wait_s = problem.details?.retryAfter_s;
    if (typeof wait_s === 'number') void reply.header('retry-after', wait_s);
    void reply.status(status).send(problem);
  });
  app.setNotFoundHandler((request, reply) => {
    const message = `There is no ${request.method} ${request.url.split('?')[0]}; see /openapi.json.`;
    void reply.status(404).send({ code: 'NOT_FOUND', message });
  });
  app.addHook('onResponse', async (request, reply) => {
    const key = callers.get(request)?.key.name;
    const { method, routeOptions, id } = request;
    metrics.request(method, routeOptions.url ?? 'unknown', reply.statusCode, reply.elapsedTime);
    log.info(
      {
        requestId: id,
        method,
        route: routeOptions.url ?? 'unknown',
        status: reply.statusCode,
        duration_ms: Math.round(reply.elapsedTime * 10) / 10,
        ...(key === undefined ? {} : { key }),
        ...subjectOf(request.params, request.body),
      },
      'request',
    );
  });
  const guard = guardOf(options);
  for (const route of ROUTES) addRoute(app, route, options.services, guard);
  addHealth(app, options);
  addEvents(app, options, guard);
  const document = openApiDocument();
  app.get('/openapi.json', async () => document);
  await app.ready();
  return app;
}

type Guard = (request: FastifyRequest, scope: Route['scope']) => Promise<Caller>;

/** Who is calling, allowed to, and not too often. @throws FieldbidError UNAUTHENTICATED, FORBIDDEN, RATE_LIMITED. */
function guardOf({ config, keys, ledger }: ServerOptions): Guard {
  const perKey = new RateLimit(config.rateLimit);
  const perAddress = new RateLimit(WRONG_KEYS);
  return async (request, scope) => {
    const presented = /^Bearer ([\x21-\x7e]{1,200})$/.exec(request.headers.authorization ?? '')?.[1];
    const key = presented === undefined ? undefined : await authenticate(keys, presented, Date.now());
    if (key === undefined) {
      limit(perAddress, request.ip);
      throw new FieldbidError('UNAUTHENTICATED', 'An API key is needed: Authorization: Bearer KEY.');
    }
    limit(perKey, key.name);
    requireScope(key, scopesIn(scope));
    const caller = { key, identity: await ledger.identity(identityName(key)) };
    callers.set(request, caller);
    return caller;
  };
}

/** The key is allowed one of these. */
function requireScope({ name, role, scopes }: ApiKeyEntry, wanted: readonly Scope[]): void {
  const allowed = scopes ?? scopesOf(role);
  if (wanted.some((scope) => allowed.includes(scope))) return;
  const roles = [...new Set(wanted.flatMap(rolesWith))];
  throw new FieldbidError(
    'FORBIDDEN',
    roles.includes(role)
      ? `This needs the scope ${wanted.join(' or ')}; the key ${name} has ${allowed.join(', ')}.`
      : `This is for ${roles.join(', ')}; the key is of ${role}.`,
  );
}

function identityName({ mspId, role, deraId }: ApiKeyEntry) {
  return deraId === undefined ? { mspId, role } : { mspId, role, deraId };
}

function limit(bucket: RateLimit, name: string): void {
  const wait_s = bucket.take(name);
  if (wait_s === 0) return;
  throw new FieldbidError('RATE_LIMITED', `Too many requests; the next in ${wait_s.toFixed(2)} s.`, {
    retryable: true,
    details: { retryAfter_s: Math.ceil(wait_s) },
  });
}

function addRoute(app: FastifyInstance, route: Route, services: Services, guard: Guard): void {
  const { method, url, scope, params, query, body, handle } = route;
  app.route({
    method,
    url: `${API_PREFIX}${url}`,
    schema: {
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { querystring: query }),
      ...(body === undefined ? {} : { body }),
    },
    // Before the body is read: what a stranger sends is not even parsed.
    onRequest: async (request) => {
      await guard(request, scope);
    },
    handler: async (request) => {
      const caller = callers.get(request);
      if (caller === undefined) throw new RangeError('a request reached its handler unguarded');
      return handle(services, caller, request.params, query === undefined ? request.body : request.query);
    },
  });
}

function addHealth(app: FastifyInstance, { health }: ServerOptions): void {
  app.get(`${API_PREFIX}/health`, async (_request, reply) => {
    const state = await health();
    return reply.status(state.ledger === 'up' && state.store === 'up' ? 200 : 503).send(state);
  });
}

function addEvents(app: FastifyInstance, options: ServerOptions, guard: Guard): void {
  const { config, ledger, closing, log, metrics } = options;
  const open = new Map<string, number>();
  app.get(`${API_PREFIX}/events`, { schema: { querystring: EventQuery } }, async (request, reply) => {
    const { key } = await guard(request, 'events');
    const header = request.headers['last-event-id'];
    const after =
      (request.query as { after?: string }).after ?? (typeof header === 'string' ? header : undefined);
    await requireCheckpoint(ledger, after);
    const streams = open.get(key.name) ?? 0;
    if (streams >= config.streamsPerKey) {
      throw new FieldbidError('RATE_LIMITED', `The key holds ${streams} event streams open already.`);
    }
    open.set(key.name, streams + 1);
    metrics.streams(1);
    const left = new AbortController();
    const leave = (): void => left.abort();
    reply.raw.once('close', leave);
    // It may have gone while we looked who it is: that it closes was said before anybody listened.
    if (reply.raw.destroyed) leave();
    closing.addEventListener('abort', leave, { once: true });
    reply.hijack();
    try {
      await streamEvents(reply.raw, ledger.events(after, left.signal), left.signal, config.heartbeat_ms);
    } catch (error) {
      log.error({ requestId: request.id, err: error }, `event stream: ${messageOf(error)}`);
    } finally {
      open.set(key.name, (open.get(key.name) ?? 1) - 1);
      metrics.streams(-1);
      closing.removeEventListener('abort', leave);
      reply.raw.end();
    }
  });
}

/** Before the answer begins: after it, only the connection could be broken. */
async function requireCheckpoint(ledger: Ledger, after: string | undefined): Promise<void> {
  if (after === undefined) return;
  const head = await ledger.head();
  if (positionOf(after).block <= positionOf(head).block || !isAfter(positionOf(after), positionOf(head)))
    return;
  throw new FieldbidError('CHECKPOINT_UNKNOWN', `The ledger ends at ${head}; ${after} is of another ledger.`);
}
