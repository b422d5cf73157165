/** A gateway on an ephemeral port with a fresh ledger and store, and a client per role, for tests. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bid, certificate, INTERVAL, registration } from '@fieldbid/chaincode/testing/fixtures';
import { seededSalts } from '@fieldbid/core/gateway-api/checksum';
import { GatewayClient } from '@fieldbid/core/gateway-api/client';
import type { BidBatch, Decision } from '@fieldbid/core/gateway-api/schemas';
import { type Logger, silentLogger } from '@fieldbid/core/logging';
import type { Bid } from '@fieldbid/core/market/messages';
import { type ApiKeyStore, apiKeysOf, newApiKey } from '../auth/api-keys.ts';
import { BcGateway } from '../gateway.ts';
import { EmbeddedLedger } from '../ledger/embedded/embedded-ledger.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import type { RawStore } from '../store/raw-store.ts';
import { openSqliteStores } from '../store/sqlite/open.ts';
import type { Stores } from '../store/stores.ts';

export const NOW = Date.UTC(2026, 5, 21, 11, 55);

const KEYS = {
  north: newApiKey({ name: 'north', role: 'dera', deraId: 'north' }),
  south: newApiKey({ name: 'south', role: 'dera', deraId: 'south' }),
  dso: newApiKey({ name: 'dso', role: 'dso' }),
  iso: newApiKey({ name: 'iso', role: 'iso' }),
  operator: newApiKey({ name: 'operator', role: 'operator' }),
};
export type Party = keyof typeof KEYS;

export interface OpenOptions {
  /** Data of an earlier gateway. */
  readonly dir?: string;
  /** A database instead of a SQLite file. */
  readonly stores?: Stores;
  readonly config?: Record<string, unknown>;
  readonly log?: Logger;
  readonly metrics?: GatewayMetrics;
  /** Puts a fault between the gateway and its ledger or store. */
  readonly ledgerThrough?: (ledger: Ledger) => Ledger;
  readonly storeThrough?: (store: RawStore) => RawStore;
}

export interface OpenGateway {
  readonly dir: string;
  readonly url: string;
  readonly ledger: EmbeddedLedger;
  readonly stores: Stores;
  readonly keys: ApiKeyStore;
  readonly store: RawStore;
  client(party: Party): GatewayClient;
  keyOf(party: Party): string;
  close(): Promise<void>;
}

export async function openGateway(options: OpenOptions = {}): Promise<OpenGateway> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'gateway-'));
  const now = () => NOW;
  const ledger = await EmbeddedLedger.open({ dir: join(dir, 'ledger'), now, durability: 'process' });
  const stores =
    options.stores ?? (await openSqliteStores({ file: join(dir, 'raw.sqlite'), durability: 'process' }));
  const { records: store } = stores;
  const keys = apiKeysOf(Object.values(KEYS).map(({ entry }) => entry));
  const gateway = await BcGateway.start({
    config: { listen: { port: 0 }, ...options.config },
    ledger: options.ledgerThrough?.(ledger) ?? ledger,
    stores: { ...stores, records: options.storeThrough?.(store) ?? store },
    keys,
    now,
    saltFor: seededSalts('test'),
    log: options.log ?? silentLogger(),
    ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
  });
  const { url } = gateway;
  return {
    dir,
    url,
    ledger,
    stores,
    keys,
    store,
    client: (party) => new GatewayClient({ url, apiKey: KEYS[party].key, deadline_ms: 30_000 }),
    keyOf: (party) => KEYS[party].key,
    close: async () => {
      await gateway.close();
      await ledger.close();
      await stores.close();
    },
  };
}

/** Registers and qualifies DERs of `north`, or as changed. */
export async function qualified(
  gateway: OpenGateway,
  derIds: readonly string[],
  changes: Parameters<typeof registration>[1] = {},
): Promise<void> {
  const party = changes.deraId === 'south' ? 'south' : 'north';
  for (const derId of derIds) {
    await gateway.client(party).registerDer(registration(derId, changes));
    await gateway.client('dso').qualifyDer(derId, { status: 'qualified', limit_W: 80_000, reason: '' });
  }
}

export function batchOf(bids: readonly Bid[], deraId = 'north'): BidBatch {
  return { deraId, bids: [...bids], silentDerIds: [] };
}

/** The DSO's decision that leaves each bid a share of its quantity. */
export async function decisionOf(
  gateway: OpenGateway,
  share: number,
  intervalId = INTERVAL,
): Promise<Decision> {
  const { submissions } = await gateway.client('dso').readInterval(intervalId);
  return {
    certificate: certificate(
      share === 1 ? { outcome: 'ACCEPTED', alpha_ppm: 1_000_000, bindingNode: null } : {},
    ),
    quantities: submissions
      .flatMap(({ bids }) => bids)
      .map(({ uid, revision, quantity_W }) => ({
        uid,
        expectedRevision: revision,
        quantity_W: Math.floor(quantity_W * share),
      })),
  };
}

/** One interval of `north` from bids to dispatch: two bids, curtailed to 80 %, cleared at 40 $/MWh. */
export async function runInterval(
  gateway: OpenGateway,
  intervalId = INTERVAL,
  sequence = 1,
  /** What the first one's device makes of its bid. */
  sign: (bid: Bid) => Promise<Bid> = async (unsigned) => unsigned,
): Promise<void> {
  const [north, dso] = [gateway.client('north'), gateway.client('dso')];
  await north.submitBids(
    intervalId,
    batchOf([await sign(bid('pv1', { intervalId, sequence })), bid('pv2', { intervalId, sequence })]),
  );
  const { bids } = await dso.decide(intervalId, await decisionOf(gateway, 0.8, intervalId));
  await north.recordAwards(intervalId, {
    deraId: 'north',
    price_uUSD_per_MWh: 40_404_040,
    quantities: bids.map(({ uid, revision, quantity_W }) => ({
      uid,
      expectedRevision: revision,
      quantity_W,
    })),
  });
  await dso.confirmDispatch(intervalId, await decisionOf(gateway, 1, intervalId));
}
