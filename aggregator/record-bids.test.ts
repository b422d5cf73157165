import { FieldbidError } from '@fieldbid/core/errors';
import type { Bid } from '@fieldbid/core/market/messages';
import test from 'ava';
import { recordBids } from './record-bids.ts';

const bids = ['a', 'b', 'c'].map((derId) => ({ derId, uid: `uid-${derId}` })) as Bid[];
const closed = { bids, submitted: 4, refused: 1 };
const refusal = (code: string, details: Record<string, unknown>) =>
  new FieldbidError(code, `refused: ${code}`, { details });

test('bids that the ledger refuses by name are left out, the others recorded', async (t) => {
  const left = new Map([
    ['b', refusal('CLAIMED', { uid: 'uid-b', derId: 'b' })],
    ['c', refusal('NOT_REGISTERED', { derId: 'c' })],
  ]);
  const dropped: string[] = [];
  const recorded = await recordBids(
    closed,
    async (now) => {
      const bad = now.find(({ derId }) => left.has(derId));
      if (bad !== undefined) throw left.get(bad.derId);
      return { txId: 'tx', bids: [] };
    },
    (derId, uid, { code }) => dropped.push(`${derId} ${uid} ${code}`),
  );
  t.deepEqual(recorded, { txId: 'tx', book: { bids: bids.slice(0, 1), submitted: 4, refused: 3 } });
  t.deepEqual(dropped, ['b uid-b CLAIMED', 'c uid-c NOT_REGISTERED']);
});

test('what is not about one of the bids ends it', async (t) => {
  for (const error of [
    refusal('ALREADY_DECIDED', { intervalId: 'i' }),
    refusal('CLAIMED', { uid: 'uid-of-nobody', derId: 'a' }),
    refusal('WRONG_AGGREGATOR', { deraId: 'north' }),
    new RangeError('a bug'),
  ]) {
    const failed = recordBids(
      closed,
      () => Promise.reject(error),
      () => t.fail(),
    );
    t.is(await t.throwsAsync(failed, { any: true }), error);
  }
});
