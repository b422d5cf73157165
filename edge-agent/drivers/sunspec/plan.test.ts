import test from 'ava';
import fc from 'fast-check';
import { modelDefinition } from './models.ts';
import { planReads, unitsOf } from './plan.ts';

test('a value and its scale factor make one unit; points without one stand alone', (t) => {
  const settings = modelDefinition(121)!;
  // WMax is register 2, WMax_SF register 22; ConnPh register 21.
  t.deepEqual(unitsOf(settings, 1000, 30, ['WMax', 'ConnPh']), [
    { address: 1002, count: 21 },
    { address: 1021, count: 1 },
  ]);
});

test('points beyond the length that a device serves are left out', (t) => {
  const common = modelDefinition(1)!;
  t.deepEqual(unitsOf(common, 0, 65, ['DA', 'Pad']), [{ address: 66, count: 1 }]);
});

test('any plan covers every unit whole, within the largest read', (t) => {
  const unit = fc.record({ address: fc.nat(2000), count: fc.integer({ min: 1, max: 20 }) });
  fc.assert(
    fc.property(
      fc.array(unit, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 20, max: 125 }),
      (units, most) => {
        const reads = planReads(units, most);
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
  t.throws(() => planReads([{ address: 0, count: 21 }], 20), { code: 'SUNSPEC_READ_SIZE' });
});
