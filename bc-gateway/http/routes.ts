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
  GridMeasurements,
  IntervalState,
  KeyRevocation,
  KeyRotation,
  MeasurementsStored,
  MeritOrder,
  Modification,
  Qualification,
  ReadingPage,
  ReadingQuery,
  Readings,
  RegistryEntry,
  type Role,
  Settlement,
  SubmitResult,
  VerifiedBid,
  VerifyReport,
  VoltagePage,
  VoltageQuery,
} from '@fieldbid/core/gateway-api/schemas';
import { EnrolmentRequest } from '@fieldbid/core/market/enrolment';
import { Id, IntervalId, Uid } from '@fieldbid/core/market/messages';
import Type from 'typebox';
import type { ApiKeyEntry } from '../auth/api-keys.ts';
import { type Route, read, route, search } from './route.ts';

const closed = { additionalProperties: false } as const;

const ByInterval = Type.Object({ id: IntervalId }, closed);
const ByUid = Type.Object({ uid: Uid }, closed);
const ByDer = Type.Object({ derId: Id }, closed);
const None = Type.Object({}, closed);

function requireSame(inPath: string, inBody: string, path: string): void {
  if (inPath === inBody) return;
  throw new InputError({ source: 'body', path, found: inBody, expected: `${inPath}, as in the path` });
}

/** M5 · What is not for everybody who may read. */
function requireNot(role: Role, key: ApiKeyEntry): void {
  if (key.role !== role) return;
  throw new FieldbidError('FORBIDDEN', `This is not for the role ${role}.`);
}

export const ROUTES: readonly Route[] = [
  route(
    {
      operationId: 'registerDer',
      method: 'POST',
      url: '/ders',
      summary: 'Register a DER (M9)',
      scope: 'register',
      params: None,
      body: DerRegistration,
      response: RegistryEntry,
    },
    ({ records }, { identity }, _, body) => records.submit(identity, RegistryEntry, 'registerDer', body),
  ),
  route(
    {
      operationId: 'qualifyDer',
      method: 'PUT',
      url: '/ders/:derId/qualification',
      summary: 'Qualify or suspend a DER (M9)',
      scope: 'qualify',
      params: ByDer,
      body: Qualification,
      response: RegistryEntry,
    },
    ({ records }, { identity }, { derId }, body) =>
      records.submit(identity, RegistryEntry, 'qualifyDer', { derId, ...body }),
  ),
  route(
    {
      operationId: 'enrolKey',
      method: 'POST',
      url: '/ders/:derId/key',
      summary: 'Make a DER’s device key known, signed by it (M9)',
      scope: 'register',
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
      operationId: 'rotateKey',
      method: 'PUT',
      url: '/ders/:derId/key',
      summary: 'Pass a DER on to its next device key, signed by both (M9)',
      scope: 'register',
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
      operationId: 'revokeKey',
      method: 'POST',
      url: '/ders/:derId/key/revocation',
      summary: 'End a DER’s device key: it cannot bid until another is enrolled (M9)',
      scope: ['register', 'qualify'],
      params: ByDer,
      body: KeyRevocation,
      response: RegistryEntry,
    },
    ({ records }, { identity }, { derId }, body) =>
      records.submit(identity, RegistryEntry, 'revokeKey', { derId, ...body }),
  ),
  read(
    {
      operationId: 'listDers',
      url: '/ders',
      summary: 'The registry',
      scope: 'read',
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
  read(
    {
      operationId: 'readDer',
      url: '/ders/:derId',
      summary: 'A DER’s entry in the registry',
      scope: 'read',
      params: ByDer,
      response: RegistryEntry,
    },
    ({ records }, { identity }, { derId }) => records.evaluate(identity, RegistryEntry, 'readDer', { derId }),
  ),
  route(
    {
      operationId: 'submitBids',
      method: 'POST',
      url: '/intervals/:id/bids',
      summary: 'Step 5: all bids of one aggregator for an interval, once',
      scope: 'submit',
      params: ByInterval,
      body: BidBatch,
      response: SubmitResult,
    },
    ({ records }, { identity }, { id }, body) => records.submitBids(identity, id, body),
  ),
  route(
    {
      operationId: 'decide',
      method: 'POST',
      url: '/intervals/:id/decision',
      summary: 'Step 7: every bid of the interval approved or curtailed',
      scope: 'decide',
      params: ByInterval,
      body: Decision,
      response: SubmitResult,
    },
    ({ records }, { identity }, { id }, body) => records.decide(identity, id, body),
  ),
  route(
    {
      operationId: 'recordAwards',
      method: 'POST',
      url: '/intervals/:id/awards',
      summary: 'Step 10: what the market cleared of one aggregator’s bids',
      scope: 'award',
      params: ByInterval,
      body: Awards,
      response: SubmitResult,
    },
    ({ records }, { identity }, { id }, body) => records.recordAwards(identity, id, body),
  ),
  route(
    {
      operationId: 'confirmDispatch',
      method: 'POST',
      url: '/intervals/:id/dispatch',
      summary: 'Step 10: the actual allocation confirmed or reduced',
      scope: 'decide',
      params: ByInterval,
      body: Decision,
      response: SubmitResult,
    },
    ({ records }, { identity }, { id }, body) => records.confirmDispatch(identity, id, body),
  ),
  route(
    {
      operationId: 'recordSettlement',
      method: 'POST',
      url: '/intervals/:id/settlement',
      summary: 'Step 13: what each dispatched bid of one aggregator delivered, and what it is paid',
      scope: 'award',
      params: ByInterval,
      body: Settlement,
      response: SubmitResult,
    },
    ({ records }, { identity }, { id }, body) => records.recordSettlement(identity, id, body),
  ),
  route(
    {
      operationId: 'modifyBid',
      method: 'PUT',
      url: '/bids/:uid/quantity',
      summary: 'Reduce one bid after the decision on its interval',
      scope: 'decide',
      params: ByUid,
      body: Modification,
      response: SubmitResult,
    },
    ({ records }, { identity }, { uid }, body) => records.modify(identity, uid, body),
  ),
  read(
    {
      operationId: 'readInterval',
      url: '/intervals/:id',
      summary: 'What the ledger holds of an interval; no prices',
      scope: 'read',
      params: ByInterval,
      response: IntervalState,
    },
    ({ records }, { identity }, { id }) => records.readInterval(identity, id),
  ),
  read(
    {
      operationId: 'readIntervalHistory',
      url: '/intervals/:id/history',
      summary: 'Every revision of every bid of an interval; no prices',
      scope: 'read',
      params: ByInterval,
      response: Type.Array(BidState),
    },
    ({ records }, { identity }, { id }) => records.readIntervalHistory(identity, id),
  ),
  read(
    {
      operationId: 'readMeritOrder',
      url: '/intervals/:id/merit-order',
      summary: 'The bids of an interval in merit order over all aggregators: ranks, no prices',
      scope: 'decide',
      params: ByInterval,
      response: MeritOrder,
    },
    ({ records }, { identity }, { id }) => records.meritOrder(identity, id),
  ),
  read(
    {
      operationId: 'readRecords',
      url: '/intervals/:id/records',
      summary: 'Raw records of an interval, verified; an aggregator sees its own',
      scope: 'records',
      params: ByInterval,
      response: Type.Array(VerifiedBid),
    },
    ({ records }, { identity, key }, { id }) => records.readRecords(identity, id, key.deraId),
  ),
  read(
    {
      operationId: 'readBid',
      url: '/bids/:uid',
      summary: 'A bid with its raw record, verified; an aggregator sees its own',
      scope: 'records',
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
      operationId: 'readBidHistory',
      url: '/bids/:uid/history',
      summary: 'Every revision of a bid; no prices',
      scope: 'read',
      params: ByUid,
      response: Type.Array(BidState),
    },
    ({ records }, { identity }, { uid }) => records.readBidHistory(identity, uid),
  ),
  route(
    {
      operationId: 'addReadings',
      method: 'POST',
      url: '/readings',
      summary: 'Keep readings of an aggregator’s devices, each as its device signed it (M25)',
      scope: 'measure',
      params: None,
      body: Readings,
      response: MeasurementsStored,
    },
    async ({ measurements }, { identity, key }, _, body) => {
      if (key.deraId === undefined) {
        throw new FieldbidError('FORBIDDEN', 'Readings are for an aggregator to keep: the key is of none.');
      }
      return measurements.addReadings(identity, key.deraId, body);
    },
  ),
  search(
    {
      operationId: 'readings',
      url: '/readings',
      summary: 'A DER’s readings, by time; an aggregator sees its own',
      scope: 'read',
      query: ReadingQuery,
      response: ReadingPage,
    },
    async ({ measurements }, { identity, key }, query) => {
      requireNot('iso', key);
      return measurements.readings(identity, key.deraId, query);
    },
  ),
  route(
    {
      operationId: 'addGridMeasurements',
      method: 'POST',
      url: '/grid-measurements',
      summary: 'Keep voltages of a feeder, measured or by power flow (M25)',
      scope: 'measure',
      params: None,
      body: GridMeasurements,
      response: MeasurementsStored,
    },
    async ({ measurements }, { key }, _, body) => {
      requireNot('dera', key);
      return measurements.addVoltages(body);
    },
  ),
  search(
    {
      operationId: 'gridMeasurements',
      url: '/grid-measurements',
      summary: 'Voltages of a feeder, by time and node',
      scope: 'read',
      query: VoltageQuery,
      response: VoltagePage,
    },
    async ({ measurements }, { key }, query) => {
      requireNot('dera', key);
      requireNot('iso', key);
      return measurements.voltages(query);
    },
  ),
  read(
    {
      operationId: 'verify',
      url: '/verify',
      summary: 'Walk every block, order and record',
      scope: 'verify',
      params: None,
      response: VerifyReport,
    },
    ({ verifyAll }, { identity }) => verifyAll(identity),
  ),
];
