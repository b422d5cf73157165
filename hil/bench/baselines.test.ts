import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AggregatorConfig } from '@fieldbid/aggregator/config';
import { readConfig } from '@fieldbid/core/config';
import { silentLogger } from '@fieldbid/core/logging';
import { DEFAULT_BASELINE_RULES } from '@fieldbid/core/market/settlement/baseline';
import test from 'ava';
import { compareRuns } from '../compare/compare-runs.ts';
import { shortcomings, summarize } from '../report/summary.ts';
import { type LoadedScenario, loadScenario } from '../scenario/load.ts';
import { runMarketDay } from './market-day.ts';
import { writeResults } from './run-folder.ts';
import { splitScenario } from './split.ts';

const SCENARIO = fileURLToPath(new URL('../scenarios/ieee13-day/scenario.yaml', import.meta.url));
const INTERVALS = 4;
const DER = 'pv-680';

/** The day is a Sunday; on the two weekend days before it the DER metered 900 and 1100 Wh in each interval. */
function meteredDays(folder: string): string {
  const rows = Object.entries({ '2026-06-20': 900, '2026-06-14': 1100 }).flatMap(([date, energy_Wh]) =>
    Array.from({ length: 96 }, (_, i) => {
      const start = new Date(Date.parse(date) + i * 900_000).toISOString().slice(0, 16);
      return `${DER},${start}Z,${energy_Wh}`;
    }),
  );
  const file = join(folder, 'metered-days.csv');
  writeFileSync(file, `derId,start,metered_Wh\n${rows.join('\n')}\n`);
  return file;
}

function scenarioIn(folder: string): LoadedScenario {
  const plain = loadScenario(SCENARIO, { start: '2026-06-21T11:00Z', intervals: INTERVALS, dayAhead: false });
  const file = meteredDays(folder);
  const baseline = { file, rules: DEFAULT_BASELINE_RULES };
  return { ...plain, baselineFile: file, scenario: { ...plain.scenario, baseline } };
}

async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-baselines-'));
  const loaded = scenarioIn(folder);
  const record = await runMarketDay({
    ...{ loaded, folder, dsoEnforced: true, log: silentLogger(), say: () => {} },
    progress: { update: () => {}, finish: () => {} },
  });
  return { folder, record, summary: writeResults(folder, record) };
}

test.serial('committed with the bids, opened with the pay, and the same again', async (t) => {
  t.timeout(120_000);
  const first = await run();
  const { folder, record, summary } = first;
  t.deepEqual(shortcomings(summary), []);
  t.deepEqual(summary.settlement?.baselines, { opened: INTERVALS, broken: 0 });
  for (const { rows } of record.settlements) {
    for (const { derId, baseline_Wh, metered_Wh, settled_Wmin } of rows) {
      t.is(baseline_Wh, derId === DER ? 1000 : undefined);
      t.is(settled_Wmin, (metered_Wh! - (derId === DER ? 1000 : 0)) * 60);
    }
  }
  const payloads = readFileSync(join(folder, 'ledger-payloads.ndjson'), 'utf8');
  for (const { baselineCommitments } of record.intervals) {
    t.true(payloads.includes(baselineCommitments['dera-1'] ?? 'nothing was committed'));
  }
  t.false(payloads.includes(record.settlements[0]!.opening!.blind));

  const lower = structuredClone(record.settlements[0]!);
  lower.opening!.baselines[0]!.baseline_Wh = 0;
  const tampered = summarize({ ...record, settlements: [lower, ...record.settlements.slice(1)] });
  t.deepEqual(tampered.settlement?.baselines, { opened: INTERVALS - 1, broken: 1 });
  t.deepEqual(shortcomings(tampered), ['1 reports do not open the baselines that were committed']);

  const second = await run();
  t.deepEqual(compareRuns(folder, second.folder), []);
});

test('separate processes get the same baselines', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-baselines-'));
  const loaded = scenarioIn(folder);
  const out = join(folder, 'lab');
  const ports = { gatewayPort: 8000, firstPort: 9000, brokerUrl: 'mqtt://127.0.0.1:1883' };
  await splitScenario(loaded, { out, ...ports, agents: 1, speed: 60, lead_s: 20 });
  const { baseline } = readConfig(AggregatorConfig, join(out, 'aggregator.yaml'));
  t.deepEqual(baseline, { file: loaded.baselineFile!, rules: DEFAULT_BASELINE_RULES });
});
