/** `fieldbid gateway run`, and what its key commands share with it: ledger, stores and keys as the config says. */
import { runUntilSignal } from '@fieldbid/core/cli/command';
import { createLogger } from '@fieldbid/core/logging';
import { metricsAccess, serveMetrics } from '@fieldbid/core/metrics/server';
import type { ApiKeyStore } from '../auth/api-keys.ts';
import { ApiKeyFile } from '../auth/key-file.ts';
import { type GatewayFiles, readGatewayConfig } from '../config.ts';
import { BcGateway } from '../gateway.ts';
import { EmbeddedLedger } from '../ledger/embedded/embedded-ledger.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import { openSqliteStores } from '../store/sqlite/open.ts';
import type { Stores } from '../store/stores.ts';

export async function runGateway(options: { config: string; logLevel: string }): Promise<void> {
  const files = readGatewayConfig(options.config);
  const log = createLogger({ level: options.logLevel }).child({ room: 'bc-gateway' });
  // Market time of a gateway that runs by itself is real time.
  const now = Date.now;
  const closers: (() => Promise<void>)[] = [];
  try {
    const metrics = new GatewayMetrics();
    if (files.metrics !== undefined) {
      const served = await serveMetrics(metrics, metricsAccess(files.metrics, options.config));
      closers.unshift(() => served.close());
      log.info({ url: served.url }, 'metrics');
    }
    // Before the ledger is opened: a missing key file is the more likely mistake.
    const file = files.store.kind === 'sqlite' ? ApiKeyFile.open(files.store.keysFile, log) : undefined;
    const ledger = await openLedger(files, now);
    closers.unshift(() => ledger.close());
    const stores = await openStores(files);
    closers.unshift(() => stores.close());
    const gateway = await BcGateway.start({
      ...{ config: files.http, ledger, stores, metrics, now, log },
      keys: file ?? keysIn(stores),
      keepMeasurements_days: files.keepMeasurements_days,
    });
    closers.unshift(() => gateway.close());
    await runUntilSignal(async () => {});
  } finally {
    for (const close of closers) await close();
  }
}

/** Does something with the keys of a config; opens and closes what they are in. */
export async function withKeys(config: string, work: (keys: ApiKeyStore) => Promise<void>): Promise<void> {
  const files = readGatewayConfig(config);
  if (files.store.kind === 'sqlite') return work(ApiKeyFile.openOrNew(files.store.keysFile));
  const stores = await openStores(files);
  try {
    await work(keysIn(stores));
  } finally {
    await stores.close();
  }
}

async function openLedger({ ledger, durability }: GatewayFiles, now: () => number): Promise<Ledger> {
  if (ledger.kind === 'embedded') return EmbeddedLedger.open({ dir: ledger.dir, now, durability });
  // Fabric's client takes a third of a second to load.
  const { FabricLedger } = await import('../ledger/fabric/fabric-ledger.ts');
  return FabricLedger.open(ledger.profile);
}

async function openStores({ store, durability }: GatewayFiles): Promise<Stores> {
  if (store.kind === 'sqlite') return openSqliteStores({ file: store.file, durability });
  const { openPgStores } = await import('../store/postgresql/open.ts');
  return openPgStores(store.url);
}

function keysIn({ keys }: Stores): ApiKeyStore {
  if (keys === undefined) throw new RangeError('a store without a key file keeps the keys');
  return keys;
}
