/**
 * The page's server: the page, the live stream, what it asks for on demand, and what an operator may do. Whatever is not 2xx
 * is a `Problem`, as at the BC-GW. The token comes in a header, never in an address, so no other site can use it and no log
 * holds it.
 */
import { codeOf, FieldbidError, messageOf } from '@fieldbid/core/errors';
import { RateLimit } from '@fieldbid/core/http/rate-limit';
import { FAULTS_PATH, type FaultControl, FaultOrder } from '@fieldbid/core/lab/faults';
import type { Logger } from '@fieldbid/core/logging';
import { isLoopback } from '@fieldbid/core/loopback';
import { Id, IntervalId, Uid } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { MarketState } from '../state/market-state.ts';
import { type Access, holdsToken, isOwnName, requireSafeAccess } from './access.ts';
import { streamChanges } from './event-stream.ts';
import { answerOf } from './problems.ts';
import { intervalOf, type RecordSource, recordOf, sharedVerification } from './records.ts';
import { staticFiles } from './static-files.ts';

export interface PageServerOptions {
  readonly access: Access;
  /** File or flag that the access is from, for a refusal. */
  readonly source: string;
  readonly state: MarketState;
  /** Absent: the page shows nothing of the ledger. */
  readonly records?: RecordSource;
  /** Absent: there is nothing to inject faults into. */
  readonly faults?: FaultControl;
  readonly log: Logger;
}

export interface PageServer {
  /** `http://127.0.0.1:8800/` */
  readonly url: string;
  close(): Promise<void>;
}

/** Of one address: one reader must not keep the BC-GW busy for all. */
const QUESTIONS = { perSecond: 40, burst: 160 };
const MOST_CONNECTIONS = 128;
const MOST_STREAMS = 32;
const BODY_LIMIT_BYTES = 4096;
const REQUEST_DEADLINE_MS = 10_000;

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** @throws InputError for an access that would be open to others; FieldbidError `PAGE_PORT` when it cannot listen there. */
export async function servePage(options: PageServerOptions): Promise<PageServer> {
  const { access, source, state, log } = options;
  requireSafeAccess(access, source);
  const app = Fastify({
    ...(access.tls === undefined ? {} : { https: { ...access.tls, minVersion: 'TLSv1.2' } }),
    ...{ logger: false, bodyLimit: BODY_LIMIT_BYTES, requestTimeout: REQUEST_DEADLINE_MS },
    forceCloseConnections: true,
  }) as unknown as FastifyInstance;
  app.server.maxConnections = MOST_CONNECTIONS;
  const perAddress = new RateLimit(QUESTIONS);
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(HEADERS);
    if (!isOwnName(request.headers.host, access)) {
      throw new FieldbidError('WRONG_HOST', 'This page is asked for by the name of this machine.');
    }
    const { url } = request.routeOptions;
    if (url === undefined || !/^\/(api|events)/.test(url)) return;
    if (perAddress.take(request.ip) > 0)
      throw new FieldbidError('RATE_LIMITED', 'Too many requests; wait a second.', { retryable: true });
    if (readNeedsToken(access)) requireToken(request, access);
  });
  app.setErrorHandler((error, _request, reply) => {
    const { status, problem } = answerOf(error);
    if (status >= 500) log.warn({ code: codeOf(error) }, messageOf(error));
    void reply.status(status).send(problem);
  });
  app.setNotFoundHandler((request, reply) => {
    const message = `There is no ${request.method} ${request.url.split('?')[0]}.`;
    void reply.status(404).send({ code: 'NOT_FOUND', message });
  });
  for (const [path, { type, body }] of staticFiles()) {
    app.get(path, (_request, reply) => reply.header('cache-control', 'no-cache').type(type).send(body));
  }
  const closing = new AbortController();
  addStream(app, state, closing.signal);
  addQuestions(app, options);
  addActions(app, options);
  try {
    await app.listen({ host: access.host, port: access.port });
  } catch (cause) {
    const text = `the page cannot listen on ${access.host}:${access.port}: ${messageOf(cause)}`;
    throw new FieldbidError('PAGE_PORT', text, { cause });
  }
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : access.port;
  const host = access.host.includes(':') ? `[${access.host}]` : access.host;
  return {
    url: `${access.tls === undefined ? 'http' : 'https'}://${host}:${port}/`,
    close: async () => {
      closing.abort();
      await app.close();
    },
  };
}

const readNeedsToken = ({ host }: Access): boolean => !isLoopback(host);

/** @throws FieldbidError UNAUTHENTICATED. */
function requireToken({ headers }: FastifyRequest, { token }: Access): void {
  if (holdsToken(headers.authorization, token)) return;
  throw new FieldbidError('UNAUTHENTICATED', 'The operator’s token is needed: Authorization: Bearer TOKEN.');
}

function addStream(app: FastifyInstance, state: MarketState, closing: AbortSignal): void {
  let open = 0;
  app.get('/events', async (_request, reply) => {
    if (open >= MOST_STREAMS) throw new FieldbidError('RATE_LIMITED', `${open} pages are open already.`);
    open++;
    reply.hijack();
    for (const [name, value] of Object.entries(HEADERS)) reply.raw.setHeader(name, value);
    await streamChanges(reply.raw, state, closing).finally(() => open--);
  });
}

function addQuestions(app: FastifyInstance, { access, state, records, faults }: PageServerOptions): void {
  const ledger = (): RecordSource => {
    if (records !== undefined) return records;
    throw new FieldbidError('NO_LEDGER', 'This page was started without a BC-GW.');
  };
  const verify = records === undefined ? undefined : sharedVerification(records);
  app.get('/api/access', async (request) => ({
    actions: faults !== undefined && access.token !== undefined,
    ledger: records !== undefined,
    token: holdsToken(request.headers.authorization, access.token),
  }));
  app.get<{ Params: { id: string } }>('/api/clearings/:id', async ({ params }) => {
    const id = parse(IntervalId, params.id, 'interval');
    const clearing = state.intervals.clearing(id);
    if (clearing === undefined) throw new FieldbidError('NOT_FOUND', `No clearing of ${id} is kept here.`);
    return clearing;
  });
  app.get<{ Params: { id: string } }>('/api/intervals/:id', ({ params }) =>
    intervalOf(ledger(), parse(IntervalId, params.id, 'interval')),
  );
  app.get<{ Params: { uid: string } }>('/api/bids/:uid', ({ params }) =>
    recordOf(ledger(), parse(Uid, params.uid, 'UID')),
  );
  app.get('/api/verify', () => {
    ledger();
    return verify?.();
  });
}

const Named = Type.Object({ id: Id }, { additionalProperties: false });

function addActions(app: FastifyInstance, { access, faults, log }: PageServerOptions): void {
  const control = (): FaultControl => {
    if (faults !== undefined) return faults;
    throw new FieldbidError('NO_BENCH', 'There is no bench behind this page to inject faults into.');
  };
  app.get(FAULTS_PATH, async () => ({ offers: faults?.offers() ?? [], marks: faults?.marks() ?? [] }));
  // Before the body is read: what a stranger sends is not even parsed.
  const guarded = { onRequest: async (request: FastifyRequest) => requireToken(request, access) };
  app.post(FAULTS_PATH, guarded, async ({ body }) => {
    const order = parse(FaultOrder, body, `POST ${FAULTS_PATH}`);
    const mark = await control().inject(order, 'page');
    log.info(
      { fault: order.fault, target: order.target, outcome: mark.outcome },
      'fault ordered from the page',
    );
    return mark;
  });
  app.delete(`${FAULTS_PATH}/:id`, guarded, async ({ params }) => {
    const { id } = parse(Named, params, `DELETE ${FAULTS_PATH}`);
    const mark = await control().end(id);
    if (mark === undefined) throw new FieldbidError('NOT_FOUND', `There is no fault ${id} that is in force.`);
    log.info({ fault: mark.order.fault, id }, 'fault ended from the page');
    return mark;
  });
}
