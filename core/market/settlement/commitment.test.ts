import test from 'ava';
import { baselineCommitment, opensCommitment } from './commitment.ts';
import type { SettlementReport } from './report.ts';

const intervalId = '2026-06-21T12:00Z';
const opening = {
  baselines: [
    {
      ...{ derId: 'a', baseline_Wh: 800, adjustment_ppm: 1_000_000 },
      likeDays: ['2026-06-20', '2026-06-14', '2026-06-13'],
    },
  ],
  blind: '00112233445566778899aabbccddeeff',
};
// printf 'fieldbid/baselines/v1\n00112233445566778899aabbccddeeff\n{"baselines":[{"adjustment_ppm":1000000,
// "baseline_Wh":800,"derId":"a","likeDays":["2026-06-20","2026-06-14","2026-06-13"]}],"deraId":"north",
// "intervalId":"2026-06-21T12:00Z"}' | sha256sum   (the JSON on one line)
const COMMITMENT = 'ee4df57236d9f67f4f10ff2a5f06d88c46edfae8364d11914f8ff74fbcac5102';

type Row = SettlementReport['rows'][number];
const rowOf = (derId: string, row: Partial<Row>): Row => ({ derId, ...row }) as Row;
const a = rowOf('a', { baseline_Wh: 800, metered_Wh: 1000, settled_Wmin: 12_000 });
const b = rowOf('b', { metered_Wh: 300, settled_Wmin: 18_000 });
const report = { deraId: 'north', intervalId, opening, rows: [a, b] };

test('a commitment opens with its baselines, blind, DERA and interval alone', (t) => {
  t.is(baselineCommitment('north', intervalId, opening), COMMITMENT);
  t.true(opensCommitment(report, COMMITMENT));
  t.false(opensCommitment({ ...report, deraId: 'south' }, COMMITMENT));
  t.false(opensCommitment({ ...report, intervalId: '2026-06-21T12:15Z' }, COMMITMENT));
  t.false(opensCommitment({ ...report, opening: { ...opening, blind: '1'.repeat(32) } }, COMMITMENT));
  t.false(opensCommitment({ ...report, opening: { ...opening, blind: 'short' } }, COMMITMENT));
  t.throws(() => baselineCommitment('north', intervalId, { ...opening, blind: '' }), { message: /32 hex/ });
});

test('a baseline chosen once the meter was read shows, in the opening and in the rows', (t) => {
  const lower = { ...opening, baselines: [{ ...opening.baselines[0]!, baseline_Wh: 700 }] };
  const paidMore = { ...a, baseline_Wh: 700, settled_Wmin: 18_000 };
  t.false(opensCommitment({ ...report, opening: lower, rows: [paidMore, b] }, COMMITMENT));
  t.false(opensCommitment({ ...report, rows: [paidMore, b] }, COMMITMENT));
  t.false(opensCommitment({ ...report, rows: [{ ...a, settled_Wmin: 18_000 }, b] }, COMMITMENT));
  // Left out of the rows, or put in for a DER that has none.
  t.false(opensCommitment({ ...report, rows: [rowOf('a', { metered_Wh: 1000 }), b] }, COMMITMENT));
  t.false(opensCommitment({ ...report, rows: [a, { ...b, baseline_Wh: 0 }] }, COMMITMENT));
});

test('an unmetered DER, and one without a row, open all the same', (t) => {
  const unmetered = rowOf('a', { baseline_Wh: 800, metered_Wh: null, settled_Wmin: 0 });
  t.true(opensCommitment({ ...report, rows: [unmetered] }, COMMITMENT));
  t.true(opensCommitment({ ...report, rows: [] }, COMMITMENT));
});

test('what was committed has to be opened, and nothing else can be', (t) => {
  const { opening: _, ...closed } = report;
  t.false(opensCommitment(closed, COMMITMENT));
  t.false(opensCommitment({ ...closed, rows: [b] }, COMMITMENT));
  t.false(opensCommitment(report, undefined));
  t.false(opensCommitment(closed, undefined));
  t.true(opensCommitment({ ...closed, rows: [b] }, undefined));
});
