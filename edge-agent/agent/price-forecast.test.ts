import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { intervalOf } from '@fieldbid/core/interval';
import test from 'ava';
import { loadClearSky } from './clear-sky.ts';
import { loadPriceForecast } from './price-forecast.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-forecast-'));
test.after.always(() => rmSync(folder, { recursive: true }));
let serial = 0;
function file(text: string): string {
  const path = join(folder, `${++serial}.csv`);
  writeFileSync(path, text);
  return path;
}

test('an hourly row covers the quarter hours inside it; beyond the table there is no price', (t) => {
  const forecast = loadPriceForecast(
    file('start,price_USD_per_MWh\n2026-06-21T12:00Z,30.5\n2026-06-21T13:00Z,-4.25\n'),
  );
  const price = (id: string) => forecast.at(intervalOf(id, 15));
  t.is(price('2026-06-21T11:45Z'), undefined);
  t.is(price('2026-06-21T12:00Z'), 30_500_000);
  t.is(price('2026-06-21T12:45Z'), 30_500_000);
  t.is(price('2026-06-21T13:45Z'), -4_250_000);
  t.is(price('2026-06-21T14:00Z'), undefined);
});

test('faults name the line', (t) => {
  const wrong = (text: string, message: RegExp) => t.throws(() => loadPriceForecast(file(text)), { message });
  wrong('start,price_USD_per_MWh\n2026-06-21T12:00Z,cheap\n', /csv:2 at \/price_USD_per_MWh: found "cheap"/);
  wrong(
    'start,price_USD_per_MWh\n2026-06-21T12:00Z,30\n2026-06-21T12:00Z,31\n',
    /csv:3 at \/start.*an instant after/,
  );
  wrong('start,price\n2026-06-21T12:00Z,30\n', /the column price_USD_per_MWh/);
});

test('a clear-sky table out of order or range is refused by line', (t) => {
  const wrong = (text: string, message: RegExp) => t.throws(() => loadClearSky(file(text)), { message });
  wrong('minute,clear_sky\n0,0\n0,0.5\n', /csv:3 at \/minute/);
  wrong('minute,clear_sky\n0,0\n10,1.5\n', /csv:3 at \/clear_sky/);
});
