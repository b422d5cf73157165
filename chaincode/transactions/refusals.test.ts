/** Every refusal of the contract, by its code; and that a refused transaction writes nothing. */
import { bidUid } from '@fieldbid/core/digest';
import type { Signer } from '@fieldbid/core/signing';
import { seededSigner } from '@fieldbid/core/signing-key';
import test from 'ava';
import {
  batch,
  certificate,
  change,
  checksum,
  claim,
  DSO,
  enrolment,
  HOUR,
  INTERVAL,
  NORTH,
  qualification,
  registration,
  rotation,
  SOUTH,
  signedClaim,
} from '../testing/fixtures.ts';
import { MemoryLedger } from '../testing/memory-ledger.ts';
import type { Caller } from './context.ts';
import type { BidClaim } from './payloads.ts';
import { CONTRACT_REFUSALS, type RefusalCode } from './refusal.ts';

type Step = readonly [caller: Caller, name: string, argument: unknown];
type Case = readonly [code: RefusalCode, title: string, ...steps: Step[]];

const register: Step = [NORTH, 'registerDer', registration('pv1')];
const qualify: Step = [DSO, 'qualifyDer', qualification('pv1')];
const known = [register, qualify] as const;
const submit: Step = [NORTH, 'submitBids', batch([claim('pv1')])];
const accepted = certificate({ outcome: 'ACCEPTED' });

function decide(quantity_W: number, changes: object = {}): Step {
  return [
    DSO,
    'decideInterval',
    { intervalId: INTERVAL, certificate: certificate(), changes: [change('pv1', quantity_W, 1)], ...changes },
  ];
}
function award(quantity_W: number, changes: object = {}): Step {
  return [
    NORTH,
    'recordAwards',
    { intervalId: INTERVAL, deraId: 'north', changes: [change('pv1', quantity_W, 2)], ...changes },
  ];
}
function dispatch(quantity_W: number, changes: object = {}): Step {
  return [
    DSO,
    'confirmDispatch',
    { intervalId: INTERVAL, certificate: certificate(), changes: [change('pv1', quantity_W, 3)], ...changes },
  ];
}
const toDecided = [...known, submit, decide(40_000)] as const;
const toAwarded = [...toDecided, award(30_000)] as const;
const southern = [
  [SOUTH, 'registerDer', registration('pv2', { deraId: 'south', deviceIds: ['pv1-inverter'] })],
  [DSO, 'qualifyDer', qualification('pv2')],
] as const;

function settle(changes: object = {}): Step {
  const settlements = [
    { uid: claim('pv1').uid, expectedRevision: 4, metered_Wh: 7000, checksum: checksum(5) },
  ];
  return [NORTH, 'recordSettlement', { intervalId: INTERVAL, deraId: 'north', settlements, ...changes }];
}
function modify(quantity_W: number, expectedRevision: number, caller = DSO): Step {
  const change = { uid: claim('pv1').uid, quantity_W, expectedRevision, checksum: checksum(9) };
  return [caller, 'modifyBid', { ...change, reason: 'a line is out', bindingNode: null }];
}
const toDispatched = [...toAwarded, dispatch(30_000)] as const;

const [device, next, stranger] = [seededSigner(1, 'pv1'), seededSigner(1, 'next'), seededSigner(1, 'other')];
const LATER = '2026-06-21T12:15Z';
const enrol: Step = [NORTH, 'enrolKey', await enrolment('pv1', device)];
const enrolled = [...known, enrol] as const;
const rotate: Step = [NORTH, 'rotateKey', await rotation('pv1', device, next, INTERVAL)];
const revoke: Step = [DSO, 'revokeKey', { derId: 'pv1', reason: 'stolen' }];
const submitSigned = (signedBid: object, intervalId = INTERVAL): Step => [
  NORTH,
  'submitBids',
  batch([signedBid as BidClaim], 'north', intervalId),
];
const good = await signedClaim('pv1', device);
const foreign = await signedClaim('pv1', stranger);
const badPoint = { ...device.publicKey, y: device.publicKey.x };

async function withOldSignature(signer: Signer) {
  const good = await rotation('pv1', device, next);
  return {
    ...good,
    request: { ...good.request, oldSignature: (await rotation('pv1', signer, next)).request.oldSignature },
  };
}
async function withNewSignature(signer: Signer) {
  const good = await rotation('pv1', device, next);
  return {
    ...good,
    request: { ...good.request, newSignature: (await rotation('pv1', device, signer)).request.newSignature },
  };
}

/** The last step is the one refused; those before it have to succeed. */
const CASES: readonly Case[] = [
  ['MALFORMED', 'no JSON', [NORTH, 'registerDer', '{']],
  ['MALFORMED', 'another form', [NORTH, 'registerDer', { ...registration('pv1'), bus: 7 }]],
  ['MALFORMED', 'an unknown key', [NORTH, 'registerDer', { ...registration('pv1'), price: 7 }]],
  ['MALFORMED', 'a larger argument than is read', [NORTH, 'registerDer', ' '.repeat(8 * 1024 * 1024 + 1)]],
  [
    'MALFORMED',
    'a day that is none',
    ...known,
    [NORTH, 'submitBids', batch([], 'north', '2026-02-31T12:00Z')],
  ],
  [
    'MALFORMED',
    'a device named twice',
    [NORTH, 'registerDer', registration('pv1', { deviceIds: ['a', 'a'] })],
  ],
  ['UNKNOWN_TRANSACTION', 'an unknown name', [NORTH, 'deleteEverything', {}]],
  ['UNKNOWN_TRANSACTION', 'a name of every object', [NORTH, 'constructor', {}]],
  ['WRONG_ORG', 'registration by the DSO', [DSO, 'registerDer', registration('pv1')]],
  ['WRONG_ORG', 'qualification by a DERA', register, [NORTH, 'qualifyDer', qualification('pv1')]],
  ['WRONG_ORG', 'decision by a DERA', ...known, submit, [NORTH, ...decide(0).slice(1)] as unknown as Step],
  [
    'WRONG_ORG',
    'an aggregator that another organisation registered',
    register,
    [{ ...NORTH, mspId: 'DeraSouthMSP' }, 'registerDer', registration('pv2')],
  ],
  [
    'WRONG_ROLE',
    'a DSO that is no dso',
    register,
    [{ ...DSO, role: 'iso' }, 'qualifyDer', qualification('pv1')],
  ],
  ['WRONG_ROLE', 'a DERA without a role', [{ ...NORTH, role: '' }, 'registerDer', registration('pv1')]],
  ['WRONG_AGGREGATOR', 'registration for another', [SOUTH, 'registerDer', registration('pv1')]],
  [
    'WRONG_AGGREGATOR',
    'a bid with another’s DER',
    ...known,
    ...southern,
    [SOUTH, 'submitBids', batch([claim('pv1')], 'south')],
  ],
  ['ALREADY_REGISTERED', 'the same DER again', register, register],
  ['NOT_REGISTERED', 'qualification of an unknown DER', [DSO, 'qualifyDer', qualification('pv1')]],
  ['NOT_REGISTERED', 'bids of an aggregator without DERs', [NORTH, 'submitBids', batch([])]],
  ['NOT_REGISTERED', 'a bid of an unknown DER', ...known, [NORTH, 'submitBids', batch([claim('pv9')])]],
  [
    'NOT_REGISTERED',
    'an unknown silent DER',
    ...known,
    [NORTH, 'submitBids', { ...batch([]), silentDerIds: ['pv9'] }],
  ],
  ['NOT_QUALIFIED', 'a bid before qualification', register, submit],
  [
    'NOT_QUALIFIED',
    'a bid while suspended',
    ...known,
    [DSO, 'qualifyDer', { ...qualification('pv1'), status: 'suspended' }],
    submit,
  ],
  [
    'LIMIT_OVER_NAMEPLATE',
    'a limit above 100 kW',
    register,
    [DSO, 'qualifyDer', qualification('pv1', 100_001)],
  ],
  [
    'QUANTITY_OVER_LIMIT',
    'a bid above the limit',
    ...known,
    [NORTH, 'submitBids', batch([claim('pv1', { quantity_W: 80_001 })])],
  ],
  [
    'WRONG_DEVICES',
    'a device that is not registered',
    ...known,
    [NORTH, 'submitBids', batch([claim('pv1', { deviceIds: ['other'] })])],
  ],
  [
    'WRONG_UID',
    'a uid of the bid’s own making',
    ...known,
    [NORTH, 'submitBids', batch([claim('pv1', { uid: '0'.repeat(32) })])],
  ],
  ['REPLAY', 'a bid sent again', ...known, submit, submit],
  ['REPLAY', 'a signed bid sent again', ...enrolled, submitSigned(good), submitSigned(good)],
  [
    'WRONG_UID',
    'a signed bid sent again for another interval',
    ...enrolled,
    submitSigned(good),
    submitSigned(good, LATER),
  ],
  [
    'BAD_SIGNATURE',
    'a signed bid made to fit another interval',
    ...enrolled,
    submitSigned({ ...good, uid: claim('pv1', { intervalId: LATER }).uid }, LATER),
  ],
  [
    'BAD_SIGNATURE',
    'a signed bid with another quantity',
    ...enrolled,
    submitSigned({ ...good, quantity_W: 49_999 }),
  ],
  ['BAD_SIGNATURE', 'a signed bid with another number', ...enrolled, submitSigned({ ...good, sequence: 2 })],
  [
    'BAD_SIGNATURE',
    'a signed bid for other hidden terms',
    ...enrolled,
    submitSigned({ ...good, commitment: checksum(7) }),
  ],
  [
    'BAD_SIGNATURE',
    'another device’s signature under this key’s name',
    ...enrolled,
    submitSigned({ ...good, signature: { ...good.signature, value: foreign.signature?.value } }),
  ],
  [
    'BAD_SIGNATURE',
    'a signature without a commitment',
    ...enrolled,
    submitSigned({ ...good, commitment: undefined }),
  ],
  [
    'BAD_SIGNATURE',
    'an enrolment signed by another key',
    ...known,
    [
      NORTH,
      'enrolKey',
      { ...(await enrolment('pv1', device)), signature: (await enrolment('pv1', stranger)).signature },
    ],
  ],
  [
    'BAD_SIGNATURE',
    'a rotation that the old key did not sign',
    ...enrolled,
    [NORTH, 'rotateKey', await withOldSignature(stranger)],
  ],
  [
    'BAD_SIGNATURE',
    'a rotation that the new key did not sign',
    ...enrolled,
    [NORTH, 'rotateKey', await withNewSignature(stranger)],
  ],
  [
    'BAD_KEY',
    'an enrolled key off the curve',
    ...known,
    [NORTH, 'enrolKey', await enrolment('pv1', device, { publicKey: badPoint })],
  ],
  ['UNSIGNED', 'an unsigned bid of an enrolled DER', ...enrolled, submit],
  ['UNSIGNED', 'an unsigned bid after revocation', ...enrolled, revoke, submit],
  ['UNKNOWN_KEY', 'a bid signed by another device', ...enrolled, submitSigned(foreign)],
  ['UNKNOWN_KEY', 'a bid signed by a revoked key', ...enrolled, revoke, submitSigned(good)],
  [
    'UNKNOWN_KEY',
    'a bid signed by the key before, in a later interval',
    ...enrolled,
    rotate,
    submitSigned(
      await signedClaim('pv1', device, { intervalId: LATER, uid: claim('pv1', { intervalId: LATER }).uid }),
      LATER,
    ),
  ],
  [
    'UNKNOWN_KEY',
    'a rotation from a key that it is not',
    ...enrolled,
    [NORTH, 'rotateKey', await rotation('pv1', stranger, next)],
  ],
  ['UNKNOWN_KEY', 'a rotation before an enrolment', ...known, rotate],
  ['UNKNOWN_KEY', 'revocation of no key', ...known, revoke],
  [
    'UNKNOWN_KEY',
    'qualification with another key',
    ...enrolled,
    [DSO, 'qualifyDer', { ...qualification('pv1'), keyId: stranger.keyId }],
  ],
  [
    'UNKNOWN_KEY',
    'qualification with a key that is not there',
    ...known,
    [DSO, 'qualifyDer', { ...qualification('pv1'), keyId: device.keyId }],
  ],
  ['REVOKED_KEY', 'a revoked key enrolled again by its old request', ...enrolled, revoke, enrol],
  ['ALREADY_ENROLLED', 'a second enrolment', ...enrolled, [NORTH, 'enrolKey', await enrolment('pv1', next)]],
  [
    'NOT_REGISTERED',
    'enrolment of an unknown DER',
    ...known,
    [NORTH, 'enrolKey', await enrolment('pv9', device)],
  ],
  ['NOT_REGISTERED', 'revocation for an unknown DER', [DSO, 'revokeKey', { derId: 'pv9', reason: 'stolen' }]],
  [
    'WRONG_DEVICES',
    'enrolment with other devices',
    ...known,
    [NORTH, 'enrolKey', await enrolment('pv1', device, { deviceIds: ['other'] })],
  ],
  [
    'WRONG_AGGREGATOR',
    'enrolment by another aggregator',
    ...known,
    ...southern,
    [SOUTH, 'enrolKey', await enrolment('pv1', device, { deraId: 'south' })],
  ],
  [
    'WRONG_AGGREGATOR',
    'revocation by another aggregator',
    ...enrolled,
    ...southern,
    [SOUTH, 'revokeKey', { derId: 'pv1', reason: 'mine' }],
  ],
  ['WRONG_ORG', 'enrolment by the DSO', ...known, [DSO, 'enrolKey', await enrolment('pv1', device)]],
  ['WRONG_ORG', 'a modification by the DERA', ...toDecided, modify(0, 2, NORTH)],
  ['WRONG_ROLE', 'a modification by the DSO’s iso', ...toDecided, modify(0, 2, { ...DSO, role: 'iso' })],
  ['NOT_FOUND', 'a modification of no bid', ...known, modify(0, 1)],
  ['NOT_DECIDED', 'a modification before the decision', ...known, submit, modify(0, 1)],
  ['REVISION_CONFLICT', 'a modification of another revision', ...toDecided, modify(0, 1)],
  ['QUANTITY_RAISED', 'a modification that raises', ...toDecided, modify(40_001, 2)],
  ['QUANTITY_RAISED', 'a modification that changes nothing', ...toDecided, modify(40_000, 2)],
  ['ALREADY_SETTLED', 'a modification after settlement', ...toDispatched, settle(), modify(0, 5)],
  ['ALREADY_SETTLED', 'a second settlement', ...toDispatched, settle(), settle()],
  ['NOT_DISPATCHED', 'a settlement before the dispatch', ...toAwarded, settle()],
  ['NOT_FOUND', 'a settlement without a submission', ...known, settle()],
  ['INCOMPLETE', 'a settlement that leaves a bid out', ...toDispatched, settle({ settlements: [] })],
  ['WRONG_ORG', 'a settlement by the DSO', ...toDispatched, [DSO, ...settle().slice(1)] as unknown as Step],
  [
    'MALFORMED',
    'an amount paid, in clear',
    ...toDispatched,
    settle({
      settlements: [
        {
          uid: claim('pv1').uid,
          expectedRevision: 4,
          metered_Wh: 7000,
          amount_uUSD: 1,
          checksum: checksum(5),
        },
      ],
    }),
  ],
  [
    'TOO_MANY_REVISIONS',
    'a reduction after the 196th revision',
    ...toDecided,
    ...Array.from({ length: 194 }, (_, i) => modify(39_999 - i, i + 2)),
    modify(0, 196),
  ],
  [
    'CLAIMED',
    'a device sold by another aggregator',
    ...known,
    ...southern,
    submit,
    [SOUTH, 'submitBids', batch([claim('pv2', { deviceIds: ['pv1-inverter'] })], 'south')],
  ],
  [
    'CLAIMED',
    'in real time a device that another aggregator sold a day ahead',
    ...known,
    ...southern,
    [NORTH, 'submitBids', batch([claim('pv1', { intervalId: HOUR })], 'north', HOUR)],
    [
      SOUTH,
      'submitBids',
      batch(
        [claim('pv2', { deviceIds: ['pv1-inverter'], intervalId: '2026-06-21T12:45Z' })],
        'south',
        '2026-06-21T12:45Z',
      ),
    ],
  ],
  [
    'CLAIMED',
    'a day ahead a device that another aggregator sold in a quarter of the hour',
    ...known,
    ...southern,
    submit,
    [
      SOUTH,
      'submitBids',
      batch([claim('pv2', { deviceIds: ['pv1-inverter'], intervalId: HOUR })], 'south', HOUR),
    ],
  ],
  [
    'WRONG_PRODUCT',
    'a day-ahead product in an interval of real time',
    ...known,
    [
      NORTH,
      'submitBids',
      batch([
        claim('pv1', { product: 'day-ahead-energy', uid: bidUid('pv1', INTERVAL, 'day-ahead-energy') }),
      ]),
    ],
  ],
  [
    'MALFORMED',
    'a commitment to baselines that is no hash',
    ...known,
    [NORTH, 'submitBids', { ...batch([]), baselineCommitment: 'short' }],
  ],
  [
    'MALFORMED',
    'a day-ahead interval that is no whole hour',
    ...known,
    [NORTH, 'submitBids', batch([], 'north', '2026-06-21T12:15Z--PT60M')],
  ],
  [
    'RETAIL_PROGRAMME',
    'a DER whose energy a retail programme pays for',
    [NORTH, 'registerDer', registration('pv1', { retailProgramme: 'net metering' })],
    qualify,
    submit,
  ],
  [
    'CLAIMED',
    'a device sold twice in one batch',
    ...known,
    [NORTH, 'registerDer', registration('pv3', { deviceIds: ['pv1-inverter'] })],
    [DSO, 'qualifyDer', qualification('pv3')],
    [NORTH, 'submitBids', batch([claim('pv1'), claim('pv3', { deviceIds: ['pv1-inverter'] })])],
  ],
  ['DUPLICATE', 'a second submission', ...known, submit, [NORTH, 'submitBids', batch([])]],
  [
    'DUPLICATE',
    'a bid twice in one batch',
    ...known,
    [NORTH, 'submitBids', batch([claim('pv1'), claim('pv1')])],
  ],
  [
    'DUPLICATE',
    'a DER that bids and is silent',
    ...known,
    [NORTH, 'submitBids', { ...batch([claim('pv1')]), silentDerIds: ['pv1'] }],
  ],
  [
    'DUPLICATE',
    'a bid decided twice',
    ...known,
    submit,
    decide(0, { changes: [change('pv1', 0, 1), change('pv1', 0, 1)] }),
  ],
  ['NOT_FOUND', 'a bid that is not there', [NORTH, 'readBid', { uid: '0'.repeat(32) }]],
  ['NOT_FOUND', 'a history that is not there', [NORTH, 'readBidHistory', { uid: '0'.repeat(32) }]],
  [
    'NOT_FOUND',
    'a revision that is not there',
    ...known,
    submit,
    [NORTH, 'readBid', { uid: claim('pv1').uid, revision: 2 }],
  ],
  [
    'NOT_FOUND',
    'a decision on an unknown bid',
    ...known,
    submit,
    decide(0, { changes: [change('pv9', 0, 1)] }),
  ],
  ['NOT_FOUND', 'awards without a submission', ...known, award(0)],
  ['REVISION_CONFLICT', 'another revision', ...known, submit, decide(0, { changes: [change('pv1', 0, 2)] })],
  ['QUANTITY_RAISED', 'a decision that raises', ...known, submit, decide(50_001)],
  ['QUANTITY_RAISED', 'an award above the approval', ...toDecided, award(40_001)],
  ['QUANTITY_RAISED', 'a dispatch above the award', ...toAwarded, dispatch(30_001)],
  ['INCOMPLETE', 'a decision that leaves a bid out', ...known, submit, decide(0, { changes: [] })],
  ['INCOMPLETE', 'awards that leave a bid out', ...toDecided, award(0, { changes: [] })],
  ['INCOMPLETE', 'a dispatch that leaves a bid out', ...toAwarded, dispatch(0, { changes: [] })],
  ['OUTCOME_MISMATCH', 'accepted, but changed', ...known, submit, decide(40_000, { certificate: accepted })],
  [
    'OUTCOME_MISMATCH',
    'nothing approved, but something kept',
    ...known,
    submit,
    decide(1, { certificate: certificate({ outcome: 'INFEASIBLE_AT_ZERO' }) }),
  ],
  [
    'OUTCOME_MISMATCH',
    'a dispatch accepted, but changed',
    ...toAwarded,
    dispatch(29_999, { certificate: accepted }),
  ],
  ['ALREADY_DECIDED', 'a second decision', ...toDecided, decide(0)],
  ['ALREADY_DECIDED', 'bids after the decision', ...known, decide(0, { changes: [] }), submit],
  ['NOT_DECIDED', 'awards before the decision', ...known, submit, award(0)],
  ['NOT_DECIDED', 'a dispatch before the decision', ...known, submit, dispatch(0)],
  ['ALREADY_AWARDED', 'awards twice', ...toAwarded, award(0)],
  ['NOT_AWARDED', 'a dispatch before any award', ...toDecided, dispatch(0)],
  ['ALREADY_DISPATCHED', 'a second dispatch', ...toAwarded, dispatch(30_000), dispatch(0)],
  ['ALREADY_DISPATCHED', 'awards after the dispatch', ...toAwarded, dispatch(30_000), award(0)],
];

for (const [code, title, ...steps] of CASES) {
  test(`${code}: ${title}`, async (t) => {
    const ledger = new MemoryLedger();
    for (const step of steps.slice(0, -1)) {
      const outcome = await ledger.run(...step);
      t.true(outcome.ok, JSON.stringify(outcome));
    }
    const before = new Map(ledger.state);
    const events = ledger.events.length;
    const last = steps.at(-1);
    const outcome = last === undefined ? undefined : await ledger.run(...last);
    t.like(outcome, { ok: false, refusal: { code } });
    if (outcome?.ok === false) t.regex(outcome.refusal.message, /.{10,}/);
    t.deepEqual(ledger.state, before);
    t.is(ledger.events.length, events);
  });
}

test('every code has a case', (t) => {
  t.deepEqual([...new Set(CASES.map(([code]) => code))].sort(), [...CONTRACT_REFUSALS].sort());
});
