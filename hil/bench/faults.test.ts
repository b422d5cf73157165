import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bidUid } from '@fieldbid/core/digest';
import { silentLogger } from '@fieldbid/core/logging';
import { parse } from '@fieldbid/core/schema';
import test from 'ava';
import { FaultRule } from '../faults/rules.ts';
import type { RunRecord } from '../recorder/run-record.ts';
import { summarize } from '../report/summary.ts';
import { loadScenario } from '../scenario/load.ts';
import { type Hands, runMarketDay } from './market-day.ts';

const SCENARIO = fileURLToPath(new URL('../scenarios/ieee13-day/scenario.yaml', import.meta.url));

/** An hour before noon; `at` breaks something in the minute that it names, `lines` are DERs' Modbus faults. */
async function runWith(
  at: Readonly<Record<string, (hands: Hands) => void | Promise<void>>>,
  lines: Readonly<Record<string, FaultRule[]>> = {},
): Promise<RunRecord> {
  const loaded = loadScenario(SCENARIO, { start: '2026-06-21T11:00Z', intervals: 4, dayAhead: false });
  const ders = loaded.scenario.ders.map((der) => ({ ...der, faults: lines[der.derId] ?? [] }));
  return runMarketDay({
    loaded: { ...loaded, scenario: { ...loaded.scenario, ders } },
    folder: mkdtempSync(join(tmpdir(), 'fieldbid-faults-')),
    dsoEnforced: true,
    log: silentLogger(),
    say: () => {},
    progress: { update: () => {}, finish: () => {} },
    onMinute: async ({ at_ms }, hands) => at[new Date(at_ms).toISOString().slice(11, 16)]?.(hands),
  });
}

const verdictsOf = (record: RunRecord, derId: string) =>
  record.verdicts
    .filter((v) => v.derId === derId)
    .map(({ intervalId, verdict }) => [intervalId.slice(11, 16), verdict]);

test.serial(
  'an inverter that stops answering: its commands are unproven, the market goes on without it',
  async (t) => {
    t.timeout(60_000);
    const record = await runWith({
      '11:20': (hands) => {
        hands.inverter('pv-611-c')!.faults.offline = true;
      },
    });
    t.like(summarize(record), { intervals: { completed: 4 }, voltage: { violations: 0 }, powerFlows: 60 });
    t.deepEqual(verdictsOf(record, 'pv-611-c'), [
      ['11:00', 'verified'],
      ['11:15', 'verified'],
      ['11:30', 'unproven'],
      ['11:45', 'unproven'],
    ]);
    // It bid for 11:30 while it still answered; at gate closure it did not, and the bid was withdrawn.
    t.deepEqual(
      record.intervals.map(({ bids }) => bids.some(({ derId }) => derId === 'pv-611-c')),
      [true, true, false, false],
    );
    t.is(verdictsOf(record, 'pv-680').filter(([, verdict]) => verdict === 'verified').length, 4);
  },
);

test.serial('an inverter that echoes its limit and does not obey is found out by its power', async (t) => {
  t.timeout(60_000);
  const record = await runWith({
    '11:10': (hands) => {
      hands.inverter('pv-645-b')!.faults.ignoreLimit = true;
    },
  });
  const later = record.verdicts.filter(
    ({ derId, intervalId }) => derId === 'pv-645-b' && intervalId > '2026-06-21T11:00Z',
  );
  t.is(later.length, 3);
  for (const { verdict, reason, commanded_pct, readBack_pct } of later) {
    t.is(verdict, 'refused');
    t.is(readBack_pct, commanded_pct);
    t.regex(reason, /reads back .* but delivers/);
  }
  // What cannot be limited cannot be sold: from the first refusal on it counts as uncontrolled, until the end.
  const summary = summarize(record);
  t.true(
    summary.notes.some((note) =>
      /11:45Z: cannot be limited, counted on as uncontrolled: pv-645-b/.test(note),
    ),
  );
  t.false(record.intervals.at(-1)!.bids.some(({ derId }) => derId === 'pv-645-b'));
  t.is(summary.voltage.violations, 0);
});

test.serial(
  'killed engines are started again; every interval is decided and every minute solved',
  async (t) => {
    t.timeout(60_000);
    const killed: (number | undefined)[] = [];
    let last: Hands | undefined;
    const kill = (pid: number | undefined): void => {
      killed.push(pid);
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    };
    const record = await runWith({
      '11:06': (hands) => kill(hands.enginePids().dso),
      '11:25': (hands) => kill(hands.enginePids().plant),
      '11:59': (hands) => {
        last = hands;
      },
    });
    t.true(killed.every((pid) => pid !== undefined));
    t.false(killed.includes(last!.enginePids().dso));
    t.false(killed.includes(last!.enginePids().plant));
    t.like(summarize(record), {
      intervals: { completed: 4 },
      powerFlows: 60,
      powerFlowFailures: 0,
      voltage: { violations: 0 },
      commands: { verified: 48 },
    });
  },
);

test.serial(
  'a DER without a living agent: named, counted on as uncontrolled, and the voltages hold',
  async (t) => {
    t.timeout(60_000);
    const record = await runWith({ '11:05': (hands) => hands.stopAgent('pv-652-a') });
    const summary = summarize(record);
    t.is(summary.intervals.completed, 4);
    t.is(summary.voltage.violations, 0);
    t.true(
      summary.notes.some((note) =>
        /11:30Z: cannot be limited, counted on as uncontrolled: pv-652-a/.test(note),
      ),
    );
    // Its revert timer frees it 20 minutes after its last command: then it delivers what the sun gives.
    const der = record.derIds.indexOf('pv-652-a');
    const end = record.minutes.at(-1)!;
    t.true(end.power_W[der]! > 0.9 * end.available_W[der]!);
  },
);

const lineFault = (fault: Partial<FaultRule>): FaultRule => parse(FaultRule, fault, 'fault');

test.serial('faults on the lines: bounded, typed, and the market keeps its invariants', async (t) => {
  t.timeout(120_000);
  const mild = (['delay', 'duplicate', 'split', 'wrongUnit', 'reset'] as const).map((fault) =>
    lineFault({ fault, probability: 0.1, delay_ms: 5 }),
  );
  const record = await runWith(
    {},
    {
      'pv-680': mild,
      // Its writes of the second interval's limit are refused, and two answers of another get lost.
      'pv-611-c': [
        lineFault({
          fault: 'exception',
          exception: 4,
          function: 16,
          from: '2026-06-21T11:14Z',
          until: '2026-06-21T11:29Z',
        }),
        lineFault({
          fault: 'exception',
          exception: 4,
          function: 6,
          from: '2026-06-21T11:14Z',
          until: '2026-06-21T11:29Z',
        }),
      ],
      'pv-645-b': [
        lineFault({ fault: 'drop', times: 2, from: '2026-06-21T11:05Z', until: '2026-06-21T11:15Z' }),
      ],
    },
  );
  t.like(summarize(record), {
    intervals: { completed: 4 },
    voltage: { violations: 0 },
    powerFlows: 60,
    commands: { verified: 47, refused: 1 },
  });
  t.deepEqual(verdictsOf(record, 'pv-611-c')[1], ['11:15', 'refused']);
});

/** One bid of an interval halved by the DSO, as it stands now. @returns what it may still deliver, W. */
async function halve(dso: Hands['dso'], derId: string, intervalId: string): Promise<number> {
  const uid = bidUid(derId, intervalId, 'energy');
  const now = (await dso.readBidHistory(uid)).at(-1)!;
  const quantity_W = Math.floor(now.quantity_W / 2);
  const about = { expectedRevision: now.revision, reason: 'a transformer is hot', bindingNode: 'l611.C' };
  await dso.modifyBid(uid, { ...about, quantity_W });
  return quantity_W;
}

test.serial(
  'the DSO reduces a bid in the middle of its interval: the inverter delivers no more than that',
  async (t) => {
    t.timeout(60_000);
    const derId = 'pv-611-c';
    let left_W = 0;
    const record = await runWith({
      '11:05': async ({ dso }) => {
        left_W = await halve(dso, derId, '2026-06-21T11:00Z');
      },
    });
    t.true(left_W > 1000);
    const at = record.derIds.indexOf(derId);
    const delivered = (hhmm: string) =>
      record.minutes.find(({ at_ms }) => new Date(at_ms).toISOString().slice(11, 16) === hhmm)!.power_W[at]!;
    t.true(delivered('11:04') > left_W + 1);
    // One cycle to hear of it, one to see it obeyed.
    for (const hhmm of ['11:08', '11:10', '11:14'])
      t.true(delivered(hhmm) <= left_W + 1, `${hhmm}: ${delivered(hhmm)} W`);
    t.true(delivered('11:17') > left_W + 1, 'the next interval is its own');
    t.deepEqual(
      verdictsOf(record, derId).filter(([, verdict]) => verdict !== 'verified'),
      [],
    );
    // Settled at what was left: obeying the DSO is no deviation, and what is not delivered is not paid.
    const [settled] = record.settlements;
    const row = settled?.rows.find((one) => one.derId === derId);
    t.is(row?.dispatched_W, left_W);
    t.true(row!.realTime_W > left_W && row!.byKind_uUSD['true-up'] < 0);
    t.like(settled, { intervalId: '2026-06-21T11:00Z', recorded: true, iso: { agreed: true } });
    t.like(summarize(record), { intervals: { completed: 4 }, voltage: { violations: 0 } });
  },
);

test.serial(
  'the DSO reduces a bid between its decision and the award: the award is what is left',
  async (t) => {
    t.timeout(60_000);
    const derId = 'pv-611-c';
    let left_W = 0;
    const record = await runWith({
      // Gate closure of 11:15 is 11:07, its awards are recorded at 11:11.
      '11:09': async ({ dso }) => {
        left_W = await halve(dso, derId, '2026-06-21T11:15Z');
      },
    });
    const bid = record.intervals[1]?.bids.find((one) => one.derId === derId);
    t.true(left_W > 1000 && (bid?.allocation_W ?? Number.POSITIVE_INFINITY) <= left_W);
    t.like(summarize(record), { intervals: { completed: 4 }, voltage: { violations: 0 } });
  },
);
