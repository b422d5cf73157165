import { InputError } from '@fieldbid/core/errors';
import test from 'ava';
import { clearingOutcomes, closerLook } from './clearing-outcomes.ts';
import type { Request } from './policy.ts';

function requests(...ranks: (number | undefined)[]): Request[] {
  return ranks.map((rank, i) => ({
    uid: `bid-${i}`,
    derId: `der-${i}`,
    quantity_W: 100,
    ...(rank === undefined ? {} : { rank }),
  }));
}

test('merit order: every prefix, and the way to the next, with those of one price together', (t) => {
  // Ranks 2, 0, 1, 0: first the second and fourth bid together, then the third, then the first.
  const outcomes = clearingOutcomes(requests(2, 0, 1, 0), 'merit-order');
  t.deepEqual(
    outcomes.map(({ shares, between }) => [shares.join(' '), between]),
    [
      ['1 1 1 1', false],
      ['0 0.5 0 0.5', true],
      ['0 1 0 1', false],
      ['0 1 0.5 1', true],
      ['0 1 1 1', false],
      ['0.5 1 1 1', true],
    ],
  );
  t.is(outcomes[3]?.label, 'first 2 of 4 in merit order, and half of the next');
});

test('a way between two outcomes is looked at by eighths', (t) => {
  const [, way] = clearingOutcomes(requests(0, 1), 'merit-order');
  t.deepEqual(
    closerLook(way!).map(({ shares }) => shares),
    [0.125, 0.25, 0.375, 0.625, 0.75, 0.875].map((part) => [part, 0]),
  );
});

test('bids whose rank is not known are last, and together', (t) => {
  const outcomes = clearingOutcomes(requests(undefined, 0, undefined), 'merit-order');
  t.deepEqual(outcomes.at(-1)?.shares, [0.5, 1, 0.5]);
});

test('any subset: all of them but none at all, each once', (t) => {
  const outcomes = clearingOutcomes(requests(0, 1, 2), 'any-subset');
  t.is(new Set(outcomes.map(({ shares }) => shares.join(''))).size, 7);
  t.is(outcomes.length, 7);
  const many = requests(...Array.from({ length: 13 }, (_, i) => i));
  t.throws(() => clearingOutcomes(many, 'any-subset'), { instanceOf: InputError, message: /13 bids.*12/ });
});

test('none: all of it and nothing else; one bid alone can only be taken in part', (t) => {
  t.is(clearingOutcomes(requests(0, 1), 'none').length, 1);
  t.is(clearingOutcomes(requests(0), 'merit-order').length, 1);
});
