import test from 'ava';
import fc from 'fast-check';
import { limitValue, pctOf, revertValue, wattsPerUnit } from './limit-value.ts';

const [BYTE, UINT16, INT32, FLOAT, DOUBLE] = [3, 5, 6, 10, 11];
const pct = { unit: 'pct', scale: 1 } as const;

test('by hand: percent in steps of 0.01, whole percent, kilowatts, tenths of a percent', (t) => {
  const of = (mapped: Parameters<typeof limitValue>[0]['mapped'], dataType: number, limit_W: number) => {
    const { raw, commanded_pct, step_pct } = limitValue({
      limit_W,
      rating_W: 5000,
      mapped,
      dataType,
      floor_pct: 0,
    });
    return [raw, commanded_pct, step_pct];
  };
  t.deepEqual(of(pct, DOUBLE, 1665), [33.3, 33.3, 0.01]);
  t.deepEqual(of(pct, DOUBLE, 1665.4), [33.3, 33.3, 0.01]); // 33.308 %, down
  t.deepEqual(of(pct, BYTE, 1665), [33, 33, 1]);
  t.deepEqual(of({ unit: 'kW', scale: 1, step: 0.1 }, DOUBLE, 1665), [1.6, 32, 2]);
  t.deepEqual(of({ unit: 'W', scale: 1 }, INT32, 1665.9), [1665, 33.3, 0.02]);
  t.deepEqual(of({ unit: 'pct', scale: 0.1 }, UINT16, 1665), [333, 33.3, 0.1]);
  t.deepEqual(of(pct, DOUBLE, 99_000), [100, 100, 0.01]); // more than the rating is the rating
  t.deepEqual(of(pct, DOUBLE, 0), [0, 0, 0.01]);
});

test('a node that cannot hold the limit gets less, never more', (t) => {
  const value = limitValue({
    ...{
      limit_W: 250_000,
      rating_W: 250_000,
      mapped: { unit: 'W', scale: 1 },
      dataType: UINT16,
      floor_pct: 0,
    },
  });
  t.is(value.raw, 65_535);
});

test('a 32-bit float is the next one below, not the nearest', (t) => {
  // 33.3 is no float: its neighbours are 33.29999923706055 and 33.30000305175781.
  const value = limitValue({ limit_W: 1665, rating_W: 5000, mapped: pct, dataType: FLOAT, floor_pct: 0 });
  t.is(value.raw, 33.29999923706055);
});

test('a floor raises what is below it, and says so', (t) => {
  const value = limitValue({ limit_W: 10, rating_W: 5000, mapped: pct, dataType: BYTE, floor_pct: 2.5 });
  t.deepEqual(value, { raw: 3, commanded_pct: 3, step_pct: 1, raisedToFloor: true });
});

test('whatever the node: never above the limit, and within a step of it', (t) => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 100, max: 10_000_000 }),
      fc.constantFrom<'pct' | 'W' | 'kW' | 'MW'>('pct', 'W', 'kW', 'MW'),
      fc.constantFrom(INT32, FLOAT, DOUBLE),
      fc.constantFrom(0.001, 0.01, 0.1, 1),
      (share, rating_W, unit, dataType, scale) => {
        const limit_W = share * rating_W;
        const mapped = { unit, scale };
        fc.pre(dataType !== INT32 || rating_W / wattsPerUnit(mapped, rating_W) < 2 ** 31);
        const { raw, step_pct } = limitValue({ limit_W, rating_W, mapped, dataType, floor_pct: 0 });
        const held_W = raw * wattsPerUnit(mapped, rating_W);
        t.true(held_W <= limit_W * (1 + 1e-9), `${held_W} W of ${limit_W} W`);
        t.true(held_W >= limit_W - (2.01 * step_pct * rating_W) / 100 - 1e-6 * rating_W);
        t.true(Number.isInteger(raw) || dataType !== INT32);
      },
    ),
  );
});

test('a revert time is shortened to what the node takes, and never becomes 0, which means for ever', (t) => {
  t.is(revertValue(600, 65_534, 1, UINT16), 600);
  t.is(revertValue(600, 300, 1, UINT16), 300);
  t.is(revertValue(600, 65_534, 1e-3, INT32), 600_000);
  t.is(revertValue(30, 65_534, 60, UINT16), 1);
  t.is(revertValue(90, 65_534, 60, DOUBLE), 1.5);
  t.is(revertValue(600, 65_534, 1, BYTE), 255);
  t.is(revertValue(0, 65_534, 1, UINT16), 0);
});

test('what is read back becomes percent of the rating', (t) => {
  t.is(pctOf(33.3, pct, wattsPerUnit(pct, 5000), 5000), 33.3);
  const kW = { unit: 'kW', scale: 1 } as const;
  t.is(pctOf(1.25, kW, wattsPerUnit(kW, 5000), 5000), 25);
});
