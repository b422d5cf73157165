import test from 'ava';
import fc from 'fast-check';
import { pointRef } from '../sunspec/bind.ts';
import { planReads } from './plan.ts';
import { extentOf } from './point-ref.ts';

test('a value and its scale factor make one unit; a point without one stands alone', (t) => {
  // Model 121: WMax is register 2, WMax_SF register 22; ConnPh register 21.
  const settings = { id: 121, address: 1000, length: 30 };
  t.like(extentOf(pointRef(settings, 'WMax')!), { address: 1002, count: 21 });
  t.like(extentOf(pointRef(settings, 'ConnPh')!), { address: 1021, count: 1 });
});

test('points beyond the length that a device serves are left out', (t) => {
  const common = { id: 1, address: 0, length: 65 };
  t.is(pointRef(common, 'DA')?.address, 66);
  t.is(pointRef(common, 'Pad'), undefined);
});

test('input and holding registers are never read together, nor over a gap that is too wide', (t) => {
  const units = [
    { address: 10, count: 2 },
    { table: 'input' as const, address: 12, count: 1 },
    { address: 13, count: 1 },
    { address: 20, count: 1 },
  ];
  t.deepEqual(planReads(units, { most: 125, widestGap: 3 }), [
    { table: 'holding', address: 10, count: 4 },
    { table: 'holding', address: 20, count: 1 },
    { table: 'input', address: 12, count: 1 },
  ]);
});

test('any plan covers every unit whole, within the largest read', (t) => {
  const unit = fc.record({ address: fc.nat(2000), count: fc.integer({ min: 1, max: 20 }) });
  fc.assert(
    fc.property(
      fc.array(unit, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 20, max: 125 }),
      (units, most) => {
        const reads = planReads(units, { most });
        t.true(reads.every((read) => read.count <= most));
        for (const { address, count } of units) {
          t.true(reads.some((r) => r.address <= address && address + count <= r.address + r.count));
        }
        t.true(reads.length <= units.length);
      },
    ),
  );
});

test('what belongs together and does not fit into one read is said', (t) => {
  t.throws(() => planReads([{ address: 0, count: 21 }], { most: 20 }), { code: 'READ_SIZE' });
});
