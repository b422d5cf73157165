import { intervalOf } from '@fieldbid/core/interval';
import test from 'ava';
import type { DerReading, StorageState } from '../device/der-device.ts';
import { clearSkyOf } from './clear-sky.ts';
import { estimateQuantity } from './quantity.ts';

// Rises from 0 at 06:00 to 1 at 12:00 and falls back to 0 at 18:00, in straight lines.
const SKY = clearSkyOf([
  { minute: 360, value: 0 },
  { minute: 720, value: 1 },
  { minute: 1080, value: 0 },
]);
const at = (time: string): number => Date.parse(`2026-06-21T${time}:00Z`);

function reading(time: string, more: Partial<DerReading>): DerReading {
  return {
    readAt_ms: at(time),
    power_W: 2000,
    available_W: null,
    rating_W: 5000,
    limit: { pct: 100, enabled: false, revert_s: 0 },
    connected: true,
    state: 'mppt',
    voltages_V: [240],
    energy_Wh: 1,
    raw: [],
    ...more,
  };
}

test('the shape between rows is linear, its mean over an interval that of its minutes', (t) => {
  t.is(SKY.at(at('09:00')), 0.5);
  t.is(SKY.at(at('03:00')), 0);
  t.is(SKY.at(at('23:00')), 0);
  // 09:00 to 10:00: from 0.5 to 4/6.
  t.true(Math.abs(SKY.mean(intervalOf('2026-06-21T09:00Z', 60)) - (0.5 + 4 / 6) / 2) < 1e-12);
});

test('not limited: measured power, carried forward along the shape', (t) => {
  // Index 2000 / 0.5 = 4000 W; the mean shape of 09:10 to 09:25 is (197.5 min) / 360.
  const estimate = estimateQuantity(
    reading('09:00', {}),
    intervalOf('2026-06-21T09:10Z', 15),
    SKY,
    undefined,
  );
  t.is(estimate?.quantity_W, Math.floor((4000 * 197.5) / 360));
  t.like(estimate?.state, { source: 'measured', available_W: 2000, measured_W: 2000, limit_pct: null });
});

test('held back by its limit: the available power that the device says', (t) => {
  const limited = reading('09:00', { limit: { pct: 40, enabled: true, revert_s: 60 }, available_W: 2500 });
  const estimate = estimateQuantity(limited, intervalOf('2026-06-21T09:10Z', 15), SKY, undefined);
  t.is(estimate?.quantity_W, Math.floor((5000 * 197.5) / 360));
  t.like(estimate?.state, { source: 'WAval', available_W: 2500, limit_pct: 40 });
});

test('a limit that does not hold it back: measured power', (t) => {
  const free = reading('09:00', { limit: { pct: 90, enabled: true, revert_s: 60 }, available_W: 2500 });
  t.like(estimateQuantity(free, intervalOf('2026-06-21T09:10Z', 15), SKY, undefined)?.state, {
    source: 'measured',
    available_W: 2000,
  });
});

test('limited, and it does not say what it could deliver: the index seen last', (t) => {
  const limited = reading('09:00', { limit: { pct: 40, enabled: true, revert_s: 60 } });
  const before = { at_ms: at('08:00'), full_W: 3000 };
  const interval = intervalOf('2026-06-21T09:10Z', 15);
  const estimate = estimateQuantity(limited, interval, SKY, before);
  t.is(estimate?.quantity_W, Math.floor((3000 * 197.5) / 360));
  t.like(estimate?.state, { source: 'persistence', available_W: 1500 });
  const unknown = estimateQuantity(limited, interval, SKY, undefined);
  t.like(unknown, { quantity_W: 0, reason: 'the device does not say what it could deliver' });
});

test('never above the rating; whole watts, rounded down', (t) => {
  const bright = reading('09:00', { power_W: 4900.9 });
  t.is(estimateQuantity(bright, intervalOf('2026-06-21T12:00Z', 15), SKY, undefined)?.quantity_W, 5000);
  t.is(estimateQuantity(bright, intervalOf('2026-06-21T09:10Z', 15), undefined, undefined)?.quantity_W, 4900);
});

test('no sun in the interval: no bid; no rating: no estimate', (t) => {
  const dusk = reading('17:50', { power_W: 100 });
  const night = estimateQuantity(dusk, intervalOf('2026-06-21T18:00Z', 15), SKY, undefined);
  t.like(night, { quantity_W: 0, reason: 'no sun in the interval' });
  t.is(
    estimateQuantity(
      reading('09:00', { rating_W: null }),
      intervalOf('2026-06-21T09:10Z', 15),
      SKY,
      undefined,
    ),
    undefined,
  );
});

test('without a shape present power is carried forward; dark is dark', (t) => {
  const asleep = reading('02:00', { power_W: 0, available_W: 0, state: 'sleeping' });
  t.is(estimateQuantity(asleep, intervalOf('2026-06-21T02:10Z', 15), undefined, undefined)?.quantity_W, 0);
});

test('an index survives the night of a summer day, not longer', (t) => {
  const before = { at_ms: at('00:00') - 5 * 3_600_000, full_W: 3000 };
  const dawn = reading('06:00', { power_W: 0 });
  t.true((estimateQuantity(dawn, intervalOf('2026-06-21T06:10Z', 15), SKY, before)?.quantity_W ?? 0) > 0);
  const old = { ...before, at_ms: at('00:00') - 7 * 3_600_000 };
  t.is(estimateQuantity(dawn, intervalOf('2026-06-21T06:10Z', 15), SKY, old)?.quantity_W, 0);
});

/** A 5 kW inverter before 10 kWh of battery. */
const battery = (soc_pct: number, more: Partial<StorageState> = {}): Partial<DerReading> => ({
  storage: { soc_pct, capacity_Wh: 10_000, available_Wh: 100 * soc_pct, ...more },
});
const HOUR = intervalOf('2026-06-21T09:10Z', 60);
const quantityOf = (more: Partial<DerReading>, interval = HOUR, reserve_pct?: number) =>
  estimateQuantity(reading('09:00', more), interval, SKY, undefined, reserve_pct);

test('a battery bids what it holds above its reserve, over the hours of the interval', (t) => {
  // 5,000 Wh less 20 % of 10,000 Wh are 3,000 Wh: 3,000 W for an hour; for a quarter the rating is the limit.
  t.is(quantityOf(battery(50))?.quantity_W, 3000);
  t.is(quantityOf(battery(50), intervalOf('2026-06-21T09:10Z', 15))?.quantity_W, 5000);
  t.is(quantityOf(battery(50), HOUR, 30)?.quantity_W, 2000);
  t.is(quantityOf(battery(50), HOUR, 0)?.quantity_W, 5000);
  t.is(quantityOf(battery(29.999), HOUR)?.quantity_W, 999);
  t.like(quantityOf(battery(50))?.state, { source: 'storage', available_W: 3000, measured_W: 2000 });
});

test('a battery at its reserve, or one that does not say what it can hold, bids nothing', (t) => {
  t.like(quantityOf(battery(20)), { quantity_W: 0, reason: 'nothing above the reserve of 20 %' });
  t.like(quantityOf(battery(3)), { quantity_W: 0 });
  t.like(quantityOf(battery(50, { capacity_Wh: null, soc_pct: null })), { quantity_W: 0 });
  // From 4,000 Wh at 40 % it can hold 10,000 Wh.
  t.is(quantityOf(battery(40, { capacity_Wh: null }))?.quantity_W, 2000);
});

test('a battery that says nothing of its energy is bid by what the device delivers', (t) => {
  const silent = battery(50, { available_Wh: null, capacity_Wh: null });
  t.is(quantityOf(silent, intervalOf('2026-06-21T09:10Z', 15))?.quantity_W, Math.floor((4000 * 197.5) / 360));
});
