/**
 * The API's routes as data: method, path, who may call, schemas, and what is done (table in
 * core/gateway-api/schemas.ts). The server, its checks and the OpenAPI document are made from this list.
 */
import { DerPage } from '@fieldbid/chaincode/transactions/payloads';
import { FieldbidError, InputError } from '@fieldbid/core/errors';
import {
  Awards,
  BidBatch,
  BidState,
  Decision,
  DerRegistration,
  IntervalState,
  KeyRevocation,
  KeyRotation,
  Modification,
  Qualification,
  RegistryEntry,
  type Role,
  Settlement,
  SubmitResult,
  VerifiedBid,
  VerifyReport,
} from '@fieldbid/core/gateway-api/schemas';
import { EnrolmentRequest } from '@fieldbid/core/market/enrolment';
import { Id, IntervalId, Uid } from '@fieldbid/core/market/messages';
import Type, { type Static, type TSchema } from 'typebox';
import type { ApiKeyEntry } from '../auth/api-keys.ts';
import type { LedgerIdentity } from '../ledger/ledger.ts';
import type { MarketRecords } from '../records/market-records.ts';

const closed = { additionalProperties: false } as const;

/** What a handler has to work with. */
export interface Caller {
  readonly key: ApiKeyEntry;
  readonly identity: LedgerIdentity;
}

export interface Services {
  readonly records: MarketRecords;
  verifyAll(identity: LedgerIdentity): Promise<VerifyReport>;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  readonly summary: string;
  readonly roles: readonly Role[];
  readonly params?: TSchema;
  readonly body?: TSchema;
  readonly response: TSchema;
  readonly handle: (services: Services, caller: Caller, params: unknown, body: unknown) => Promise<unknown>;
}

const ANYONE: readonly Role[] = ['dera', 'dso', 'iso', 'operator'];
const ByInterval = Type.Object({ id: IntervalId }, closed);
const ByUid = Type.Object({ uid: Uid }, closed);
const ByDer = Type.Object({ derId: Id }, closed);
const None = Type.Object({}, closed);

/** Ties a handler's arguments to the schemas that they were checked with. */
function route<P extends TSchema, B extends TSchema, R extends TSchema>(
  about: Pick<Route, 'method' | 'url' | 'summary' | 'roles'> & { params: P; body: B; response: R },
  handle: (services: Services, caller: Caller, params: Static<P>, body: Static<B>) => Promise<Static<R>>,
): Route {
  return {
    ...about,
    handle: (services, caller, params, body) =>
      handle(services, caller, params as Static<P>, body as Static<B>),
  };
}

function read<P extends TSchema, R extends TSchema>(
  about: Pick<Route, 'url' | 'summary' | 'roles'> & { params: P; response: R },
  handle: (services: Services, caller: Caller, params: Static<P>) => Promise<Static<R>>,
): Route {
  return {
    ...about,
    method: 'GET',
    handle: (services, caller, params) => handle(services, caller, params as Static<P>),
  };
}

function requireSame(inPath: string, inBody: string, path: string): void {
  if (inPath === inBody) return;
  throw new InputError({ source: 'body', path, found: inBody, expected: `${inPath}, as in the path` });
}

export const ROUTES: readonly Route[] = [
  route(
    {
      method: 'POST',
      url: '/ders',
      summary: 'Register a DER (M9)',
      roles: ['dera'],
      params: None,
      body: DerRegistration,
      response: RegistryEntry,
    },
    ({ records }, { identity }, _, body) => records.submit(identity, RegistryEntry, 'registerDer', body),
  ),
  route(
    {
      method: 'PUT',
      url: '/ders/:derId/qualification',
      summary: 'Qualify or suspend a DER (M9)',
      roles: ['dso'],
      params: ByDer,
      body: Qualification,
      response: RegistryEntry,
    },
    ({ records }, { identity }, { derId }, body) =>
      records.submit(identity, RegistryEntry, 'qualifyDer', { derId, ...body }),
  ),
  route(
    {
      method: 'POST',
      url: '/ders/:derId/key',
      summary: 'Make a DER’s device key known, signed by it (M9)',
      roles: ['dera'],
      params: ByDer,
      body: EnrolmentRequest,
      response: RegistryEntry,
    },
    ({ records }, { identity }, { derId }, body) => {
      requireSame(derId, body.derId, '/derId');
      return records.submit(identity, RegistryEntry, 'enrolKey', body);
    },
  ),
  route(
    {
      method: 'PUT',
      url: '/ders/:derId/key',
      summary: 'Pass a DER on to its next device key, signed by both (M9)',
      roles: ['dera'],
      params: ByDer,
      body: KeyRotation,
      response: RegistryEntry,
    },
    ({ records }, { identity }, { derId }, body) => {
      requireSame(derId, body.request.derId, '/request/derId');
      return records.submit(identity, RegistryEntry, 'rotateKey', body);
    },
  ),
  route(
    {
      method: 'POST',
      url: '/ders/:derId/key/revocation',
      summary: 'End a DER’s device key: it cannot bid until another is enrolled (M9)',
      roles: ['dera', 'dso'],
      params: ByDer,
      body: KeyRevocation,
      response: RegistryEntry,
    },
    ({ records }, { identity }, { derId }, body) =>
      records.submit(identity, RegistryEntry, 'revokeKey', { derId, ...body }),
  ),
  read(
    {
      url: '/ders',
      summary: 'The registry',
      roles: ANYONE,
      params: None,
      response: Type.Array(RegistryEntry),
    },
    async ({ records }, { identity }) => {
      const ders: RegistryEntry[] = [];
      for (let after: string | null | undefined; after !== null; ) {
        const argument = after === undefined ? {} : { after };
        const page: DerPage = await records.evaluate(identity, DerPage, 'listDers', argument);
        ders.push(...page.ders);
        after = page.next;
      }
      return ders;
    },
  ),
  route(
    {
      method: 'POST',
      url: '/intervals/:id/bids',
      summary: 'Step 5: all bids of one aggregator for an interval, once',
      roles: ['dera'],
      params: ByInterval,
      body: BidBatch,
      response: SubmitResult,
    },
    ({ records }, { identity }, { id }, body) => records.submitBids(identity, id, body),
  ),
  route(
    {
      method: 'POST',
      url: '/intervals/:id/decision',
      summary: 'Step 7: every bid of the interval approved or curtailed',
      roles: ['dso'],
      params: ByInterval,
      body: Decision,
      response: SubmitResult,
    },
    ({ records }, { identity }, { id }, body) => records.decide(identity, id, body),
  ),
  route(
    {
      method: 'POST',
      url: '/intervals/:id/awards',
      summary: 'Step 10: what the market cleared of one aggregator’s bids',
      roles: ['dera'],
      params: ByInterval,
      body: Awards,
      response: SubmitResult,
    },
    ({ records }, { identity }, { id }, body) => records.recordAwards(identity, id, body),
  ),
  route(
    {
      method: 'POST',
      url: '/intervals/:id/dispatch',
      summary: 'Step 10: the actual allocation confirmed or reduced',
      roles: ['dso'],
      params: ByInterval,
      body: Decision,
      response: SubmitResult,
    },
    ({ records }, { identity }, { id }, body) => records.confirmDispatch(identity, id, body),
  ),
  route(
    {
      method: 'POST',
      url: '/intervals/:id/settlement',
      summary: 'Step 13: what each dispatched bid of one aggregator delivered, and what it is paid',
      roles: ['dera'],
      params: ByInterval,
      body: Settlement,
      response: SubmitResult,
    },
    ({ records }, { identity }, { id }, body) => records.recordSettlement(identity, id, body),
  ),
  route(
    {
      method: 'PUT',
      url: '/bids/:uid/quantity',
      summary: 'Reduce one bid after the decision on its interval',
      roles: ['dso'],
      params: ByUid,
      body: Modification,
      response: SubmitResult,
    },
    ({ records }, { identity }, { uid }, body) => records.modify(identity, uid, body),
  ),
  read(
    {
      url: '/intervals/:id',
      summary: 'What the ledger holds of an interval; no prices',
      roles: ANYONE,
      params: ByInterval,
      response: IntervalState,
    },
    ({ records }, { identity }, { id }) => records.readInterval(identity, id),
  ),
  read(
    {
      url: '/intervals/:id/records',
      summary: 'Raw records of an interval, verified; an aggregator sees its own',
      roles: ['dera', 'operator'],
      params: ByInterval,
      response: Type.Array(VerifiedBid),
    },
    ({ records }, { identity, key }, { id }) => records.readRecords(identity, id, key.deraId),
  ),
  read(
    {
      url: '/bids/:uid',
      summary: 'A bid with its raw record, verified; an aggregator sees its own',
      roles: ['dera', 'operator'],
      params: ByUid,
      response: VerifiedBid,
    },
    async ({ records }, { identity, key }, { uid }) => {
      const state = await records.readBid(identity, uid);
      if (key.role === 'dera' && state.deraId !== key.deraId) {
        throw new FieldbidError('WRONG_AGGREGATOR', `Bid ${uid} is another aggregator's.`);
      }
      const [bid] = await records.verified([state]);
      if (bid === undefined) throw new RangeError('one state was verified and none returned');
      return bid;
    },
  ),
  read(
    {
      url: '/bids/:uid/history',
      summary: 'Every revision of a bid; no prices',
      roles: ANYONE,
      params: ByUid,
      response: Type.Array(BidState),
    },
    ({ records }, { identity }, { uid }) => records.readBidHistory(identity, uid),
  ),
  read(
    {
      url: '/verify',
      summary: 'Walk every block, order and record',
      roles: ['operator'],
      params: None,
      response: VerifyReport,
    },
    ({ verifyAll }, { identity }) => verifyAll(identity),
  ),
];
