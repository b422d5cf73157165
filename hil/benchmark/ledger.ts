/** One bid stored and one bid returned through the BC-GW, as the paper states it (M32), on the embedded ledger. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiKeysOf, newApiKey } from '@fieldbid/bc-gateway/auth/api-keys';
import { BcGateway } from '@fieldbid/bc-gateway/gateway';
import { EmbeddedLedger } from '@fieldbid/bc-gateway/ledger/embedded/embedded-ledger';
import { openRawStore } from '@fieldbid/bc-gateway/store/sqlite-raw-store';
import { bidUid } from '@fieldbid/core/digest';
import { GatewayClient } from '@fieldbid/core/gateway-api/client';
import { minuteId } from '@fieldbid/core/interval';
import { silentLogger } from '@fieldbid/core/logging';
import type { Bid } from '@fieldbid/core/market/messages';
import { spread } from '../report/statistics.ts';

const BIDS = 100;
const START_MS = Date.UTC(2026, 5, 21);

export async function ledgerFigures(paper: {
  returned_ms: number;
  stored_ms: number;
}): Promise<[string, string, string][]> {
  const dir = mkdtempSync(join(tmpdir(), 'fieldbid-bench-ledger-'));
  const ledger = await EmbeddedLedger.open({ dir, now: Date.now });
  const store = await openRawStore({ file: join(dir, 'raw.sqlite') });
  const [dera, dso] = [
    newApiKey({ name: 'd', role: 'dera', deraId: 'dera-1' }),
    newApiKey({ name: 's', role: 'dso' }),
  ];
  const keys = apiKeysOf([dera.entry, dso.entry]);
  const config = { listen: { port: 0 } };
  const gateway = await BcGateway.start({ config, ledger, store, keys, now: Date.now, log: silentLogger() });
  try {
    const client = new GatewayClient({ url: gateway.url, apiKey: dera.key });
    const registration = {
      derId: 'pv-1',
      deraId: 'dera-1',
      feederId: 'f',
      bus: 'b',
      phases: 'A',
      nameplate_W: 5000,
      deviceIds: ['i'],
    };
    await client.registerDer(registration);
    const operator = new GatewayClient({ url: gateway.url, apiKey: dso.key });
    await operator.qualifyDer('pv-1', { status: 'qualified', limit_W: 5000, reason: 'bench' });
    const stored: number[] = [];
    const returned: number[] = [];
    for (let i = 0; i < BIDS; i++) {
      const bid = bidOf(i);
      stored.push(
        await timed(() =>
          client.submitBids(bid.intervalId, { deraId: 'dera-1', bids: [bid], silentDerIds: [] }),
        ),
      );
      returned.push(await timed(() => client.readBid(bid.uid)));
    }
    return [
      row('one bid stored', stored, paper.stored_ms),
      row('one bid returned, verified', returned, paper.returned_ms),
    ];
  } finally {
    await gateway.close();
    await store.close();
    await ledger.close();
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

function row(what: string, values: number[], limit_ms: number): [string, string, string] {
  const { p50, p95 } = spread(values) ?? { p50: Number.NaN, p95: Number.NaN };
  const beside = `paper < ${limit_ms} ms: ${(limit_ms / p95).toFixed(0)} × faster at p95`;
  return [
    `${what} (HTTP, embedded ledger, to the disk)`,
    `p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`,
    beside,
  ];
}

function bidOf(i: number): Bid {
  const start_ms = START_MS + i * 900_000;
  const intervalId = minuteId(start_ms);
  return {
    uid: bidUid('pv-1', intervalId, 'energy'),
    derId: 'pv-1',
    deraId: 'dera-1',
    deviceIds: ['i'],
    intervalId,
    product: 'energy',
    sequence: i + 1,
    quantity_W: 4000,
    price_uUSD_per_MWh: 30_000_000,
    cap_uUSD_per_MWh: 2_000_000_000,
    forecast_uUSD_per_MWh: 30_000_000,
    riskFactor_pct: 0,
    clampedTo: 'none',
    state: {
      readAt_ms: start_ms,
      measured_W: 4000,
      available_W: 4000,
      source: 'measured',
      rating_W: 5000,
      limit_pct: null,
    },
    submittedAt_ms: start_ms,
    expiresAt_ms: start_ms + 900_000,
  };
}
