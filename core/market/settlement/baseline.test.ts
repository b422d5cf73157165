import test from 'ava';
import { parse } from '../../schema.ts';
import {
  type BaselineRequest,
  BaselineRules,
  baseline,
  DEFAULT_BASELINE_RULES,
  type MeteredDay,
} from './baseline.ts';

const day = (date: string, energies_Wh: number[], hadEvent = false): MeteredDay => ({
  date,
  energies_Wh,
  hadEvent,
});

/** 2026-06-24 is a Wednesday. */
const HISTORY: readonly MeteredDay[] = [
  day('2026-06-25', [9, 9, 9, 9]), // after the day
  day('2026-06-23', [100, 200, 300, 400]), // Tuesday
  day('2026-06-22', [7, 7, 7, 7], true), // Monday with an event
  day('2026-06-21', [1, 1, 1, 1]), // Sunday
  day('2026-06-19', [110, 220, 300, 401]), // Friday
  day('2026-06-18', [90, 180, 300, 399]), // Thursday
  day('2026-06-17', [5000, 5000, 5000, 5000]), // Wednesday, the fourth
];
const rules = { ...DEFAULT_BASELINE_RULES, likeDays: 3 };
const request = (more: Partial<BaselineRequest> = {}): BaselineRequest => ({
  derId: 'pv-1',
  date: '2026-06-24',
  history: HISTORY,
  sameDay_Wh: [],
  sameDayFrom: 0,
  ...more,
});

test('the mean of the three most recent working days without an event', (t) => {
  // (100 + 110 + 90) / 3 = 100; (200 + 220 + 180) / 3 = 200; 900 / 3 = 300; (400 + 401 + 399) / 3 = 400.
  t.deepEqual(baseline(request(), rules), {
    derId: 'pv-1',
    date: '2026-06-24',
    energies_Wh: [100, 200, 300, 400],
    likeDays: ['2026-06-23', '2026-06-19', '2026-06-18'],
    adjustment_ppm: 1_000_000,
  });
});

test('half a Wh goes away from zero', (t) => {
  const history = [day('2026-06-23', [1, -1, 3, 0]), day('2026-06-19', [2, -2, 3, 0])];
  // 1.5, -1.5, 3, 0
  t.deepEqual(baseline(request({ history }), rules)?.energies_Wh, [2, -2, 3, 0]);
});

test('the day itself adjusts it, within bounds', (t) => {
  const adjusted = (...sameDay_Wh: number[]) => {
    const found = baseline(request({ sameDay_Wh }), rules)!;
    return [found.energies_Wh, found.adjustment_ppm];
  };
  // Metered 110 + 220 = 330 of 100 + 200 = 300: · 1.1.
  t.deepEqual(adjusted(110, 220), [[110, 220, 330, 440], 1_100_000]);
  // 600 of 300 would double it: · 1.2.
  t.deepEqual(adjusted(300, 300), [[120, 240, 360, 480], 1_200_000]);
  // 30 of 300: · 0.8.
  t.deepEqual(adjusted(10, 20), [[80, 160, 240, 320], 800_000]);
  // 301 of 300: 100.33, 200.67, 301, 401.33.
  t.deepEqual(adjusted(100, 201), [[100, 201, 301, 401], 1_003_333]);
  // Consumption where injection was expected: the lower bound.
  t.deepEqual(adjusted(-100, -200), [[80, 160, 240, 320], 800_000]);
});

test('the window of the adjustment may lie later in the day', (t) => {
  // 330 + 440 = 770 of 700: · 1.1.
  const found = baseline(request({ sameDay_Wh: [330, 440], sameDayFrom: 2 }), rules);
  t.deepEqual(found?.energies_Wh, [110, 220, 330, 440]);
});

test('a consumer has a baseline too, and nothing expected is not adjusted', (t) => {
  const history = [day('2026-06-23', [-100, -200, 0, 0])];
  // -110 of -100: · 1.1.
  t.deepEqual(baseline(request({ history, sameDay_Wh: [-110] }), rules)?.energies_Wh, [-110, -220, 0, 0]);
  const found = baseline(request({ history, sameDay_Wh: [50], sameDayFrom: 2 }), rules);
  t.deepEqual(found?.energies_Wh, [-100, -200, 0, 0]);
});

test('weekends and holidays are like each other, and without a like day there is no baseline', (t) => {
  t.deepEqual(baseline(request({ date: '2026-06-27' }), rules)?.likeDays, ['2026-06-21']);
  const holidays = ['2026-06-24', '2026-06-23'];
  t.deepEqual(baseline(request(), { ...rules, holidays })?.likeDays, ['2026-06-23', '2026-06-21']);
  t.is(baseline(request({ history: [] }), rules), undefined);
});

test('what does not fit together is refused', (t) => {
  const uneven = [day('2026-06-23', [1, 2]), day('2026-06-19', [1])];
  t.throws(() => baseline(request({ history: uneven }), rules), { message: /unequal length/ });
  t.throws(() => baseline(request({ sameDay_Wh: [1, 2], sameDayFrom: 3 }), rules), { message: /4/ });
  t.throws(() => baseline(request({ date: '24.6.2026' }), rules), { instanceOf: RangeError });
});

test('the defaults of the config section', (t) => {
  t.deepEqual(parse(BaselineRules, {}, 'test'), DEFAULT_BASELINE_RULES);
  t.throws(() => parse(BaselineRules, { holidays: ['Christmas'] }, 'test'), { message: /holidays/ });
});
