/**
 * The API as a program of somebody else sees it: types made from the document, and a client library that knows
 * nothing of ours. `npm run types` is half of this test: a line marked with an error to be expected has to have one.
 */
import { INTERVAL, registration } from '@fieldbid/chaincode/testing/fixtures';
import type * as own from '@fieldbid/core/gateway-api/schemas';
import type { EnrolmentRequest } from '@fieldbid/core/market/enrolment';
import type { Bid } from '@fieldbid/core/market/messages';
import test from 'ava';
import createClient from 'openapi-fetch';
import type { components, paths } from './generated/api.d.ts';
import { openGateway, type Party, qualified, runInterval } from './testing/open-gateway.ts';

type Schemas = components['schemas'];

/** Fails to compile unless each may stand for the other. */
type Same<A, B> = [A, B] extends [B, A] ? true : false;
const SAME: readonly true[] = [
  true satisfies Same<Schemas['DerRegistration'], own.DerRegistration>,
  true satisfies Same<Schemas['RegistryEntry'], own.RegistryEntry>,
  true satisfies Same<Schemas['EnrolmentRequest'], EnrolmentRequest>,
  true satisfies Same<Schemas['KeyRotation'], own.KeyRotation>,
  true satisfies Same<Schemas['Bid'], Bid>,
  true satisfies Same<Schemas['BidBatch'], own.BidBatch>,
  true satisfies Same<Schemas['Decision'], own.Decision>,
  true satisfies Same<Schemas['Awards'], own.Awards>,
  true satisfies Same<Schemas['Settlement'], own.Settlement>,
  true satisfies Same<Schemas['IntervalState'], own.IntervalState>,
  true satisfies Same<Schemas['VerifiedBid'], own.VerifiedBid>,
  true satisfies Same<Schemas['ReadingPage'], own.ReadingPage>,
  true satisfies Same<Schemas['GridMeasurements'], own.GridMeasurements>,
  true satisfies Same<Schemas['LedgerEvent'], own.LedgerEvent>,
  true satisfies Same<Schemas['Problem'], own.Problem>,
  // @ts-expect-error So that the comparison is known to find a difference.
  true satisfies Same<Schemas['BidState'], own.RawBidRecord>,
];

test('a client made from the document registers a DER, reads it and an interval, and knows a refusal', async (t) => {
  t.true(SAME.every(Boolean));
  const gateway = await openGateway();
  t.teardown(() => gateway.close());
  const as = (party: Party) =>
    createClient<paths>({
      baseUrl: gateway.url,
      headers: { authorization: `Bearer ${gateway.keyOf(party)}` },
    });
  const north = as('north');

  const body = registration('pv7');
  const registered = await north.POST('/v1/ders', { body });
  t.like(registered.data, { ...body, status: 'registered', limit_W: 0 });

  const again = await north.POST('/v1/ders', { body });
  t.is(again.response.status, 409);
  const refused: own.Problem | undefined = again.error;
  t.is(refused?.code, 'ALREADY_REGISTERED');

  const { data: ders = [] } = await as('iso').GET('/v1/ders');
  t.deepEqual(
    ders.map(({ derId }) => derId),
    ['pv7'],
  );

  await qualified(gateway, ['pv1', 'pv2']);
  await runInterval(gateway);
  const { data: interval } = await as('dso').GET('/v1/intervals/{id}', {
    params: { path: { id: INTERVAL } },
  });
  t.deepEqual(interval, await gateway.client('dso').readInterval(INTERVAL));
  // By hand: 80 % of two bids of 50 kW each (`bid` of the fixtures).
  t.deepEqual(
    interval?.submissions.flatMap(({ bids }) => bids.map(({ quantity_W, status }) => [quantity_W, status])),
    [
      [40_000, 'dispatched'],
      [40_000, 'dispatched'],
    ],
  );
});

test('what the types forbid, the gateway refuses', async (t) => {
  const gateway = await openGateway();
  t.teardown(() => gateway.close());
  const north = createClient<paths>({
    baseUrl: gateway.url,
    headers: { authorization: `Bearer ${gateway.keyOf('north')}` },
  });
  const { nameplate_W: _, ...incomplete } = registration('pv7');
  // @ts-expect-error A DER without its nameplate.
  const missing = await north.POST('/v1/ders', { body: incomplete });
  t.is(missing.response.status, 400);
  // @ts-expect-error There is no such path.
  const nowhere = await north.GET('/v1/nowhere');
  t.is(nowhere.response.status, 404);
  // @ts-expect-error A query without its DER.
  const unasked = await north.GET('/v1/readings', { params: { query: { from_ms: '0', to_ms: '1' } } });
  t.is(unasked.response.status, 400);
});
