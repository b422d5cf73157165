/** The contract's service of an organisation (chaincode/fabric/server.ts), and how its peer learns where it is. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { HOST, type Layout, type OrganisationPlace, type PeerPlace } from './layout.ts';
import type { Version } from './lifecycle.ts';
import { BUILDER_VARIABLE } from './node-config.ts';
import { type Launch, listens } from './processes.ts';
import { cleanEnvironment, run } from './programs.ts';

type WithPeer = OrganisationPlace & { peer: PeerPlace };

const SERVER = fileURLToPath(new URL('../fabric/server.ts', import.meta.url));
const FOLDER = dirname(SERVER);
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/**
 * The service runs from its sources through tsx, as every program of ours does but the agent on a small machine: one
 * second to start, 95 MB.
 */
export function serviceLaunch(layout: Layout, organisation: WithPeer, version: Version): Launch {
  const { key, peer } = organisation;
  const port = peer.servicePorts[version.slot];
  const tls = (name: string): string => layout.node(organisation, 'service0', 'tls', name);
  return {
    name: `service-${key}-${version.slot}`,
    command: process.execPath,
    args: ['--import', TSX, SERVER],
    env: {
      ...cleanEnvironment(),
      CHAINCODE_ID: version.packageId,
      CHAINCODE_SERVER_ADDRESS: `${HOST}:${port}`,
      CHAINCODE_TLS_KEY: tls('server.key'),
      CHAINCODE_TLS_CERT: tls('server.crt'),
      CHAINCODE_CLIENT_CA_CERT: tls('ca.crt'),
      CORE_CHAINCODE_LOGGING_LEVEL: 'warn',
    },
    ready: () => listens(port),
  };
}

/** Names of the two addresses in the builder's settings, by slot (contractPackage). */
export const ADDRESS_NAMES = ['address', 'next_address'] as const;

/** What the builder fills into the package's connection.json: this organisation's own service. */
export function peerEnvironment(layout: Layout, organisation: WithPeer): Record<string, string> {
  const tls = (name: string): string => readFileSync(layout.node(organisation, 'peer0', 'tls', name), 'utf8');
  const [first, second] = organisation.peer.servicePorts;
  const values = {
    [ADDRESS_NAMES[0]]: `${HOST}:${first}`,
    [ADDRESS_NAMES[1]]: `${HOST}:${second}`,
    root_cert: tls('ca.crt'),
    client_key: tls('server.key'),
    client_cert: tls('server.crt'),
  };
  return { [BUILDER_VARIABLE]: JSON.stringify(values) };
}

/** Fabric's packages for the service are no part of the workspace: nobody else needs them. Installed on first use. */
export async function installServicePackages(): Promise<boolean> {
  if (existsSync(join(FOLDER, 'node_modules', 'fabric-shim'))) return false;
  await run('npm', ['ci', '--no-audit', '--no-fund'], {}, FOLDER);
  return true;
}
