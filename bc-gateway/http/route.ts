/** One route of the API as data, and how its handler is tied to the schemas that its arguments were checked with. */
import type { VerifyReport } from '@fieldbid/core/gateway-api/schemas';
import type { Static, TSchema } from 'typebox';
import type { ApiKeyEntry } from '../auth/api-keys.ts';
import type { Scope } from '../auth/scopes.ts';
import type { LedgerIdentity } from '../ledger/ledger.ts';
import type { MarketRecords } from '../records/market-records.ts';
import type { Measurements } from '../records/measurements.ts';

/** What a handler has to work with. */
export interface Caller {
  readonly key: ApiKeyEntry;
  readonly identity: LedgerIdentity;
}

export interface Services {
  readonly records: MarketRecords;
  readonly measurements: Measurements;
  verifyAll(identity: LedgerIdentity): Promise<VerifyReport>;
}

export interface Route {
  /** Its name in the OpenAPI document, and of the method of our own client. */
  readonly operationId: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  readonly summary: string;
  /** What a key has to be allowed; one of them, where there are several. */
  readonly scope: Scope | readonly Scope[];
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly body?: TSchema;
  readonly response: TSchema;
  /** @param given the body; of a route without one, the query. */
  readonly handle: (services: Services, caller: Caller, params: unknown, given: unknown) => Promise<unknown>;
}

export function scopesIn(scope: Route['scope']): readonly Scope[] {
  return typeof scope === 'string' ? [scope] : scope;
}

/** Ties a handler's arguments to the schemas that they were checked with. */
export function route<P extends TSchema, B extends TSchema, R extends TSchema>(
  about: Pick<Route, 'operationId' | 'method' | 'url' | 'summary' | 'scope'> & {
    params: P;
    body: B;
    response: R;
  },
  handle: (services: Services, caller: Caller, params: Static<P>, body: Static<B>) => Promise<Static<R>>,
): Route {
  return {
    ...about,
    handle: (services, caller, params, body) =>
      handle(services, caller, params as Static<P>, body as Static<B>),
  };
}

/** The same for a route that only reads. */
export function read<P extends TSchema, R extends TSchema>(
  about: Pick<Route, 'operationId' | 'url' | 'summary' | 'scope'> & { params: P; response: R },
  handle: (services: Services, caller: Caller, params: Static<P>) => Promise<Static<R>>,
): Route {
  return {
    ...about,
    method: 'GET',
    handle: (services, caller, params) => handle(services, caller, params as Static<P>),
  };
}

/** The same for one that reads by what the address asks for. */
export function search<Q extends TSchema, R extends TSchema>(
  about: Pick<Route, 'operationId' | 'url' | 'summary' | 'scope'> & { query: Q; response: R },
  handle: (services: Services, caller: Caller, query: Static<Q>) => Promise<Static<R>>,
): Route {
  return {
    ...about,
    method: 'GET',
    handle: (services, caller, _, query) => handle(services, caller, query as Static<Q>),
  };
}
