import type { Measurement } from '@fieldbid/core/market/messages';
import test from 'ava';
import { Meters } from './meters.ts';

const START_MS = Date.parse('2026-06-21T12:00:00Z');
const MINUTE_MS = 60_000;
const quarter = { id: '2026-06-21T12:00Z', start_ms: START_MS, end_ms: START_MS + 15 * MINUTE_MS };

const at = (minute: number, power_W: number, energy_Wh: number | null = null): Measurement => ({
  derId: 'pv-1',
  readAt_ms: START_MS + minute * MINUTE_MS,
  power_W,
  available_W: null,
  limit_pct: null,
  voltages_V: [],
  energy_Wh,
});

function metered(readings: Measurement[], nameplate_W = 100_000) {
  const meters = new Meters();
  for (const reading of readings) meters.take(reading);
  return meters.energyOf('pv-1', quarter, nameplate_W);
}

test('the difference of the energy counter at the ends, whatever came between and in whatever order', (t) => {
  const readings = [at(15, 40_000, 20_000), at(0, 40_000, 10_000), at(7, 0, 14_000), at(15, 1, 1)];
  t.deepEqual(metered(readings), { metered_Wh: 10_000, meteredBy: 'energy-counter' });
});

test('a counter read a minute off is moved to the end by the power measured then', (t) => {
  // 12 kW for a minute are 200 Wh: 1000 at 11:59 is 1200 at 12:00; 4500 at 12:16 is 4300 at 12:15.
  t.is(metered([at(-1, 12_000, 1000), at(16, 12_000, 4500)]).metered_Wh, 3100);
  t.deepEqual(metered([at(-2, 12_000, 1000), at(16, 12_000, 4500)]), { metered_Wh: null, meteredBy: 'none' });
});

test('without a counter, after its reset, or with one that cannot be: the integral of power', (t) => {
  // 0 to 30 kW over 15 minutes: 15 kW on average, 3750 Wh.
  const ramp = (energy: (minute: number) => number | null) =>
    [0, 3, 6, 9, 12, 15].map((minute) => at(minute, 2000 * minute, energy(minute)));
  const byPower = { metered_Wh: 3750, meteredBy: 'power' } as const;
  t.deepEqual(metered(ramp(() => null)), byPower);
  t.deepEqual(metered(ramp((minute) => 50_000 - 3000 * minute)), byPower);
  t.deepEqual(metered(ramp((minute) => 1_000_000 * minute)), byPower);
});

test('power holds at the ends, and is unknown in a gap', (t) => {
  const flat = (minutes: number[]) => minutes.map((minute) => at(minute, 20_000));
  t.is(metered(flat([1, 5, 10, 14])).metered_Wh, 5000);
  t.is(metered(flat([0, 5, 15])).metered_Wh, null);
  t.is(metered(flat([6, 10, 15])).metered_Wh, null);
  t.is(metered([]).metered_Wh, null);
});

test('what a DER consumes is in its power only: a counter of injected energy stands still', (t) => {
  const idle = [0, 5, 10, 15].map((minute) => at(minute, -40, 700));
  t.deepEqual(metered(idle), { metered_Wh: -10, meteredBy: 'power' });
});

test('what is forgotten is no longer metered', (t) => {
  const meters = new Meters();
  for (const reading of [at(0, 0, 100), at(15, 0, 200), at(30, 0, 300)]) meters.take(reading);
  meters.forgetBefore(quarter.end_ms);
  t.is(meters.energyOf('pv-1', quarter, 1000).metered_Wh, null);
  const next = { ...quarter, start_ms: quarter.end_ms, end_ms: quarter.end_ms + 15 * MINUTE_MS };
  t.is(meters.energyOf('pv-1', next, 1000).metered_Wh, 100);
});

test('where a DER signs its readings, nobody else is its meter', (t) => {
  const signature = { keyId: 'k', value: 'v' } as NonNullable<Measurement['signature']>;
  const meters = new Meters();
  for (const reading of [at(0, 0, 100), at(15, 0, 200)]) meters.take({ ...reading, signature });
  meters.take(at(14, 0, 90_000));
  meters.take(at(14.99, 90_000));
  t.deepEqual(meters.energyOf('pv-1', quarter, 1000), { metered_Wh: 100, meteredBy: 'energy-counter' });
  meters.take(at(30, 0, 90_000));
  const next = { ...quarter, start_ms: quarter.end_ms, end_ms: quarter.end_ms + 15 * MINUTE_MS };
  t.is(meters.energyOf('pv-1', next, 1_000_000).metered_Wh, null);
});
