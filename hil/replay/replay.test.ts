import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@fieldbid/core/logging';
import { SqliteDatabase } from '@fieldbid/core/sqlite/database';
import test from 'ava';
import { type MarketDayOptions, runMarketDay } from '../bench/market-day.ts';
import { writeResults } from '../bench/run-folder.ts';
import type { FaultEntry } from '../faults/timeline.ts';
import { loadScenario } from '../scenario/load.ts';
import { explain } from './explain.ts';
import { marketSize } from './recorded-market.ts';
import { replayFromRecords } from './replay-records.ts';
import { replayFromSeed } from './replay-run.ts';
import { readRunFile } from './run-file.ts';

const SCENARIO = fileURLToPath(new URL('../scenarios/ieee13-day/scenario.yaml', import.meta.url));
const FAULTS: FaultEntry[] = [
  { at: '2026-06-21T11:46Z', fault: 'device-offline', target: 'pv-611-c', duration_min: 3 },
  { at: '2026-06-21T11:50Z', fault: 'agent-power-loss', target: 'pv-680', duration_min: 2 },
];
const quiet = { update: () => {}, finish: () => {} };
const folder = (): string => mkdtempSync(join(tmpdir(), 'fieldbid-replay-'));

async function record(
  faults: FaultEntry[],
  more: Partial<MarketDayOptions> = {},
  intervals = 2,
): Promise<string> {
  const recorded = folder();
  const loaded = loadScenario(SCENARIO, {
    start: '2026-06-21T11:45Z',
    intervals,
    dayAhead: false,
    seed: 7,
  });
  const run = await runMarketDay({
    loaded: { ...loaded, scenario: { ...loaded.scenario, faults } },
    ...{ folder: recorded, dsoEnforced: true, log: silentLogger(), say: () => {}, progress: quiet },
    ...more,
  });
  writeResults(recorded, run);
  return recorded;
}

const replay = (recorded: string, out = folder()) =>
  replayFromSeed({
    ...{ recorded, run: readRunFile(recorded), out, log: silentLogger(), say: () => {} },
    progress: () => quiet,
  });

test.serial(
  'a recorded day, moved elsewhere, gives the same again; what was changed in it is found',
  async (t) => {
    t.timeout(120_000);
    const made = await record([]);
    t.deepEqual(readRunFile(made).notRepeatable, []);
    // Anywhere: nothing outside of the folder is named in it.
    const recorded = folder();
    cpSync(made, recorded, { recursive: true });
    rmSync(made, { recursive: true });
    t.deepEqual(await replay(recorded), []);

    const awards = join(recorded, 'awards.csv');
    const lines = readFileSync(awards, 'utf8').split('\n');
    const cells = lines[3]!.split(',');
    const was = cells[7]!;
    cells[7] = String(Number(was) + 1);
    writeFileSync(awards, lines.with(3, cells.join(',')).join('\n'));
    const payloads = join(recorded, 'ledger-payloads.ndjson');
    writeFileSync(
      payloads,
      readFileSync(payloads, 'utf8').replace('"limit_W\\":200000', '"limit_W\\":200001'),
    );
    const differences = await replay(recorded);
    t.deepEqual(
      differences.map((difference) => explain(difference, recorded)),
      [
        `awards.csv, line 4: interval ${cells[0]}, der ${cells[1]}, allocation_W: recorded ${cells[7]}, replayed ${was}`,
        'ledger-payloads.ndjson, line 2: qualifyDer pv-611-c/payload/limit_W: recorded 200001, replayed 200000',
      ],
    );
  },
);

test.serial('a day with a timeline of faults gives the same again, faults and all', async (t) => {
  t.timeout(120_000);
  const recorded = await record(FAULTS);
  const out = folder();
  t.deepEqual(await replay(recorded, out), []);
  t.is(readFileSync(join(out, 'faults.csv'), 'utf8').trim().split('\n').length, 3);
});

const byRecords = (recorded: string, said: string[] = []) =>
  replayFromRecords({
    ...{
      recorded,
      run: readRunFile(recorded),
      out: folder(),
      log: silentLogger(),
      say: (line: string) => void said.push(line),
    },
  });

test.serial(
  'a day with a fault by hand is replayed from its records; a bid that was changed is found',
  async (t) => {
    t.timeout(120_000);
    const recorded = await record([], {
      onMinute: async ({ at_ms }, { faults }) => {
        if (new Date(at_ms).toISOString().slice(11, 16) !== '11:46') return;
        await faults.inject({ fault: 'device-offline', target: 'pv-611-c', duration_min: 3 }, 'page');
      },
    });
    t.deepEqual(readRunFile(recorded).notRepeatable, ['faults by hand: f1']);
    t.is(marketSize(recorded), 8);
    t.deepEqual(
      (await byRecords(recorded)).map((difference) => explain(difference, recorded)),
      [],
    );

    const store = await SqliteDatabase.open(join(recorded, 'gateway', 'raw-records.sqlite'), [[], [], []], {
      durability: 'process',
    });
    await store.run(
      `UPDATE raw_records SET record = replace(record, '"quantity_W":', '"quantity_W":1') WHERE revision = 1 AND
     der_id = 'pv-680' AND interval_id = '2026-06-21T12:00Z'`,
    );
    await store.close();
    const said: string[] = [];
    const [first] = await byRecords(recorded, said);
    t.regex(said.join(), /refused now: the bid of pv-680 for 2026-06-21T12:00Z: .*did not sign this bid/);
    t.regex(explain(first!, recorded), /line \d+: submitBids 2026-06-21T12:00Z/);
  },
);

test.serial('a day by the wall clock is replayed from its records', async (t) => {
  t.timeout(120_000);
  const recorded = await record([], { realtimeSpeed: 100 }, 1);
  t.deepEqual(readRunFile(recorded).notRepeatable, ['it ran by the wall clock']);
  t.true(marketSize(recorded) > 0);
  t.deepEqual(
    (await byRecords(recorded)).map((difference) => explain(difference, recorded)),
    [],
  );
});

test('a folder that is no run is said to be none', (t) => {
  t.throws(() => readRunFile(tmpdir()), { message: /run\.json: found no readable file/ });
});
