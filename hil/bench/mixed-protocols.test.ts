/** A day with Modbus and OPC UA inverters is the same day: the market cannot tell what an inverter speaks. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { compareRuns } from '../compare/compare-runs.ts';
import { shortcomings } from '../report/summary.ts';
import { loadScenario } from '../scenario/load.ts';
import { runMarketDay } from './market-day.ts';
import { writeResults } from './run-folder.ts';

const scenario = (name: string): string =>
  fileURLToPath(new URL(`../scenarios/${name}/scenario.yaml`, import.meta.url));

async function run(name: string) {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-mixed-'));
  const loaded = loadScenario(scenario(name), { start: '2026-06-21T11:45Z', intervals: 2, dayAhead: false });
  const endpoints: string[] = [];
  const record = await runMarketDay({
    ...{ loaded, folder, dsoEnforced: true, log: silentLogger(), say: () => {} },
    progress: { update: () => {}, finish: () => {} },
    onMinute: (_, hands) => {
      if (endpoints.length > 0) return;
      for (const { derId } of loaded.scenario.ders) endpoints.push(hands.endpoint(derId) ?? '');
    },
  });
  return { folder, record, endpoints, summary: writeResults(folder, record) };
}

test.serial(
  'two intervals around noon: awards, verdicts and every other table equal the all-Modbus day',
  async (t) => {
    t.timeout(120_000);
    const [modbus, mixed] = [await run('ieee13-day'), await run('mixed-protocols')];
    t.teardown(() => {
      for (const { folder } of [modbus, mixed]) rmSync(folder, { recursive: true });
    });
    t.is(modbus.endpoints.filter((endpoint) => endpoint.startsWith('tcp://')).length, 12);
    t.is(mixed.endpoints.filter((endpoint) => endpoint.startsWith('opc.tcp://')).length, 4);
    t.deepEqual(shortcomings(mixed.summary), []);
    t.like(mixed.summary, {
      commands: { verified: 24, refused: 0, unproven: 0 },
      voltage: { violations: 0 },
    });
    const awards = ({ record }: typeof mixed) =>
      record.intervals.map(({ bids }) =>
        bids.map(({ derId, bid_W, allocation_W }) => [derId, bid_W, allocation_W]),
      );
    t.deepEqual(awards(mixed), awards(modbus));
    t.deepEqual(compareRuns(modbus.folder, mixed.folder), []);
  },
);
