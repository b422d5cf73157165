/** What the contract writes and announces when it does not refuse. */
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { bidUid } from '@fieldbid/core/digest';
import type { BidState, IntervalState } from '@fieldbid/core/gateway-api/schemas';
import test from 'ava';
import {
  batch,
  certificate,
  change,
  checksum,
  claim,
  DSO,
  INTERVAL,
  NORTH,
  qualification,
  registration,
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
    ders: [{ ...registration('pv1'), status: 'qualified', limit_W: 80_000, revision: 2 }],
    next: null,
  });
});

test('each change is a new revision under its own key; the old ones stay as they were', async (t) => {
  const ledger = await market('pv1');
  await done(ledger, NORTH, 'submitBids', batch([claim('pv1')]));
  const first = ledger.state.get(`bid~${claim('pv1').uid}~000001`);
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
  t.is(ledger.state.get(`bid~${claim('pv1').uid}~000001`), first);
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
  t.deepEqual(state.submissions, [{ deraId: 'north', bids: [], silentDerIds: ['pv1'], awarded: false }]);
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
