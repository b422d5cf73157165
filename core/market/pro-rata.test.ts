import test from 'ava';
import fc from 'fast-check';
import { splitProRata } from './pro-rata.ts';

test('worked by hand: 100 W over claims of 50, 100 and 150 W', (t) => {
  // Shares 16.67, 33.33, 50: whole parts 16, 33, 50, one watt left for one of the two that were cut.
  const parts = splitProRata(
    100,
    [
      { id: 'a', quantity_W: 50 },
      { id: 'b', quantity_W: 100 },
      { id: 'c', quantity_W: 150 },
    ],
    'i',
  );
  t.is(parts.get('a')! + parts.get('b')! + parts.get('c')!, 100);
  t.true([16, 17].includes(parts.get('a')!));
  t.true([33, 34].includes(parts.get('b')!));
  t.true([50, 51].includes(parts.get('c')!));
});

const claimsAndTotal = fc
  .uniqueArray(fc.record({ id: fc.uuid(), quantity_W: fc.nat(1_000_000_000) }), {
    selector: (claim) => claim.id,
    maxLength: 30,
  })
  .chain((claims) => {
    const sum = claims.reduce((total, claim) => total + claim.quantity_W, 0);
    return fc.tuple(
      fc.constant(claims),
      fc.maxSafeNat().map((n) => (sum === 0 ? 0 : n % (sum + 1))),
    );
  });

test('the parts add up, none exceeds its claim, each is within a watt of its share, in any order', (t) => {
  fc.assert(
    fc.property(claimsAndTotal, fc.nat(), ([claims, total_W], turn) => {
      const parts = splitProRata(total_W, claims, 'salt');
      const sum = claims.reduce((all, claim) => all + claim.quantity_W, 0);
      t.is(
        [...parts.values()].reduce((all, part) => all + part, 0),
        total_W,
      );
      for (const { id, quantity_W } of claims) {
        const part = parts.get(id)!;
        t.true(part <= quantity_W);
        t.true(Math.abs(part - (sum === 0 ? 0 : total_W * (quantity_W / sum))) < 1.001);
      }
      const turned = claims.map((_, i) => claims[(i + turn) % claims.length]!);
      t.deepEqual(new Map([...splitProRata(total_W, turned, 'salt')].sort()), new Map([...parts].sort()));
    }),
  );
});

test('what cannot be split is refused', (t) => {
  const a = { id: 'a', quantity_W: 10 };
  t.throws(() => splitProRata(11, [a], ''), { message: /only 10 W are claimed/ });
  t.throws(() => splitProRata(1.5, [a], ''), { message: /integers/ });
  t.throws(() => splitProRata(5, [a, a], ''), { message: /two claims/ });
  t.throws(() => splitProRata(-1, [a], ''), { message: /integers/ });
});
