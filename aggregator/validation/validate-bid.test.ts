import { bidUid } from '@fieldbid/core/digest';
import type { RegistryEntry } from '@fieldbid/core/gateway-api/schemas';
import type { BidKeys } from '@fieldbid/core/market/bid-keys';
import { Calendar, moments } from '@fieldbid/core/market/calendar';
import type { Bid, Refusal } from '@fieldbid/core/market/messages';
import { signBid } from '@fieldbid/core/market/signed-bid';
import { parse } from '@fieldbid/core/schema';
import type { Signer } from '@fieldbid/core/signing';
import { seededSigner } from '@fieldbid/core/signing-key';
import test from 'ava';
import { BidBook } from '../bid-book.ts';
import { type ValidationContext, validateBid } from './validate-bid.ts';

const calendar = parse(Calendar, { start: '2026-06-21T12:00Z', intervals: 4 }, 'test');
const schedule = new Map(moments(calendar).map((moment) => [moment.interval.id, moment]));
const intervalId = '2026-06-21T12:00Z';
const moment = schedule.get(intervalId)!;
const CAP = 2_000_000_000;

const der: RegistryEntry = {
  derId: 'pv-1',
  deraId: 'dera-1',
  feederId: 'ieee13',
  bus: 'n680',
  phases: 'ABC',
  nameplate_W: 300_000,
  deviceIds: ['inv-1'],
  status: 'qualified',
  limit_W: 250_000,
  keys: null,
  revision: 2,
};

const good: Bid = {
  uid: bidUid('pv-1', intervalId, 'energy'),
  derId: 'pv-1',
  deraId: 'dera-1',
  deviceIds: ['inv-1'],
  intervalId,
  product: 'energy',
  sequence: 7,
  quantity_W: 200_000,
  price_uUSD_per_MWh: 33_000_000,
  cap_uUSD_per_MWh: CAP,
  forecast_uUSD_per_MWh: 30_000_000,
  riskFactor_pct: 10,
  clampedTo: 'none',
  state: {
    readAt_ms: moment.bid_ms,
    measured_W: 200_000,
    available_W: 200_000,
    source: 'measured',
    rating_W: 300_000,
    limit_pct: null,
  },
  submittedAt_ms: moment.bid_ms,
  expiresAt_ms: moment.gateClosure_ms,
};

const context: ValidationContext = {
  deraId: 'dera-1',
  registry: new Map([['pv-1', der]]),
  schedule,
  priceRange: { floor: -150_000_000, cap: CAP },
  now_ms: moment.bid_ms,
  closedGates: new Set(),
  sequences: new Map(),
  accepted: new Set(),
  keysOf: () => undefined,
  requireSignatures: false,
};

test('a good bid is accepted', (t) => {
  t.deepEqual(validateBid(good, context), { ok: true });
});

const refusals: [string, Refusal, Partial<Bid>, Partial<ValidationContext>][] = [
  ['for another aggregator', 'WRONG_AGGREGATOR', { deraId: 'dera-2' }, {}],
  ['of an unknown DER', 'NOT_REGISTERED', {}, { registry: new Map() }],
  [
    'of a suspended DER',
    'NOT_QUALIFIED',
    {},
    { registry: new Map([['pv-1', { ...der, status: 'suspended' }]]) },
  ],
  [
    'of a DER that the DSO has not answered for',
    'NOT_QUALIFIED',
    {},
    { registry: new Map([['pv-1', { ...der, status: 'registered' }]]) },
  ],
  ['with a foreign device', 'WRONG_DEVICES', { deviceIds: ['inv-2'] }, {}],
  ['with a UID of another interval', 'WRONG_UID', { uid: bidUid('pv-1', '2026-06-21T12:15Z', 'energy') }, {}],
  [
    'of a product that is not sold in its interval',
    'WRONG_PRODUCT',
    { product: 'day-ahead-energy', uid: bidUid('pv-1', intervalId, 'day-ahead-energy') },
    {},
  ],
  [
    'for no interval of the market',
    'GATE_NOT_OPEN',
    { intervalId: '2027-01-01T00:00Z', uid: bidUid('pv-1', '2027-01-01T00:00Z', 'energy') },
    {},
  ],
  ['a millisecond after gate closure', 'GATE_CLOSED', {}, { now_ms: moment.gateClosure_ms + 1 }],
  ['whose batch is on the way', 'GATE_CLOSED', {}, { closedGates: new Set([intervalId]) }],
  ['more than a day ahead', 'GATE_NOT_OPEN', {}, { now_ms: moment.gateClosure_ms - 86_400_001 }],
  ['that has expired', 'EXPIRED', { expiresAt_ms: moment.bid_ms }, {}],
  ['sent twice', 'DUPLICATE', {}, { accepted: new Set([good.uid]) }],
  ['with a sequence number used before', 'REPLAY', {}, { sequences: new Map([['pv-1 energy', 7]]) }],
  ['above its qualified limit', 'QUANTITY_OVER_NAMEPLATE', { quantity_W: 250_001 }, {}],
  [
    'above what the device is rated',
    'QUANTITY_OVER_STATE',
    { state: { ...good.state, rating_W: 199_999 } },
    {},
  ],
  [
    'above what a battery still holds',
    'QUANTITY_OVER_STATE',
    { state: { ...good.state, source: 'storage', available_W: 90_000 }, quantity_W: 90_001 },
    {},
  ],
  ['of nothing', 'MALFORMED', { quantity_W: 0 }, {}],
  ['below the price floor', 'PRICE_OUT_OF_RANGE', { price_uUSD_per_MWh: -150_000_001 }, {}],
  ['above the cap', 'PRICE_OUT_OF_RANGE', { price_uUSD_per_MWh: CAP + 1 }, {}],
  ['with a cap of its own', 'PRICE_OUT_OF_RANGE', { cap_uUSD_per_MWh: CAP - 1 }, {}],
];

for (const [what, code, bid, inContext] of refusals) {
  test(`a bid ${what} is refused: ${code}`, (t) => {
    t.like(validateBid({ ...good, ...bid }, { ...context, ...inContext }), { ok: false, code });
  });
}

const [device, replaced, stranger] = [
  seededSigner(1, 'device'),
  seededSigner(1, 'old'),
  seededSigner(1, 'other'),
];
const previous = { publicKey: replaced.publicKey, intervalId };
const enrolled = (keys: BidKeys): Partial<ValidationContext> => ({ keysOf: () => keys });
const KEYS: BidKeys = { current: device.publicKey, previous };

/** Signs `good`, then changes it. */
async function signedBid(signer: Signer, before: Partial<Bid> = {}, after: Partial<Bid> = {}): Promise<Bid> {
  const bid = { ...good, ...before };
  return { ...(await signBid(signer, bid)), ...after };
}

test('the bids of an enrolled DER are signed by its key', async (t) => {
  const bid = await signedBid(device);
  const wrong = { keyId: device.keyId, value: (await signedBid(stranger)).signature!.value };
  const next = '2026-06-21T12:15Z';
  const later = { intervalId: next, uid: bidUid('pv-1', next, 'energy') };
  const answers: [what: string, bid: Bid, context: Partial<ValidationContext>, code: Refusal | undefined][] =
    [
      ['signed', bid, enrolled(KEYS), undefined],
      ['unsigned', good, enrolled(KEYS), 'UNSIGNED'],
      ['changed after signing', { ...bid, quantity_W: 199_999 }, enrolled(KEYS), 'BAD_SIGNATURE'],
      [
        'with another price',
        { ...bid, price_uUSD_per_MWh: bid.price_uUSD_per_MWh + 1 },
        enrolled(KEYS),
        'BAD_SIGNATURE',
      ],
      [
        'with another measurement',
        { ...bid, state: { ...bid.state, measured_W: 1 } },
        enrolled(KEYS),
        'BAD_SIGNATURE',
      ],
      ['with another blind', { ...bid, blind: '0'.repeat(32) }, enrolled(KEYS), 'BAD_SIGNATURE'],
      ['by a foreign key', await signedBid(stranger), enrolled(KEYS), 'UNKNOWN_KEY'],
      ['by a foreign key under this name', { ...bid, signature: wrong }, enrolled(KEYS), 'BAD_SIGNATURE'],
      ['by the key before, in the interval of grace', await signedBid(replaced), enrolled(KEYS), undefined],
      ['by the key before, later', await signedBid(replaced, later), enrolled(KEYS), 'UNKNOWN_KEY'],
      ['after revocation', bid, enrolled({ current: null, previous: null }), 'UNKNOWN_KEY'],
      ['unsigned after revocation', good, enrolled({ current: null, previous: null }), 'UNSIGNED'],
      ['of a DER never enrolled, unsigned', good, {}, undefined],
      ['of a DER never enrolled, signed', bid, {}, undefined],
      ['of a DER never enrolled, where it must be', bid, { requireSignatures: true }, 'UNSIGNED'],
    ];
  for (const [what, bid, inContext, code] of answers) {
    const validation = validateBid(bid, { ...context, ...inContext });
    t.is(validation.ok ? undefined : validation.code, code, what);
  }
});

test('the book answers malformed bids, counts, and gives the bids back in an order of its own', (t) => {
  const book = new BidBook('dera-1', schedule, context.priceRange);
  const other = { ...der, derId: 'pv-2', deviceIds: ['inv-2'] };
  book.registry = new Map([
    ['pv-1', der],
    ['pv-2', other],
  ]);
  const second = { ...good, derId: 'pv-2', deviceIds: ['inv-2'], uid: bidUid('pv-2', intervalId, 'energy') };
  t.true(book.take(second, 'bus', moment.bid_ms).receipt.accepted);
  t.true(book.take(good, 'bus', moment.bid_ms).receipt.accepted);
  t.like(book.take(good, 'bus', moment.bid_ms).receipt, { accepted: false, code: 'DUPLICATE' });
  t.like(book.take({ ...good, quantity_W: 1.5 }, 'bus', moment.bid_ms).receipt, {
    accepted: false,
    code: 'MALFORMED',
  });
  t.like(book.take('nonsense', 'bus', moment.bid_ms).receipt, { uid: 'unknown', code: 'MALFORMED' });
  const closed = book.close(intervalId);
  t.deepEqual(
    closed.bids,
    [good, second].sort((a, b) => (a.uid < b.uid ? -1 : 1)),
  );
  t.like(closed, { submitted: 3, refused: 1 });
  t.like(book.take(good, 'bus', moment.bid_ms).receipt, { code: 'GATE_CLOSED' });
});
