import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { fieldbid } from '../testing/run-fieldbid.ts';
import { readPeriod } from './rows-file.ts';
import { type SettledPeriod, settlementText, settlePeriod } from './settle-command.ts';

const example = (name: string): string => fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'iso-settle-'));
test.after.always(() => rmSync(folder, { recursive: true }));

const totals = ({ statements }: SettledPeriod): Record<string, number> =>
  Object.fromEntries(statements.map(({ party, total_uUSD }) => [party, total_uUSD]));

test('settle-hour.csv: four quarter hours as worked by hand', (t) => {
  // Each: 10 kW · ¼ h · 40 = 100,000 µ$ a day ahead and 2 kW · ¼ h · 50 = 25,000 in real time, of 3,000 Wh cleared.
  // 12:00 -100 Wh · 50 = -5,000: 120,000. 12:15 -1,000 Wh · 50 = -50,000 and (1,000 - 500) Wh · 5 = -2,500: 72,500.
  // 12:30 curtailed: -50,000: 75,000. 12:45 unmetered: -3,000 Wh · 50 = -150,000: -25,000.
  const settled = settlePeriod(readPeriod(example('settle-hour.csv')));
  const roof = settled.statements.find(({ party }) => party === 'roof-7')!;
  t.deepEqual(
    roof.lines.map((line) => line.total_uUSD),
    [120_000, 72_500, 75_000, -25_000],
  );
  t.deepEqual(totals(settled), { iso: -242_500, north: 0, 'roof-7': 242_500 });
  t.is(roof.unmetered, 1);
});

test('settle-cases.yaml: fee, consumer and a negative price as worked by hand', (t) => {
  // roof-7: 100,000 + 25,000 - 5,000 = 120,000, of which 5 % are 6,000. pump: -1,500 Wh · 50 = -75,000 and
  // (-1,700 + 1,500) Wh · 50 = -10,000. roof-9: 1,000 Wh · 30 = 30,000, +1,000 Wh · -20 = -20,000; 5 % of 10,000 = 500;
  // beyond the band 500 Wh · 2 = 1,000: 8,500.
  const settled = settlePeriod(readPeriod(example('settle-cases.yaml')));
  t.deepEqual(totals(settled), {
    ...{ iso: -(120_000 - 85_000 + 9000), north: 6000, south: 500 },
    ...{ pump: -85_000, 'roof-7': 114_000, 'roof-9': 8500 },
  });
});

test('the text shows dollars that add up, and intervals on demand', (t) => {
  const settled = settlePeriod(readPeriod(example('settle-hour.csv')));
  const text = settlementText(settled);
  t.regex(
    text,
    /roof-7 {2}der {3} *0\.400000 +0\.100000 +-0\.255000 +-0\.002500 +0\.000000 +0\.242500 +6900 +1/,
  );
  t.regex(text, /sum over all parties: 0\.000000 \$/);
  t.notRegex(text, /12:45Z/);
  t.regex(settlementText(settled, true), /roof-7 +2026-06-21T12:45Z +der .* -0\.025000 +0 +1\n?/);
});

test('the command prints JSON, takes rules and duration from elsewhere, and refuses with 2', async (t) => {
  const rules = join(folder, 'rules.yaml');
  writeFileSync(rules, 'unmetered: dispatched\ndeviationCharge_USD_per_MWh: 4\n');
  const done = await fieldbid(['iso', 'settle', example('settle-hour.csv'), '--rules', rules, '--json']);
  t.is(done.code, 0, done.stderr);
  const settled = JSON.parse(done.stdout) as SettledPeriod;
  // 12:15 is charged 500 Wh · 4 = 2,000 instead of 2,500; 12:45 settles at 3,000 Wh: 125,000 instead of -25,000.
  t.is(totals(settled)['roof-7'], 242_500 + 500 + 150_000);
  t.like(settled.postings[0], { from: 'iso', to: 'north', amount_uUSD: 100_000, kind: 'day-ahead' });
  const file = join(folder, 'rows.csv');
  writeFileSync(file, 'interval,dera,der,realTime_USD_per_MWh,realTime_W\n2026-06-21T12:00Z,n,d,x,1\n');
  const wrong = await fieldbid(['iso', 'settle', file]);
  t.is(wrong.code, 2);
  t.is(wrong.stdout, '');
  t.is(wrong.stderr, `fieldbid: ${file}:2 at /realTime_USD_per_MWh: found "x", expected a number\n`);
  t.is((await fieldbid(['iso', 'settle', file, '--interval-min', '0'])).code, 2);
});

const row = { interval: '2026-06-21T12:00Z', dera: 'n', der: 'd', realTime_USD_per_MWh: 50, realTime_W: 10 };
const faults: readonly [name: string, rows: unknown[], expected: RegExp][] = [
  ['a DER twice in an interval', [row, row], /rows\/1\/der: found d again in 2026-06-21T12:00Z/],
  ['a DER of two DERAs', [row, { ...row, dera: 'm' }], /rows\/1\/dera: found m, expected n, as in/],
  ['a DER with the name of a DERA', [{ ...row, der: 'n' }], /rows\/0\/der: found n, expected a name that no/],
  ['the ISO as a DERA', [{ ...row, dera: 'iso' }], /rows\/0\/dera: found iso/],
  [
    'two prices in one interval',
    [row, { ...row, der: 'e', realTime_USD_per_MWh: 51 }],
    /rows\/1\/realTime_USD_per_MWh: found 51, expected 50, as in row 0/,
  ],
  ['half a watt', [{ ...row, realTime_W: 0.5 }], /rows\/0\/realTime_W: found 0.5, expected integer/],
  ['a price finer than a µ$', [{ ...row, realTime_USD_per_MWh: 1e-7 }], /found 1e-7, .* six decimals/],
  ['an interval that is none', [{ ...row, interval: 'noon' }], /rows\/0\/interval: found "noon"/],
];
for (const [name, rows, expected] of faults) {
  test(`refused: ${name}`, (t) => {
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify({ rows }));
    t.regex(t.throws(() => readPeriod(file), { code: 'INVALID_INPUT' })!.message, expected);
  });
}

test('amounts that would not be exact are refused', (t) => {
  const file = join(folder, 'large.json');
  const large = { ...row, realTime_USD_per_MWh: 1_000_000, realTime_W: 1_000_000_000 };
  writeFileSync(file, JSON.stringify({ interval_min: 1440, rows: [large] }));
  t.throws(() => settlePeriod(readPeriod(file), file), { message: /too large .* 2\^53/ });
});

test('a row without dispatched_W was dispatched as cleared, and one without metered_Wh is unmetered', (t) => {
  const file = join(folder, 'short.json');
  writeFileSync(file, JSON.stringify({ rows: [row, { ...row, der: 'e', metered_Wh: null }] }));
  const { ders } = readPeriod(file).intervals[0]!;
  t.like(ders[0], { dispatched_W: 10, dayAhead_W: 0, metered_Wh: null });
  t.like(ders[1], { metered_Wh: null });
});
