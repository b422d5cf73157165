/** The ledger of a bench run: embedded in this process, or on a Fabric network, of the run's own where none is named. */
import { join } from 'node:path';
import { EmbeddedLedger } from '@fieldbid/bc-gateway/ledger/embedded/embedded-ledger';
import { FabricLedger } from '@fieldbid/bc-gateway/ledger/fabric/fabric-ledger';
import type { Ledger } from '@fieldbid/bc-gateway/ledger/ledger';
import type { PayloadSource } from '@fieldbid/bc-gateway/ledger/payload-lines';
import { FabricNetwork } from '@fieldbid/chaincode/network/network';
import { readSettings } from '@fieldbid/chaincode/network/settings';
import type { Closers } from './closers.ts';

export type LedgerChoice =
  | { readonly kind: 'embedded' }
  /** @param profile connection profile of a network that is up; undefined: one is made for this run. */
  | { readonly kind: 'fabric'; readonly profile: string | undefined };

export interface BenchLedger {
  readonly ledger: Ledger & PayloadSource;
  /** For the report. */
  readonly description: string;
  /** Of the run's own, where there is one: what may be killed. */
  readonly network?: FabricNetwork;
}

/** Commits of a bench run need to survive a crash of the program, not a power cut. */
export const DURABILITY = 'process';

/**
 * @param folder where an embedded ledger's files go, or those of a network of the run's own.
 * @param now market time, epoch ms; Fabric stamps its transactions with real time.
 * @throws FieldbidError `FABRIC_MISSING`, `FABRIC_FAILED`; InputError for a profile that is wrong.
 */
export async function openBenchLedger(
  choice: LedgerChoice,
  folder: string,
  now: () => number,
  say: (line: string) => void,
  closers: Closers,
): Promise<BenchLedger> {
  if (choice.kind === 'embedded') {
    const dir = join(folder, 'gateway', 'ledger');
    const ledger = await EmbeddedLedger.open({ dir, now, durability: DURABILITY });
    closers.add('ledger', () => ledger.close());
    return { ledger, description: 'embedded' };
  }
  const network = choice.profile === undefined ? await ownNetwork(folder, say, closers) : undefined;
  const profile = choice.profile ?? network?.profileFile ?? '';
  const ledger = await FabricLedger.open(profile);
  closers.add('ledger', () => ledger.close());
  await ledger.head();
  return { ledger, description: 'Hyperledger Fabric', ...(network === undefined ? {} : { network }) };
}

async function ownNetwork(
  folder: string,
  say: (line: string) => void,
  closers: Closers,
): Promise<FabricNetwork> {
  const network = new FabricNetwork({
    dir: join(folder, 'fabric'),
    settings: readSettings(undefined),
    say: (step, duration_ms) => say(`Fabric: ${step} (${(duration_ms / 1000).toFixed(1)} s)`),
  });
  closers.add('Fabric network', () => network.down());
  await network.up();
  return network;
}
