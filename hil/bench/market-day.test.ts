import { createHash, createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canonicalJson } from '@fieldbid/core/canonical-json';
import type { RawBidRecord } from '@fieldbid/core/gateway-api/schemas';
import { createLogger, silentLogger } from '@fieldbid/core/logging';
import { seededSigner } from '@fieldbid/core/signing-key';
import { SqliteDatabase } from '@fieldbid/core/sqlite/database';
import test from 'ava';
import { compareRuns } from '../compare/compare-runs.ts';
import type { RunRecord } from '../recorder/run-record.ts';
import { shortcomings } from '../report/summary.ts';
import { loadScenario, type Overrides } from '../scenario/load.ts';
import { runMarketDay } from './market-day.ts';
import { writeResults } from './run-folder.ts';

const SCENARIO = fileURLToPath(new URL('../scenarios/ieee13-day/scenario.yaml', import.meta.url));
/** Real time alone; two-settlements.test.ts runs both markets. */
const NOON: Overrides = { start: '2026-06-21T11:45Z', intervals: 2, dayAhead: false };
const quiet = { update: () => {}, finish: () => {} };

async function run(overrides: Overrides, dsoEnforced = true, log = silentLogger()) {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-day-'));
  const loaded = loadScenario(SCENARIO, overrides);
  const record = await runMarketDay({ loaded, folder, dsoEnforced, log, say: () => {}, progress: quiet });
  return { folder, record, summary: writeResults(folder, record) };
}

test.serial(
  'around noon every interval completes, within limits, every command proved, and repeats exactly',
  async (t) => {
    t.timeout(120_000);
    const first = await run(NOON);
    t.deepEqual(shortcomings(first.summary), []);
    t.like(first.summary, { powerFlows: 30, commands: { verified: 24, refused: 0, unproven: 0 } });
    t.like(first.summary.intervals, { planned: 2, completed: 2, curtailed: 2 });
    t.is(first.summary.voltage.violations, 0);
    // Two awards, each written once, and the release at the end.
    const counts = Object.values(first.summary.writes);
    t.is(counts.length, first.record.derIds.length);
    for (const count of counts) t.deepEqual(count, { requests: 3, mostOfOneRegister: 3 });
    t.true(first.summary.originalBids.max_pu! > 1.05);
    invariants(t, first.record);
    await signaturesHold(t, first.folder, first.record.nodes.length);
    const second = await run(NOON);
    t.deepEqual(compareRuns(first.folder, second.folder), []);
    const other = await run({ ...NOON, seed: 2 });
    t.not(compareRuns(first.folder, other.folder).length, 0);
  },
);

test.serial('without the DSO the same bids break the upper limit', async (t) => {
  t.timeout(120_000);
  const { summary } = await run(NOON, false);
  t.true(summary.voltage.violations > 0);
  t.true(summary.voltage.max_pu! > 1.05);
  t.is(summary.intervals.curtailed, 0);
  t.regex(shortcomings(summary).join(), /outside 0\.95 \.\.\. 1\.05 pu/);
});

test.serial(
  'with any policy of the DSO: limits hold, and the certificates on the ledger say by which',
  async (t) => {
    t.timeout(120_000);
    const approved_W = new Map<string, number>();
    for (const policy of ['proportional', 'no-one-worse', 'max-energy']) {
      const { record, summary } = await run({ ...NOON, intervals: 1, policy });
      t.deepEqual(shortcomings(summary), []);
      const [interval] = record.intervals;
      t.like(interval?.decision, { policy, outcome: 'CURTAILED', envelope: { safety: 'merit-order' } });
      // 12 bids at prices of their own: 12 ways to the next, and 11 places between.
      t.is(interval?.decision?.envelope.outcomes, 1 + 12 + 11);
      t.true((interval?.decision?.envelope.distance_upu ?? -1) >= 0);
      t.regex(interval?.decision?.engine ?? '', /^gridlabd .* and OpenDSS/);
      // After clearing there is one outcome left.
      t.like(interval?.dispatch, { policy: 'proportional', envelope: { safety: 'none', outcomes: 1 } });
      approved_W.set(policy, interval?.bids.reduce((sum, bid) => sum + bid.approved_W, 0) ?? 0);
    }
    const [share, fair, most] = [...approved_W.values()];
    t.true(share! <= fair! && fair! <= most!, `${[...approved_W.values()]}`);
  },
);

test.serial(
  'one correlation id follows a bid from the register to the settlement in every log',
  async (t) => {
    t.timeout(120_000);
    const file = join(mkdtempSync(join(tmpdir(), 'fieldbid-log-')), 'log.ndjson');
    const log = createLogger({ level: 'info', file });
    const { record } = await run({ ...NOON, intervals: 1 }, true, log);
    log.flush();
    await new Promise((resolve) => setImmediate(resolve));
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    const { uid } = record.intervals[0]!.bids[0]!;
    const steps = lines
      .map((line) => JSON.parse(line) as { room?: string; correlationId?: string; msg: string })
      .filter(({ correlationId }) => correlationId === uid)
      .map(({ room, msg }) => `${room}: ${msg}`);
    for (const step of [
      'edge-agent: registers read for a bid',
      'aggregator: bid accepted',
      'aggregator: bid recorded',
      'dso: decision: curtailed',
      'dso: dispatch: approved',
      'aggregator: award sent',
      'edge-agent: award taken',
      'edge-agent: limit written',
      'edge-agent: command verified',
      'aggregator: bid settled',
    ]) {
      t.true(steps.includes(step), `${step} is missing among ${steps.join('; ')}`);
    }
    t.false(lines.some((line) => line.includes('salt') && !line.includes('[redacted]')));
  },
);

/** Every raw record at the BC-GW still carries its DER's signature, which OpenSSL verifies by the public key. */
async function signaturesHold(
  t: { true(value: boolean): void; is<T>(a: T, b: T): void },
  folder: string,
  nodes: number,
) {
  const file = join(folder, 'gateway', 'raw-records.sqlite');
  const store = await SqliteDatabase.open(file, [[], [], []], { durability: 'process' });
  const rows = await store.all<{ record: string }>('SELECT record FROM raw_records');
  // M25: what the plant's instruments showed in each minute, at every node.
  const voltages =
    'SELECT count(*) AS count, count(DISTINCT at_ms) AS minutes, max(voltage_upu) AS highest FROM grid_voltages';
  const [grid] = await store.all<{ count: number; minutes: number; highest: number }>(voltages);
  t.is(grid?.minutes, 30);
  t.is(grid?.count, 30 * nodes);
  t.true((grid?.highest ?? 0) < 1_050_000);
  await store.close();
  t.true(rows.length >= 24);
  for (const { record } of rows) {
    const { bid } = JSON.parse(record) as RawBidRecord;
    // As decision 14 describes it, without our own code: public part in clear, the rest behind its hash.
    const {
      signature,
      blind,
      uid,
      derId,
      deraId,
      deviceIds,
      intervalId,
      product,
      sequence,
      quantity_W,
      ...hidden
    } = bid;
    const commitment = createHash('sha256')
      .update(`fieldbid/bid-private/v1\n${blind}\n${canonicalJson(hidden)}`)
      .digest('hex');
    const claim = { uid, derId, deraId, deviceIds, intervalId, product, sequence, quantity_W, commitment };
    const { publicKey, keyId } = seededSigner(1, bid.derId);
    t.is(signature?.keyId, keyId);
    const key = createPublicKey({ key: publicKey, format: 'jwk' });
    const bytes = Buffer.from(signature?.value ?? '', 'base64url');
    t.true(
      verify(
        'sha256',
        Buffer.from(`fieldbid/bid/v2\n${canonicalJson(claim)}`),
        { key, dsaEncoding: 'ieee-p1363' },
        bytes,
      ),
    );
  }
}

/** What must hold in any run, whatever the scenario. */
function invariants(t: { true(value: boolean, message?: string): void }, record: RunRecord): void {
  for (const { intervalId, bids, clearing } of record.intervals) {
    for (const bid of bids) {
      const what = `${intervalId} ${bid.derId}`;
      t.true(bid.approved_W <= bid.bid_W, `${what}: approved above bid`);
      t.true(bid.cleared_W <= bid.approved_W, `${what}: cleared above approved`);
      t.true(bid.allocation_W <= bid.cleared_W, `${what}: allocated above cleared`);
      // Nobody is sold below its bid.
      t.true(bid.cleared_W === 0 || bid.price_uUSD_per_MWh <= clearing!.price_uUSD_per_MWh, `${what}: price`);
    }
  }
  // What the inverters really delivered stays within what they were allocated, in every minute.
  for (const minute of record.minutes) {
    const interval = record.intervals.findLast(
      ({ intervalId }) => Date.parse(intervalId.replace('Z', ':00Z')) <= minute.at_ms,
    );
    record.derIds.forEach((derId, i) => {
      const allocation_W = interval?.bids.find((bid) => bid.derId === derId)?.allocation_W ?? 0;
      t.true(
        minute.power_W[i]! <= allocation_W + 1,
        `${derId} delivers ${minute.power_W[i]} W of ${allocation_W} W`,
      );
    });
  }
}
