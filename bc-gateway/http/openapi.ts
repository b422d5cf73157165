/**
 * The API as an OpenAPI 3.1 document, made from the routes. 3.1 takes JSON Schema as it is, so our schemas go in
 * unchanged; those that have a name in core are named in the document too, once, and referred to.
 */
import * as api from '@fieldbid/core/gateway-api/schemas';
import * as enrolment from '@fieldbid/core/market/enrolment';
import * as messages from '@fieldbid/core/market/messages';
import { PublicKey } from '@fieldbid/core/signing';
import { rolesWith } from '../auth/scopes.ts';
import { EventQuery } from './event-stream.ts';
import { type Route, scopesIn } from './route.ts';
import { ROUTES } from './routes.ts';

type Node = Record<string, unknown>;

export interface Operation extends Node {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, Node>>;
}

export interface OpenApiDocument extends Node {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, Node>>>>;
}

/** What is not 2xx and may be expected: of a name, because many routes answer so. All else is `default`. */
const PROBLEMS = {
  400: ['InvalidInput', 'Not as the schema says: where, what was found, what was expected'],
  401: ['Unauthenticated', 'No key, or one that is unknown, expired or revoked'],
  403: ['Forbidden', 'Not for this key: its role, its scopes, its organisation or its aggregator'],
  404: ['NotFound', 'There is no such bid or submission'],
  409: ['Refused', 'Refused by the contract; `code` says why (`CLAIMED`, `REVISION_CONFLICT`, …)'],
  413: ['BodyTooLarge', 'The body is too large'],
  415: ['UnsupportedMediaType', 'The body is not application/json'],
  429: ['RateLimited', 'Too many requests of this key, or wrong keys of this address'],
  503: ['Unavailable', 'Try again: ledger or store did not take it'],
} as const;
type Status = keyof typeof PROBLEMS;

const TAGS = {
  registry: 'DERs, their qualification and their device keys',
  market: 'An interval from its bids to its settlement (steps 5, 7, 10, 13)',
  measurements: 'What devices and feeder measured',
  ledger: 'Events (step 6) and verification',
  health: 'Liveness',
} as const;
type Tag = keyof typeof TAGS;

/** By the first part of the path. */
const TAG_OF: Readonly<Record<string, Tag>> = {
  ders: 'registry',
  intervals: 'market',
  bids: 'market',
  readings: 'measurements',
  'grid-measurements': 'measurements',
  verify: 'ledger',
};

/** The document; the same for every gateway, whatever its ledger and store. */
export function openApiDocument(): OpenApiDocument {
  const schemas = new NamedSchemas();
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of ROUTES) {
    const path = `${api.API_PREFIX}${route.url.replaceAll(/:(\w+)/g, '{$1}')}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, schemas) };
  }
  paths[`${api.API_PREFIX}/events`] = { get: eventsOf(schemas) };
  paths[`${api.API_PREFIX}/health`] = { get: healthOf(schemas) };
  const responses = problemResponses(schemas);
  return {
    openapi: '3.1.0',
    info: {
      title: 'fieldbid BC-GW',
      version: '1',
      description:
        'Bids, decisions and awards, on the ledger and off it. Injection is positive; units are in the names.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An API key: `fieldbid gateway key add`.' },
      },
      schemas: schemas.used(),
      responses,
    },
  };
}

function operationOf(route: Route, schemas: NamedSchemas): Operation {
  const { operationId, method, url, summary, params, query, body, response } = route;
  const scopes = scopesIn(route.scope);
  const parameters = [...parametersOf('path', params, schemas), ...parametersOf('query', query, schemas)];
  const statuses: Status[] = [401, 403, 429, 503];
  if (parameters.length > 0 || body !== undefined) statuses.push(400, 409);
  if (url.includes(':') && !url.startsWith('/ders')) statuses.push(404);
  if (body !== undefined) statuses.push(413, 415);
  return {
    operationId,
    tags: [tagOf(method, url)],
    summary,
    description: `For ${[...new Set(scopes.flatMap(rolesWith))].join(', ')}, with the scope ${scopes.join(' or ')}.`,
    security: scopes.map((scope) => ({ key: [scope] })),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(schemas.refer(body)) } }),
    responses: {
      200: { description: 'Done', content: json(schemas.refer(response)) },
      ...problems(statuses),
    },
  };
}

function tagOf(method: string, url: string): Tag {
  const tag = TAG_OF[url.split('/')[1] ?? ''];
  if (tag === undefined) throw new RangeError(`${method} ${url} has no tag`);
  return tag;
}

function eventsOf(schemas: NamedSchemas): Operation {
  const { $ref } = schemas.refer(api.LedgerEvent);
  const checkpoint = schemas.refer(EventQuery.properties.after);
  return {
    operationId: 'events',
    tags: ['ledger'],
    summary: 'Step 6: contract events as they are committed; ids only, resumes after a checkpoint',
    description: `For ${rolesWith('events').join(', ')}, with the scope events. The stream does not end by itself.`,
    security: [{ key: ['events'] }],
    parameters: [
      ...parametersOf('query', EventQuery, schemas),
      {
        name: 'Last-Event-ID',
        in: 'header',
        description: 'The same as `after`, as clients of server-sent events resume; `after` goes before it.',
        schema: checkpoint,
      },
    ],
    responses: {
      200: {
        description: `Server-sent events: \`id\` is the checkpoint, \`event\` the name, \`data\` a LedgerEvent (${$ref}) as JSON`,
        content: { 'text/event-stream': { schema: { type: 'string' } } },
      },
      ...problems([400, 401, 403, 429, 503]),
    },
  };
}

function healthOf(schemas: NamedSchemas): Operation {
  const content = json(schemas.refer(api.Health));
  return {
    operationId: 'health',
    tags: ['health'],
    summary: 'Liveness',
    description: 'Needs no key.',
    security: [],
    responses: {
      200: { description: 'Up', content },
      503: { description: 'Ledger or store is down', content },
      ...problems([]),
    },
  };
}

function json(schema: Node): Node {
  return { 'application/json': { schema } };
}

function parametersOf(where: 'path' | 'query', schema: Route['params'], schemas: NamedSchemas): Node[] {
  if (schema === undefined) return [];
  const { properties, required = [] } = schema as { properties: Record<string, object>; required?: string[] };
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = schemas.refer(property);
    return {
      name,
      in: where,
      ...(description === undefined ? {} : { description }),
      ...(required.includes(name) ? { required: true } : {}),
      schema: rest,
    };
  });
}

function problems(statuses: readonly Status[]): Record<string, Node> {
  const named = statuses.map((status) => [status, { $ref: `#/components/responses/${PROBLEMS[status][0]}` }]);
  return { ...Object.fromEntries(named), default: { $ref: '#/components/responses/Problem' } };
}

function problemResponses(schemas: NamedSchemas): Record<string, Node> {
  const content = json(schemas.refer(api.Problem));
  const responses: Record<string, Node> = {
    Problem: { description: 'Anything else that is not 2xx', content },
  };
  for (const [name, description] of Object.values(PROBLEMS)) responses[name] = { description, content };
  const seconds = { type: 'integer', minimum: 1 };
  responses.RateLimited = {
    ...responses.RateLimited,
    headers: {
      'Retry-After': {
        description: 'When to try again, s; not when too many event streams are open',
        schema: seconds,
      },
    },
  };
  return responses;
}

/** Objects and enumerations that core exports go by their name there, wherever they stand. */
class NamedSchemas {
  readonly #names = new Map<unknown, string>();
  readonly #used = new Map<string, Node>();

  constructor() {
    for (const [name, value] of Object.entries({ ...enrolment, ...messages, ...api, PublicKey })) {
      if (typeof value === 'object' && ('properties' in value || 'enum' in value))
        this.#names.set(value, name);
    }
  }

  refer(schema: object): Node {
    const name = this.#names.get(schema);
    if (name === undefined) return this.#inner(schema);
    if (!this.#used.has(name)) {
      // Before its parts: they could refer to it.
      this.#used.set(name, {});
      this.#used.set(name, this.#inner(schema));
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  used(): Record<string, Node> {
    return Object.fromEntries([...this.#used].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #inner(schema: object): Node {
    const node = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, this.#part(value)]));
    // Said by the values already; generators for other languages than TypeScript ask for it all the same.
    const isText = Array.isArray(node.enum) && node.enum.every((value) => typeof value === 'string');
    return isText ? { type: 'string', ...node } : node;
  }

  #part(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#part(item));
    return typeof value === 'object' && value !== null ? this.refer(value) : value;
  }
}
