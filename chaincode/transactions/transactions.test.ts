/** What the contract writes and announces when it does not refuse. */
import { createPublicKey, verify } from 'node:crypto';
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { bidUid } from '@fieldbid/core/digest';
import type { BidState, IntervalState } from '@fieldbid/core/gateway-api/schemas';
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
  signedClaim,
} from '../testing/fixtures.ts';
import { MemoryLedger } from '../testing/memory-ledger.ts';
import type { Caller } from './context.ts';

async function done(ledger: MemoryLedger, caller: Caller, name: string, argument: unknown): Promise<unknown> {
  const outcome = await ledger.run(caller, name, argument);
  if (!outcome.ok) throw new RangeError(JSON.stringify(outcome.refusal));
  return JSON.parse(outcome.result);
}

async function market(...derIds: string[]): Promise<MemoryLedger> {
  const ledger = new MemoryLedger();
  for (const derId of derIds) {
    await done(ledger, NORTH, 'registerDer', registration(derId));
    await done(ledger, DSO, 'qualifyDer', qualification(derId));
  }
  return ledger;
}

test('a qualified DER has its limit and a new revision', async (t) => {
  const ledger = await market('pv1');
  t.deepEqual(await done(ledger, NORTH, 'listDers', {}), {
    ders: [{ ...registration('pv1'), status: 'qualified', limit_W: 80_000, keys: null, revision: 2 }],
    next: null,
  });
});

test('each change is a new revision; the old ones stay as they were', async (t) => {
  const ledger = await market('pv1');
  await done(ledger, NORTH, 'submitBids', batch([claim('pv1')]));
  const key = `bid~${claim('pv1').uid}`;
  const first = revisionsOf(ledger, key)[0];
  await done(ledger, DSO, 'decideInterval', {
    intervalId: INTERVAL,
    certificate: certificate(),
    changes: [change('pv1', 0, 1)],
  });
  await done(ledger, NORTH, 'recordAwards', {
    intervalId: INTERVAL,
    deraId: 'north',
    changes: [change('pv1', 0, 2)],
  });
  await done(ledger, DSO, 'confirmDispatch', {
    intervalId: INTERVAL,
    certificate: certificate({ outcome: 'ACCEPTED' }),
    changes: [change('pv1', 0, 3)],
  });
  const history = (await done(ledger, DSO, 'readBidHistory', { uid: claim('pv1').uid })) as BidState[];
  t.deepEqual(
    history.map(({ revision, status, by, checksum }) => [revision, status, by, checksum]),
    [
      [1, 'submitted', 'DeraMSP', checksum(1)],
      [2, 'curtailed', 'DsoMSP', checksum(2)],
      // Not awarded stays not awarded: there is nothing to dispatch.
      [3, 'not-awarded', 'DeraMSP', checksum(3)],
      [4, 'not-awarded', 'DsoMSP', checksum(4)],
    ],
  );
  t.is(history[1]?.reason, 'CURTAILED by proportional, alpha 800000 ppm, bound by l675.B at minute 7');
  t.deepEqual(revisionsOf(ledger, key)[0], first);
  t.is(revisionsOf(ledger, key).length, 4);
});

function revisionsOf(ledger: MemoryLedger, key: string): unknown[] {
  return (JSON.parse(ledger.state.get(key) ?? '{}') as { revisions: unknown[] }).revisions;
}

test('an enrolled device’s signed bid is taken, and says who signed what', async (t) => {
  const ledger = await market('pv1');
  const device = seededSigner(1, 'pv1');
  const entry = await done(ledger, NORTH, 'enrolKey', await enrolment('pv1', device));
  t.like(entry, {
    status: 'qualified',
    keys: { current: device.publicKey, previous: null, revoked: [] },
    revision: 3,
  });
  await done(ledger, DSO, 'qualifyDer', { ...qualification('pv1'), keyId: device.keyId });
  const signed = await signedClaim('pv1', device);
  await done(ledger, NORTH, 'submitBids', batch([signed]));
  const state = await done(ledger, DSO, 'readBid', { uid: signed.uid });
  t.like(state, { keyId: device.keyId, commitment: signed.commitment, revision: 1 });
  // The signature stands over what the ledger holds: whoever has the device's key can check it (OpenSSL's verify).
  const { signature, commitment, uid, sequence, quantity_W, deviceIds, product } = signed;
  const text = canonicalJson({
    ...{ uid, derId: 'pv1', deraId: 'north', deviceIds, intervalId: INTERVAL, product, sequence, quantity_W },
    commitment,
  });
  const key = createPublicKey({ key: device.publicKey, format: 'jwk' });
  const bytes = Buffer.from(signature?.value ?? '', 'base64url');
  t.true(
    verify('sha256', Buffer.from(`fieldbid/bid/v2\n${text}`), { key, dsaEncoding: 'ieee-p1363' }, bytes),
  );
});

test('a DER never enrolled bids by its DERA’s word; a signature that nobody can check proves nothing', async (t) => {
  const ledger = await market('pv1');
  const signed = await signedClaim('pv1', seededSigner(1, 'pv1'));
  await done(ledger, NORTH, 'submitBids', batch([signed]));
  t.like(await done(ledger, DSO, 'readBid', { uid: signed.uid }), {
    keyId: null,
    commitment: signed.commitment,
  });
});

test('after a rotation both keys sign for the interval of grace, the new one for all', async (t) => {
  const later = '2026-06-21T12:15Z';
  const [old, next] = [seededSigner(1, 'pv1'), seededSigner(1, 'next')];
  for (const [signer, intervalId] of [
    [old, INTERVAL],
    [next, INTERVAL],
    [next, later],
  ] as const) {
    const ledger = await market('pv1');
    await done(ledger, NORTH, 'enrolKey', await enrolment('pv1', old));
    await done(ledger, NORTH, 'rotateKey', await rotation('pv1', old, next, INTERVAL));
    const uid = bidUid('pv1', intervalId, 'energy');
    const signed = await signedClaim('pv1', signer, { intervalId, uid });
    await done(ledger, NORTH, 'submitBids', batch([signed], 'north', intervalId));
    t.like(await done(ledger, NORTH, 'readBid', { uid }), { keyId: signer.keyId });
  }
});

test('a revoked key gives way to a new enrolment', async (t) => {
  const ledger = await market('pv1');
  const next = seededSigner(1, 'next');
  await done(ledger, NORTH, 'enrolKey', await enrolment('pv1', seededSigner(1, 'pv1')));
  await done(ledger, NORTH, 'revokeKey', { derId: 'pv1', reason: 'stolen' });
  await done(ledger, NORTH, 'enrolKey', await enrolment('pv1', next));
  await done(ledger, NORTH, 'submitBids', batch([await signedClaim('pv1', next)]));
  t.deepEqual(ledger.events.map(({ name }) => name).slice(2), [
    'DerKeyEnrolled',
    'DerKeyRevoked',
    'DerKeyEnrolled',
    'BidsSubmitted',
  ]);
});

test('the DSO reduces a dispatched bid, and what it delivered is settled', async (t) => {
  const ledger = await market('pv1');
  await done(ledger, NORTH, 'submitBids', batch([claim('pv1')]));
  const { uid } = claim('pv1');
  const about = { intervalId: INTERVAL, certificate: certificate({ outcome: 'ACCEPTED' }) };
  await done(ledger, DSO, 'decideInterval', { ...about, changes: [change('pv1', 50_000, 1)] });
  const approved = { uid, expectedRevision: 2, quantity_W: 45_000, checksum: checksum(3) };
  await done(ledger, DSO, 'modifyBid', { ...approved, reason: 'a line is out', bindingNode: 'l675.B' });
  const dera = { intervalId: INTERVAL, deraId: 'north' };
  await done(ledger, NORTH, 'recordAwards', { ...dera, changes: [change('pv1', 45_000, 3)] });
  await done(ledger, DSO, 'confirmDispatch', { ...about, changes: [change('pv1', 45_000, 4)] });
  const dispatched = { uid, expectedRevision: 5, quantity_W: 20_000, checksum: checksum(6) };
  await done(ledger, DSO, 'modifyBid', { ...dispatched, reason: 'fault', bindingNode: null });
  const settlement = { uid, expectedRevision: 6, metered_Wh: -12, checksum: checksum(7) };
  await done(ledger, NORTH, 'recordSettlement', { ...dera, settlements: [settlement] });
  const history = (await done(ledger, DSO, 'readBidHistory', { uid })) as BidState[];
  t.deepEqual(
    history.map(({ status, quantity_W, metered_Wh, by, reason }) => [
      status,
      quantity_W,
      metered_Wh,
      by,
      reason,
    ]),
    [
      ['submitted', 50_000, null, 'DeraMSP', ''],
      ['approved', 50_000, null, 'DsoMSP', history[1]?.reason],
      ['curtailed', 45_000, null, 'DsoMSP', 'a line is out, bound by l675.B'],
      ['awarded', 45_000, null, 'DeraMSP', 'cleared in full'],
      ['dispatched', 45_000, null, 'DsoMSP', history[4]?.reason],
      ['dispatched', 20_000, null, 'DsoMSP', 'fault'],
      ['settled', 20_000, -12, 'DeraMSP', 'metered energy of the dispatch'],
    ],
  );
  t.deepEqual(JSON.parse(ledger.events.at(-1)?.payload ?? ''), { ...dera, uids: [uid], revisions: [7] });
});

test('one aggregator sells a device a day ahead and in real time: the one is settled against the other', async (t) => {
  const ledger = await market('pv1');
  await done(ledger, NORTH, 'submitBids', batch([claim('pv1', { intervalId: HOUR })], 'north', HOUR));
  for (const quarter of ['00', '15', '30', '45']) {
    const intervalId = `2026-06-21T12:${quarter}Z`;
    await done(ledger, NORTH, 'submitBids', batch([claim('pv1', { intervalId })], 'north', intervalId));
  }
  const { submissions } = (await done(ledger, DSO, 'readInterval', { intervalId: HOUR })) as IntervalState;
  t.is(submissions[0]?.bids[0]?.product, 'day-ahead-energy');
});

test('an empty batch is recorded, silent DERs with it, and the interval can be decided', async (t) => {
  const ledger = await market('pv1');
  await done(ledger, NORTH, 'submitBids', { ...batch([]), silentDerIds: ['pv1'] });
  await done(ledger, DSO, 'decideInterval', {
    intervalId: INTERVAL,
    certificate: certificate(),
    changes: [],
  });
  const state = (await done(ledger, DSO, 'readInterval', { intervalId: INTERVAL })) as IntervalState;
  t.deepEqual(state.submissions, [
    { deraId: 'north', bids: [], silentDerIds: ['pv1'], awarded: false, settled: false },
  ]);
  t.deepEqual(state.decision, certificate());
  t.is(state.dispatch, null);
});

test('events hold ids and revision numbers only', async (t) => {
  const ledger = await market('pv1');
  await done(ledger, NORTH, 'submitBids', batch([claim('pv1')]));
  const uids = [bidUid('pv1', INTERVAL, 'energy')];
  t.deepEqual(
    ledger.events.map(({ name, payload }) => [name, JSON.parse(payload)]),
    [
      ['DerRegistered', { deraId: 'north', derId: 'pv1' }],
      ['DerQualified', { deraId: 'north', derId: 'pv1' }],
      ['BidsSubmitted', { deraId: 'north', intervalId: INTERVAL, uids, revisions: [1] }],
    ],
  );
});

test('pages cover everything once', async (t) => {
  const names = Array.from({ length: 7 }, (_, i) => `pv${i}`);
  const ledger = await market(...names);
  const seen: string[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const page = (await done(ledger, NORTH, 'listDers', {
      limit: 3,
      ...(after === undefined ? {} : { after }),
    })) as {
      ders: { derId: string }[];
      next: string | null;
    };
    t.true(page.ders.length <= 3);
    seen.push(...page.ders.map(({ derId }) => derId));
    after = page.next;
  }
  t.deepEqual(seen, names);
});

test('every value on the ledger is canonical JSON', async (t) => {
  const ledger = await market('pv1');
  await done(ledger, NORTH, 'submitBids', batch([claim('pv1')]));
  for (const value of ledger.state.values()) t.is(canonicalJson(JSON.parse(value)), value);
});

test('a commitment to baselines stays with the submission; without one nothing of it is stored', async (t) => {
  const [plain, committed] = [await market('pv1'), await market('pv1')];
  const later = '2026-06-21T12:15Z';
  const baselineCommitment = checksum(7);
  await done(plain, NORTH, 'submitBids', batch([claim('pv1')]));
  await done(committed, NORTH, 'submitBids', { ...batch([claim('pv1')]), baselineCommitment });
  // Also where nobody bids: the baselines are of the interval, not of a bid.
  await done(committed, NORTH, 'submitBids', { ...batch([], 'north', later), baselineCommitment });
  const stored = (ledger: MemoryLedger) => ledger.state.get(`submission~${INTERVAL}~north`) ?? '';
  t.is(
    stored(plain),
    canonicalJson({
      ...{ deraId: 'north', uids: [claim('pv1').uid], silentDerIds: [], awarded: false, settled: false },
    }),
  );
  const read = async (ledger: MemoryLedger, intervalId = INTERVAL) =>
    ((await done(ledger, DSO, 'readInterval', { intervalId })) as IntervalState).submissions[0]!;
  t.false('baselineCommitment' in (await read(plain)));
  t.is((await read(committed)).baselineCommitment, baselineCommitment);
  t.is((await read(committed, later)).baselineCommitment, baselineCommitment);
  // What follows leaves it as it is.
  const decide = { intervalId: INTERVAL, certificate: certificate(), changes: [change('pv1', 0, 1)] };
  await done(committed, DSO, 'decideInterval', decide);
  const changes = [change('pv1', 0, 2)];
  await done(committed, NORTH, 'recordAwards', { intervalId: INTERVAL, deraId: 'north', changes });
  t.like(await read(committed), { baselineCommitment, awarded: true });
});
