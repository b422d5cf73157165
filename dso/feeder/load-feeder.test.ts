import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '@fieldbid/core/errors';
import test from 'ava';
import { loadFeeder } from './load-feeder.ts';

const FOLDER = fileURLToPath(new URL('../../feeders/ieee13', import.meta.url));

/** A copy of the feeder with one text of one file replaced. */
function changed(file: string, text: string | RegExp, by: string): { yaml: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-feeder-test-'));
  cpSync(FOLDER, folder, { recursive: true });
  const before = readFileSync(join(folder, file), 'utf8');
  const after = before.replace(text, by);
  if (after === before) throw new RangeError(`${file} has no ${String(text)}`);
  writeFileSync(join(folder, file), after);
  return { yaml: join(folder, 'feeder.yaml'), remove: () => rmSync(folder, { recursive: true }) };
}

test('the feeder of the market day: at least 12 PV systems at 6 buses, of one and of three phases', (t) => {
  const { ders, data } = loadFeeder(join(FOLDER, 'feeder.yaml'));
  t.true(ders.length >= 12);
  t.true(new Set(ders.map(({ bus }) => bus)).size >= 6);
  t.deepEqual([...new Set(ders.map(({ phases }) => phases.length))].sort(), [1, 3]);
  t.deepEqual(data.limits, { low_pu: 0.95, high_pu: 1.05 });
});

test('a case holds every load by its pattern, times what deviates', (t) => {
  const feeder = loadFeeder(join(FOLDER, 'feeder.yaml'));
  const rows = readFileSync(join(FOLDER, 'load-patterns.csv'), 'utf8').split('\n');
  const row = (minute: number) => rows.find((line) => line.startsWith(`${minute},`))?.split(',') ?? [];
  const residential =
    rows
      .find((line) => line.startsWith('minute'))
      ?.split(',')
      .indexOf('residential') ?? -1;
  const [at600, at605] = [Number(row(600)[residential]), Number(row(605)[residential])];
  const one = feeder.caseAt({ minuteOfDay: 602.5, loadFactors: { l645: 1.02 }, derPower_W: {} });
  t.true(Math.abs((one.loadFactors.l611 ?? 0) - (at600 + at605) / 2) < 1e-9);
  t.true(Math.abs((one.loadFactors.l645 ?? 0) - (1.02 * (at600 + at605)) / 2) < 1e-9);
  t.is(Object.keys(one.loadFactors).length, feeder.data.loads.size);
  t.is(feeder.clearSky_W('pv-680', 0), 0);
  t.true(feeder.clearSky_W('pv-680', 720) > 0.9 * 720_000);
  t.throws(() => feeder.caseAt({ minuteOfDay: 2000, derPower_W: {} }), { instanceOf: RangeError });
});

test('voltages, ratings and export: from the file, else from the model', (t) => {
  const plain = loadFeeder(join(FOLDER, 'feeder.yaml'));
  const transformer = 'transformer_633-634';
  t.is(plain.data.voltages, 'line-to-neutral');
  t.is(plain.data.limits.export_W, undefined);
  t.deepEqual([...plain.data.ratings], [[transformer, { kind: 'power', rating: 500_000, nameplate: true }]]);
  t.deepEqual(plain.connection('pv-634'), ['l634.A', 'l634.B', 'l634.C']);
  const off = changed('feeder.yaml', /loads:/, `ratings:\n  ${transformer}: none\nloads:`);
  t.is(loadFeeder(off.yaml).data.ratings.size, 0);
  off.remove();
  const line = 'line_632-6321';
  const given = changed('feeder.yaml', /loads:/, `ratings:\n  ${line}: {rating_A: 730}\nloads:`);
  t.deepEqual(loadFeeder(given.yaml).model().ratings?.get(line), { kind: 'current', rating: 730 });
  given.remove();
  const own = changed('ieee13.glm', `name ${line};`, `name ${line};\n\tcontinuous_rating_B 600 A;`);
  t.deepEqual(loadFeeder(own.yaml).data.ratings.get(line), { kind: 'current', rating: 600, nameplate: true });
  own.remove();
});

test('a feeder without a neutral: voltages between lines, and a DER is connected between lines', (t) => {
  const feeder = loadFeeder(join(FOLDER, '../ieee37/feeder.yaml'));
  t.is(feeder.data.voltages, 'line-to-line');
  t.is(feeder.model().voltages, 'line-to-line');
  t.is(feeder.data.limits.export_W, 2_500_000);
  t.deepEqual(feeder.connection('pv-713-ac'), ['l713.CA']);
  t.deepEqual(feeder.connection('pv-712'), ['l712.AB', 'l712.BC', 'l712.CA']);
});

test('the digest covers every file', (t) => {
  const original = loadFeeder(join(FOLDER, 'feeder.yaml')).sha256;
  for (const [file, text, by] of [
    ['feeder.yaml', 'margin_pu: 0.0025', 'margin_pu: 0.003'],
    ['ieee13.glm', 'length 2000', 'length 2001'],
    ['load-patterns.csv', '0,0.46750', '0,0.46751'],
    ['pv-clear-sky.csv', '\n720,', '\n720.0,'],
  ] as const) {
    const { yaml, remove } = changed(file, text, by);
    t.not(loadFeeder(yaml).sha256, original, file);
    remove();
  }
});

const FAULTS: [name: string, file: string, text: string | RegExp, by: string, message: RegExp][] = [
  ['unknown key', 'feeder.yaml', 'limits:', 'limitz: 1\nlimits:', /feeder\.yaml.*unknown key "limitz"/],
  ['missing model', 'feeder.yaml', 'model: ieee13.glm', 'model: gone.glm', /gone\.glm.*no readable file/],
  ['missing table', 'feeder.yaml', 'clearSky: pv', 'clearSky: qv', /qv-clear-sky\.csv.*no readable file/],
  ['unknown bus', 'feeder.yaml', 'bus: l611,', 'bus: l612,', /\/ders\/0\/bus: found l612/],
  ['lacking phase', 'feeder.yaml', 'phases: C,', 'phases: AC,', /\/ders\/0\/phases.*l611 has no phase A/],
  ['child as a bus', 'feeder.yaml', 'bus: l671,', 'bus: l6711,', /l6711, which hangs on l671/],
  ['DER twice', 'feeder.yaml', 'derId: pv-652-a', 'derId: pv-611-c', /\/ders\/1\/derId.*each DER once/],
  ['device twice', 'feeder.yaml', '[inv-652-a]', '[inv-611-c]', /\/ders\/1\/deviceIds\/0.*each device once/],
  ['unknown load', 'feeder.yaml', '  l645: r', '  l999: r', /\/loads\/l999/],
  ['line as a load', 'feeder.yaml', '  l645: r', '  n680: r', /\/loads\/n680.*no load/],
  ['unknown pattern', 'feeder.yaml', 'l634: commercial', 'l634: office', /\/loads\/l634.*pattern office/],
  ['nameplate 0', 'feeder.yaml', 'nameplate_W: 200000', 'nameplate_W: 0', /\/ders\/0\/nameplate_W.*>= 1/],
  ['swapped limits', 'feeder.yaml', 'low_pu: 0.95', 'low_pu: 1.05', /\/limits\/low_pu.*<= 1/],
  ['no kind of voltage', 'feeder.yaml', 'limits:', 'voltages: delta\nlimits:', /\/voltages/],
  [
    'single phase between lines',
    'feeder.yaml',
    'limits:',
    'voltages: line-to-line\nlimits:',
    /\/ders\/0\/phases: found the single phase C.*no neutral/,
  ],
  ['negative export', 'feeder.yaml', '  low_pu', '  export_W: -1\n  low_pu', /\/limits\/export_W.*>= 0/],
  ['rating of nothing', 'feeder.yaml', 'loads:', 'ratings: {x: none}\nloads:', /\/ratings\/x: found no such/],
  [
    'rating of a load',
    'feeder.yaml',
    'loads:',
    'ratings: {l645: {rating_A: 9}}\nloads:',
    /\/ratings\/l645: found a load/,
  ],
  [
    'amperes of a transformer',
    'feeder.yaml',
    'loads:',
    'ratings: {transformer_633-634: {rating_A: 9}}\nloads:',
    /found rating_A, expected rating_kVA/,
  ],
  [
    'rating 0',
    'feeder.yaml',
    'loads:',
    'ratings: {transformer_633-634: {rating_kVA: 0}}\nloads:',
    /\/ratings\/transformer_633-634/,
  ],
  ['no number', 'load-patterns.csv', /^5,[\d.]+/m, '5,NaN', /load-patterns\.csv:4.*residential.*a number/],
  [
    'negative load',
    'load-patterns.csv',
    /^5,[\d.]+/m,
    '5,-1',
    /load-patterns\.csv:4.*\/residential: found -1/,
  ],
  ['ragged row', 'load-patterns.csv', /^5,[\d.]+/m, '5', /load-patterns\.csv:4.*3 cells/],
  ['minutes out of order', 'load-patterns.csv', /^10,/m, '5,', /load-patterns\.csv:5.*more than 5/],
  ['day cut short', 'pv-clear-sky.csv', /\n1440,.*/, '', /1440 in the last row/],
  ['watts, not pu', 'pv-clear-sky.csv', /^720,[\d.]+/m, '720,950', /clear_sky: found 950/],
  ['wrong column', 'pv-clear-sky.csv', 'minute,clear_sky', 'minute,sun', /no column clear_sky/],
];

for (const [name, file, text, by, message] of FAULTS) {
  test(`refused with its place: ${name}`, (t) => {
    const { yaml, remove } = changed(file, text, by);
    t.throws(() => loadFeeder(yaml), { instanceOf: InputError, message });
    remove();
  });
}
