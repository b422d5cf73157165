import { bidUid } from '@fieldbid/core/digest';
import { intervalFrom } from '@fieldbid/core/interval';
import type { Award } from '@fieldbid/core/market/messages';
import test from 'ava';
import { AwardBook } from './awards.ts';

const interval = intervalFrom(Date.UTC(2026, 5, 21, 12), 15);
const next = intervalFrom(interval.end_ms, 15);

function awardOf(allocation_W: number, sequence: number, of = interval): Award {
  return {
    derId: 'pv-1',
    intervalId: of.id,
    start_ms: of.start_ms,
    end_ms: of.end_ms,
    bidUid: bidUid('pv-1', of.id, 'energy'),
    allocation_W,
    price_uUSD_per_MWh: 30_000_000,
    sequence,
    reason: 'CLEARED',
  };
}

test('a repeated award is the same one, a newer one counts, an overtaken or contradicting one is refused', (t) => {
  const book = new AwardBook('pv-1', [interval, next]);
  const now_ms = interval.start_ms;
  const take = (award: Award): string => {
    const { answer } = book.take(award, 'test', now_ms);
    return answer.accepted ? 'taken' : answer.code;
  };
  t.is(take(awardOf(1000, 5)), 'taken');
  t.is(take(awardOf(1000, 5)), 'taken');
  t.is(take(awardOf(4000, 5)), 'CONFLICT');
  t.is(take(awardOf(2000, 6)), 'taken');
  t.is(take(awardOf(1000, 5)), 'OUT_OF_DATE');
  const { sequence: _, ...unnumbered } = awardOf(3000, 1);
  t.is(take(unnumbered), 'OUT_OF_DATE');
  t.is(take(awardOf(500, 4, next)), 'taken'); // numbers are of one interval
  t.is(book.at(now_ms)?.allocation_W, 2000);
});
