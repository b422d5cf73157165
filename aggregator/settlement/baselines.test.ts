import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@fieldbid/core/errors';
import { intervalOf } from '@fieldbid/core/interval';
import { Calendar } from '@fieldbid/core/market/calendar';
import { DEFAULT_BASELINE_RULES } from '@fieldbid/core/market/settlement/baseline';
import { baselineCommitment } from '@fieldbid/core/market/settlement/commitment';
import { parse } from '@fieldbid/core/schema';
import test from 'ava';
import { openBaselines } from './baselines.ts';
import { readMeterHistory } from './meter-history.ts';

const MINUTE_MS = 60_000;
const HEADER = 'derId,start,metered_Wh';
const calendar = parse(Calendar, { start: '2026-06-24T00:00Z', interval_min: 360 }, 'test');
/** 2026-06-24 is a Wednesday; its interval from 12:00, the third of four. */
const noon = intervalOf('2026-06-24T12:00Z', 360);

/** A day of four intervals. */
const day = (date: string, energies_Wh: number[], derId = 'a') =>
  energies_Wh.map((energy_Wh, i) => `${derId},${date}T${String(6 * i).padStart(2, '0')}:00Z,${energy_Wh}`);

const folder = () => mkdtempSync(join(tmpdir(), 'baselines-'));

function file(lines: string[], header = HEADER): string {
  const path = join(folder(), 'days.csv');
  writeFileSync(path, `${[header, ...lines].join('\n')}\n`);
  return path;
}

const DAYS = [
  ...day('2026-06-23', [0, 100, 700, 0]),
  ...day('2026-06-22', [0, 100, 800, 0]),
  ...day('2026-06-19', [0, 100, 900, 0]),
  ...day('2026-06-21', [0, 0, 9000, 0]), // Sunday
];

const open = (lines: string[], openingsFile?: string) =>
  openBaselines({
    ...{ deraId: 'north', calendar, rules: DEFAULT_BASELINE_RULES, file: file(lines), derIds: ['a', 'b'] },
    ...(openingsFile === undefined ? {} : { openingsFile }),
  });

test('committed at gate closure, opened by its hash, with another blind each time', (t) => {
  const baselines = open(DAYS);
  t.deepEqual(baselines.derIds, ['a']);
  const [first, second] = [baselines.commit(noon)!, baselines.commit(noon)!];
  t.not(first, second);
  const opening = baselines.openingOf(first)!;
  t.deepEqual(opening.baselines, [
    {
      ...{ derId: 'a', baseline_Wh: 800, adjustment_ppm: 1_000_000 },
      likeDays: ['2026-06-23', '2026-06-22', '2026-06-19'],
    },
  ]);
  t.is(baselineCommitment('north', noon.id, opening), first);
  t.is(baselines.openingOf('f'.repeat(64)), undefined);
});

test('how the day began adjusts it, up to the first event', (t) => {
  const baselines = open(DAYS);
  const at = (hour: number) => Date.parse('2026-06-24T00:00:00Z') + hour * 60 * MINUTE_MS;
  baselines.keepMetered('a', at(6), { energy_Wh: 110, hadEvent: false });
  // 110 of 100: 800 · 1.1.
  t.like(baselines.openingOf(baselines.commit(noon)!)!.baselines[0], {
    baseline_Wh: 880,
    adjustment_ppm: 1_100_000,
  });
  // What comes in later, or during an event, says nothing of it.
  baselines.keepMetered('a', at(12), { energy_Wh: 0, hadEvent: true });
  baselines.keepMetered('a', at(18), { energy_Wh: 5000, hadEvent: false });
  t.like(baselines.openingOf(baselines.commit(noon)!)!.baselines[0], { baseline_Wh: 880 });
  const evening = intervalOf('2026-06-24T18:00Z', 360);
  t.like(baselines.openingOf(baselines.commit(evening)!)!.baselines[0], { adjustment_ppm: 1_100_000 });
});

test('days that it has metered itself count once they are whole, and without an event', (t) => {
  const baselines = open(DAYS);
  for (const [date, hadEvent] of [
    ['2026-06-24', false],
    ['2026-06-25', true],
  ] as const) {
    for (const [i, energy_Wh] of [0, 100, 400, 0].entries()) {
      const start_ms = Date.parse(`${date}T00:00:00Z`) + i * 360 * MINUTE_MS;
      baselines.keepMetered('a', start_ms, { energy_Wh, hadEvent: hadEvent && i === 3 });
    }
  }
  const friday = intervalOf('2026-06-26T12:00Z', 360);
  // (400 + 700 + 800 + 900) / 4
  t.like(baselines.openingOf(baselines.commit(friday)!)!.baselines[0], {
    ...{ baseline_Wh: 700, likeDays: ['2026-06-24', '2026-06-23', '2026-06-22', '2026-06-19'] },
  });
});

test('without a like day nothing is committed', (t) => {
  t.is(open(day('2026-06-21', [1, 2, 3, 4])).commit(noon), undefined);
});

test('openings outlive a restart, in a file of its owner alone, half a line at its end or not', (t) => {
  const kept = join(folder(), 'north.openings.ndjson');
  const commitment = open(DAYS, kept).commit(noon)!;
  t.is(statSync(kept).mode & 0o777, 0o600);
  writeFileSync(kept, `${readFileSync(kept, 'utf8')}{"blind":"00`);
  const again = open(DAYS, kept);
  t.like(again.openingOf(commitment)!.baselines[0], { baseline_Wh: 800 });
  const next = again.commit(noon)!;
  t.truthy(open(DAYS, kept).openingOf(next));
  writeFileSync(kept, '{"blind":7}\n');
  t.throws(() => open(DAYS, kept), { instanceOf: InputError, message: /openings\.ndjson:1 at / });
});

test('a calendar whose intervals do not divide the day has no baselines', (t) => {
  const at = (changes: object) =>
    openBaselines({
      ...{ deraId: 'north', rules: DEFAULT_BASELINE_RULES, file: file(DAYS), derIds: ['a'] },
      calendar: { ...calendar, ...changes },
    });
  t.throws(() => at({ interval_min: 7 }), { instanceOf: InputError, message: /\/interval_min/ });
  t.throws(() => at({ start: '2026-06-24T00:15Z' }), { instanceOf: InputError, message: /\/start/ });
});

const refused = test.macro<[lines: string[], message: RegExp, header?: string]>({
  exec: (t, lines, message, header = HEADER) => {
    const path = file(lines, header);
    t.throws(() => readMeterHistory(path, 360, ['a', 'b']), { instanceOf: InputError, message });
  },
  title: (what = '') => `refused with file, line and column: ${what}`,
});

const [first = '', ...rest] = day('2026-06-23', [1, 2, 3, 4]);
test(
  'another DER',
  refused,
  [first.replace('a', 'z'), ...rest],
  /days\.csv:2 at \/derId: found "z", expected .*a, b/,
);
test('an instant inside an interval', refused, [first.replace('T00:00', 'T00:15'), ...rest], /:2 at \/start/);
test('no instant', refused, ['a,noon,1'], /:2 at \/start: found "noon"/);
test('half a Wh', refused, [`${first}.5`, ...rest], /:2 at \/metered_Wh: found 1\.5, expected whole Wh/);
test('an interval twice', refused, [first, ...rest, first], /:6 at \/start: .*second time/);
test('half a day', refused, [first], /:2 at \/start: found 1 intervals of a on 2026-06-23, expected all 4/);
test('a column that is missing', refused, [first, ...rest], /days\.csv:1/, 'derId,start,energy');
test(
  'an event of another word',
  refused,
  [`${first},yes`],
  /:2 at \/event: found "yes", expected 0 or 1/,
  `${HEADER},event`,
);

test('a day with an event is known as one', (t) => {
  const lines = [first, ...rest].map((line, i) => `${line},${i === 2 ? 1 : 0}`);
  const history = readMeterHistory(file(lines, `${HEADER},event`), 360, ['a']);
  t.deepEqual(history.days('a'), [{ date: '2026-06-23', energies_Wh: [1, 2, 3, 4], hadEvent: true }]);
});
