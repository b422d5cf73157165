import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { type MarketDayOptions, runMarketDay } from '../bench/market-day.ts';
import { writeResults } from '../bench/run-folder.ts';
import type { FaultEntry } from '../faults/timeline.ts';
import { loadScenario } from '../scenario/load.ts';
import { explain } from './explain.ts';
import { replayFromSeed } from './replay-run.ts';
import { readRunFile } from './run-file.ts';

const SCENARIO = fileURLToPath(new URL('../scenarios/ieee13-day/scenario.yaml', import.meta.url));
const FAULTS: FaultEntry[] = [
  { at: '2026-06-21T11:46Z', fault: 'device-offline', target: 'pv-611-c', duration_min: 3 },
  { at: '2026-06-21T11:50Z', fault: 'agent-power-loss', target: 'pv-680', duration_min: 2 },
];
const quiet = { update: () => {}, finish: () => {} };
const folder = (): string => mkdtempSync(join(tmpdir(), 'fieldbid-replay-'));

async function record(faults: FaultEntry[], more: Partial<MarketDayOptions> = {}): Promise<string> {
  const recorded = folder();
  const loaded = loadScenario(SCENARIO, {
    start: '2026-06-21T11:45Z',
    intervals: 2,
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

test('a folder that is no run is said to be none', (t) => {
  t.throws(() => readRunFile(tmpdir()), { message: /run\.json: found no readable file/ });
});
