import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { fieldbid } from '../testing/run-fieldbid.ts';
import { type ClearedBook, clearBook, clearingText } from './clear-command.ts';
import { readOffers } from './offers-file.ts';

const example = (name: string): string => fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'iso-clear-'));
test.after.always(() => rmSync(folder, { recursive: true }));

interface Expected {
  readonly file: string;
  readonly arithmetic: string;
  readonly result: Pick<
    ClearedBook,
    'outcome' | 'price_USD_per_MWh' | 'quantity_W' | 'priceRange_USD_per_MWh'
  >;
  readonly cleared_W: Readonly<Record<string, number>>;
}

const EXPECTED: readonly Expected[] = [
  {
    file: 'merit-order.json',
    arithmetic: 'wind 20 + nuclear 30 + coal 30 = 80 MW; gas runs at 90 - 80 = 10 of 20 MW and sets 60.',
    result: {
      ...{ outcome: 'CLEARED', price_USD_per_MWh: 60, quantity_W: 90_000_000 },
      priceRange_USD_per_MWh: [60, 60],
    },
    cleared_W: { wind: 20e6, nuclear: 30e6, coal: 30e6, gas: 10e6, oil: 0, load: 90e6 },
  },
  {
    file: 'unit-auction.csv',
    arithmetic: '100-30 and 80-50 gain, 60-70 loses; price from max(50, 60) to min(80, 70), middle 65.',
    result: {
      ...{ outcome: 'CLEARED', price_USD_per_MWh: 65, quantity_W: 2000 },
      priceRange_USD_per_MWh: [60, 70],
    },
    cleared_W: { s1: 1000, s2: 1000, s3: 0, s4: 0, b1: 1000, b2: 1000, b3: 0, b4: 0 },
  },
  {
    file: 'tie.yaml',
    arithmetic: '4,500 - 3,000 = 1,500 W at 30: 1,500 · 3/9 = 500 and 1,500 · 6/9 = 1,000.',
    result: {
      ...{ outcome: 'CLEARED', price_USD_per_MWh: 30, quantity_W: 4500 },
      priceRange_USD_per_MWh: [30, 30],
    },
    cleared_W: { hydro: 3000, 'roof-a': 500, 'roof-b': 1000, load: 4500 },
  },
  {
    file: 'shortage.json',
    arithmetic:
      '6 kW for 4 + 8 kW at the cap of 1,000: 6 · 4/12 = 2 and 6 · 8/12 = 4; nothing for who pays 80.',
    result: {
      ...{ outcome: 'SHORTAGE', price_USD_per_MWh: 1000, quantity_W: 6000 },
      priceRange_USD_per_MWh: [1000, 1000],
    },
    cleared_W: { plant: 6000, town: 2000, works: 4000, store: 0 },
  },
  {
    file: 'negative-price.yaml',
    arithmetic: '10 - 8 = 2 kW of the second, which sets -5.',
    result: {
      ...{ outcome: 'CLEARED', price_USD_per_MWh: -5, quantity_W: 10_000 },
      priceRange_USD_per_MWh: [-5, -5],
    },
    cleared_W: { wind: 8000, pv: 2000, load: 10_000 },
  },
];

for (const { file, result, cleared_W } of EXPECTED) {
  test(`${file} clears as worked by hand`, (t) => {
    const cleared = clearBook(readOffers(example(file)));
    t.like(cleared, result);
    t.deepEqual(Object.fromEntries(cleared.allocations.map((part) => [part.id, part.cleared_W])), cleared_W);
  });
}

test('the text shows price, allocations and who is at the margin', (t) => {
  const text = clearingText(clearBook(readOffers(example('unit-auction.csv'))));
  t.regex(text, /price {2,}65 \$\/MWh\n/);
  t.regex(text, /price range {2}60 \.\.\. 70 \$\/MWh \(convention: midpoint\)/);
  t.regex(text, /s2 {2}supply {5}50 {7}1000 {7}1000 {2}\[#{10}\]\n/);
  t.regex(text, /b3 {2}demand {5}60 {7}1000 {10}0 {2}\[\.{10}\] {2}<- first refused\n/);
  t.is(clearingText(clearBook({ ...readOffers(example('tie.yaml')), steps: [] })).split('\n').length, 4);
});

test('the command prints JSON or text, takes standard input and another convention', async (t) => {
  const json = await fieldbid(['iso', 'clear', example('unit-auction.csv'), '--json']);
  t.is(json.code, 0);
  t.like(JSON.parse(json.stdout), {
    ...{
      outcome: 'CLEARED',
      price_uUSD_per_MWh: 65_000_000,
      priceRange_uUSD_per_MWh: [60_000_000, 70_000_000],
    },
    ...{ quantity_W: 2000, convention: 'midpoint' },
  });
  const offers = [
    { id: 'pv', side: 'supply', price_USD_per_MWh: 20, quantity_kW: 10 },
    { id: 'load', side: 'demand', price_USD_per_MWh: 30, quantity_W: 10_000 },
  ];
  const piped = await fieldbid(
    ['iso', 'clear', '-', '--convention', 'marginal-buyer'],
    JSON.stringify({ offers }),
  );
  t.is(piped.code, 0);
  t.regex(piped.stdout, /price {8}30 \$\/MWh/);
  const help = await fieldbid(['iso', 'clear', '--help']);
  t.regex(help.stdout, /Examples:\n {2}\$ npx fieldbid iso clear/);
});

test('wrong input ends with 2, says where, and prints no result', async (t) => {
  const file = join(folder, 'wrong.json');
  writeFileSync(
    file,
    '{\n "offers": [\n  {"id":"a","side":"supply","price_USD_per_MWh":"x","quantity_W":1}]}',
  );
  const wrong = await fieldbid(['iso', 'clear', file, '--json']);
  t.is(wrong.code, 2);
  t.is(wrong.stdout, '');
  t.true(
    wrong.stderr.includes(`${file}:3:49 at /offers/0/price_USD_per_MWh: found "x", expected number`),
    wrong.stderr,
  );
  const syntax = await fieldbid(['iso', 'clear', '-'], '{');
  t.is(syntax.code, 2);
  t.regex(syntax.stderr, /^fieldbid: standard input: found .*JSON.*, expected JSON\n$/);
  t.is((await fieldbid(['iso', 'clear', join(folder, 'absent.json')])).code, 2);
});

const supply = { id: 'a', side: 'supply', price_USD_per_MWh: 1, quantity_W: 1 };
const faults: readonly [name: string, offers: unknown[], expected: RegExp, more?: object][] = [
  ['an id used twice', [supply, { ...supply, side: 'buy' }], /offers\/1\/id: found "a", as in offer 0/],
  [
    'supply without a price',
    [{ ...supply, price_USD_per_MWh: undefined }],
    /0\/price_USD_per_MWh: found nothing/,
  ],
  ['two prices', [{ ...supply, price_uUSD_per_MWh: 1 }], /found price_uUSD_per_MWh and price_USD_per_MWh/],
  ['no quantity', [{ ...supply, quantity_W: undefined }], /0\/quantity_W: found nothing, .*quantity_kW/],
  ['two quantities', [{ ...supply, quantity_MW: 1 }], /quantity_MW: found quantity_W and quantity_MW/],
  ['half a watt', [{ ...supply, quantity_W: 0.5 }], /quantity_W: found 0.5, expected .* whole quantity_W/],
  [
    'kilowatts that are no whole watts',
    [{ ...supply, quantity_W: undefined, quantity_kW: 0.0005 }],
    /quantity_kW: found 0.0005, .* whole quantity_W \(1,000/,
  ],
  ['a negative quantity', [{ ...supply, quantity_W: -1 }], /quantity_W: found -1, expected a number >= 0/],
  [
    'a price above the cap',
    [{ ...supply, price_USD_per_MWh: 2001 }],
    /found 2001, expected a price from -150/,
  ],
  ['a price finer than a µ$', [{ ...supply, price_USD_per_MWh: 1e-7 }], /found 1e-7, .* whole price_uUSD/],
  ['a side that there is not', [{ ...supply, side: 'both' }], /side: found "both", expected one of "supply"/],
  ['a key that nobody knows', [{ ...supply, quantity_w: 1 }], /unknown key "quantity_w"/],
  ['a floor above the cap', [], /floor_USD_per_MWh: found 3000/, { floor_USD_per_MWh: 3000 }],
  ['more than is exact', [{ ...supply, quantity_W: 2 ** 53 }], /quantity_W: found 9007199254740992/],
];
for (const [name, offers, expected, more] of faults) {
  test(`refused: ${name}`, (t) => {
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify({ ...more, offers }));
    t.regex(t.throws(() => readOffers(file), { code: 'INVALID_INPUT' })!.message, expected);
  });
}

test('faults of a CSV file name line and column', (t) => {
  const file = join(folder, 'offers.csv');
  const fault = (text: string): string => {
    writeFileSync(file, text);
    return t.throws(() => readOffers(file), { code: 'INVALID_INPUT' })!.message;
  };
  t.regex(
    fault('id,side,quantity_W\n# none\na,supply,5\n'),
    /offers\.csv:3 at \/price_USD_per_MWh: found nothing/,
  );
  t.regex(fault('id,side,quantity_W\na,demand,x\n'), /offers\.csv:2 at \/quantity_W: found "x"/);
  t.regex(fault('id,side,quantity_W\na,other,1\n'), /offers\.csv:2 at \/side: found "other"/);
  t.regex(fault('id,side,watts\na,demand,1\n'), /the column watts/);
});

test('100,000 offers are read and cleared in seconds', (t) => {
  const offers = Array.from({ length: 100_000 }, (_, i) => ({
    id: `o${i}`,
    ...(i % 2 === 0
      ? { side: 'supply', price_USD_per_MWh: (i % 1000) / 10, quantity_W: 1000 }
      : { side: 'demand', price_USD_per_MWh: 100.1 - (i % 1000) / 10, quantity_W: 1000 }),
  }));
  const file = join(folder, 'many.json');
  writeFileSync(file, JSON.stringify({ offers }));
  t.is(clearBook(readOffers(file)).outcome, 'CLEARED');
});
