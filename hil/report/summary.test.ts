import test from 'ava';
import type { BidRecord, IntervalRecord, MinuteRecord, RunRecord } from '../recorder/run-record.ts';
import { spread } from './statistics.ts';
import { shortcomings, summarize } from './summary.ts';
import { tables } from './tables.ts';

const START_MS = Date.UTC(2026, 5, 21, 12);

const certificate = {
  outcome: 'CURTAILED' as const,
  policy: 'proportional',
  alpha_ppm: 500_000,
  originalMax_upu: 1_060_000,
  originalMin_upu: 990_000,
  approvedMax_upu: 1_048_000,
  approvedMin_upu: 985_000,
  margin_upu: 2000,
  bindingNode: 'l611.C',
  bindingMinute: 3,
  envelope: {
    safety: 'merit-order' as const,
    factor_ppm: 1_000_000,
    outcomes: 3,
    worstOutcome: 'all of it',
    distance_upu: 100,
  },
  searchSolves: 0,
  engineGap_upu: null,
  solves: 40,
  engine: 'gridlabd 6.0.0',
  feederSha256: 'a'.repeat(64),
  note: '',
};

const bid: BidRecord = {
  uid: 'b'.repeat(32),
  derId: 'pv-1',
  deraId: 'dera-1',
  price_uUSD_per_MWh: 30_000_000,
  bid_W: 40_000,
  approved_W: 20_000,
  cleared_W: 20_000,
  allocation_W: 20_000,
  status: 'settled',
  metered_Wh: 5000,
  checksum: 'c'.repeat(64),
  revision: 4,
};

const interval: IntervalRecord = {
  intervalId: '2026-06-21T12:00Z',
  decision: certificate,
  dispatch: { ...certificate, outcome: 'ACCEPTED' },
  bids: [bid],
  clearing: null,
  baselineCommitments: {},
  reports: [
    {
      deraId: 'dera-1',
      intervalId: '2026-06-21T12:00Z',
      completed: true,
      notes: ['a note, with a comma'],
      bids: {
        submitted: 1,
        accepted: 1,
        refused: 0,
        curtailed: 1,
        cleared: 1,
        partlyCleared: 0,
        reducedAfterClearing: 0,
      },
      timings_ms: { record: 10, dsoDecision: 30 },
    },
  ],
};

const minute = (i: number, voltages_pu: number[]): MinuteRecord => ({
  at_ms: START_MS + i * 60_000,
  voltages_pu,
  power_W: [12_000],
  available_W: [30_000],
});

const run: RunRecord = {
  header: {
    scenario: 's',
    seed: 1,
    feederId: 'f',
    start_ms: START_MS,
    intervals: 1,
    interval_min: 15,
    bid_min: 10,
    dsoEnforced: true,
    ledger: 'embedded',
    engine: 'e',
    clock: 'fast',
    limits_pu: [0.95, 1.05],
  },
  nodes: ['n1.A', 'n2.B'],
  derIds: ['pv-1'],
  minutes: Array.from({ length: 15 }, (_, i) => minute(i, [1, 1.04])),
  intervals: [interval],
  dayAhead: [],
  settlements: [],
  verdicts: [],
  faults: [],
  emulators: [],
  writes: [{ derId: 'pv-1', requests: 96, mostOfOneRegister: 95 }],
  pacing: { step_ms: null, steps: [] },
  wall_ms: {},
  memory_MiB: {},
};

test('figures worked by hand: a quarter of an hour at 20 kW is 5 kWh, fifteen minutes at 12 kW are 3 kWh', (t) => {
  const summary = summarize(run);
  t.deepEqual(summary.energy_kWh, { bid: 10, approved: 5, allocated: 5, delivered: 3, available: 7.5 });
  t.like(summary.intervals, { completed: 1, curtailed: 1, curtailedAfterClearing: 0 });
  t.like(summary.originalBids, { max_pu: 1.06, intervalsAboveLimit: 1 });
  t.is(summary.timings.gateClosureToRegisters?.p50, 40);
  t.deepEqual(summary.writes, { 'pv-1': { requests: 96, mostOfOneRegister: 95 } });
  t.deepEqual(summary.pacing, { step_ms: null, steps: 0, overruns: 0, late_ms: null, work_ms: null });
  t.deepEqual(shortcomings(summary), []);
});

test('how steps kept up with the clock: the latest, the longest, and those that overran', (t) => {
  const steps = [
    { at_ms: 0, late_ms: 2, work_ms: 40, overran: false },
    { at_ms: 60_000, late_ms: 700, work_ms: 400, overran: true },
  ];
  const { pacing } = summarize({ ...run, pacing: { step_ms: 1000, steps } });
  t.deepEqual(pacing, {
    ...{ step_ms: 1000, steps: 2, overruns: 1 },
    late_ms: { count: 2, p50: 2, p95: 700, max: 700 },
    work_ms: { count: 2, p50: 40, p95: 400, max: 400 },
  });
});

test('a minute outside the limits counts once, however many nodes are; at the limit is inside', (t) => {
  const minutes = [minute(0, [1.05, 0.95]), minute(1, [1.0502, 1.06]), minute(2, [0.9498, 1])];
  const { voltage } = summarize({ ...run, minutes });
  t.like(voltage, {
    violations: 2,
    max_pu: 1.06,
    max_at: 'n2.B 12:01',
    min_pu: 0.9498,
    min_at: 'n1.A 12:02',
  });
  t.regex(shortcomings(summarize({ ...run, minutes })).join(), /2 minutes with a voltage outside/);
});

test('an interval without a dispatch, or with a failed power flow, is a shortcoming', (t) => {
  const open = summarize({ ...run, intervals: [{ ...interval, dispatch: null }] });
  t.regex(shortcomings(open).join(), /1 of 1 intervals did not complete/);
  const failed = summarize({ ...run, minutes: [{ ...minute(0, []), failure: 'DIVERGED' }] });
  t.is(failed.powerFlows, 0);
  t.regex(shortcomings(failed).join(), /1 power flows of the feeder failed/);
});

test('tables have as many cells in every row as in the header, commas in notes included', (t) => {
  for (const [name, content] of Object.entries(tables(run))) {
    const [header, ...rows] = content.trimEnd().split('\n');
    for (const row of rows) t.is(row.split(',').length, header!.split(',').length, name);
  }
});

test('percentiles are values that were measured (nearest rank)', (t) => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  t.deepEqual(spread(values), { count: 100, p50: 50, p95: 95, max: 100 });
  t.deepEqual(spread([7]), { count: 1, p50: 7, p95: 7, max: 7 });
  t.is(spread([]), undefined);
});
