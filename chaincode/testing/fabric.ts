/** A Fabric network of a test's own, where Fabric's programs are installed. */
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FabricNetwork } from '../network/network.ts';
import { findPrograms } from '../network/programs.ts';
import { type NetworkSettings, readSettings } from '../network/settings.ts';

/** Why the tests on Fabric are skipped; undefined where its programs are. */
export const WITHOUT_FABRIC =
  findPrograms() === undefined ? "Hyperledger Fabric's programs are not installed (FABRIC_BIN)" : undefined;

/** Ports of one network: the orderer's ten, and ten an organisation. */
const PORTS = 100;

export async function startFabric(changes: Partial<NetworkSettings> = {}): Promise<FabricNetwork> {
  const dir = mkdtempSync(join(tmpdir(), 'fieldbid-fabric-'));
  const settings = { ...readSettings(undefined), basePort: await freeBasePort(), ...changes };
  const network = new FabricNetwork({ dir, settings });
  await network.up();
  return network;
}

/** A run of ports of which none is taken. */
async function freeBasePort(): Promise<number> {
  for (;;) {
    const first = 20_000 + PORTS * Math.floor(Math.random() * 400);
    const free = await Promise.all(Array.from({ length: PORTS }, (_, i) => isFree(first + i)));
    if (free.every(Boolean)) return first;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
