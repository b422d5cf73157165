/** Where everything of a bench network is: folders, ports, names. All on loopback. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { NetworkSettings } from './settings.ts';

export const HOST = '127.0.0.1';

export interface OrdererPlace {
  readonly domain: string;
  readonly name: string;
  readonly port: number;
  readonly adminPort: number;
  readonly operationsPort: number;
}

export interface OrganisationPlace {
  readonly mspId: string;
  /** Name of its processes and folders: `dera` of `DeraMSP`. */
  readonly key: string;
  readonly domain: string;
  /** Undefined: no peer of its own. */
  readonly peer: PeerPlace | undefined;
}

export interface PeerPlace {
  readonly port: number;
  readonly chaincodePort: number;
  readonly operationsPort: number;
  /** Where the contract's service listens, of the present and of the next version in turn. */
  readonly servicePorts: readonly [number, number];
}

export class Layout {
  readonly settings: NetworkSettings;
  readonly dir: string;
  readonly orderer: OrdererPlace;
  readonly organisations: readonly OrganisationPlace[];

  constructor(dir: string, settings: NetworkSettings) {
    this.dir = dir;
    this.settings = settings;
    const { basePort } = settings;
    this.orderer = {
      domain: 'orderer.market.local',
      name: 'orderer0',
      port: basePort,
      adminPort: basePort + 1,
      operationsPort: basePort + 2,
    };
    this.organisations = settings.organisations.map(({ mspId, peer }, i) => {
      const first = basePort + 10 * (i + 1);
      const key = mspId.replace(/MSP$/, '').toLowerCase();
      const place: PeerPlace = {
        port: first,
        chaincodePort: first + 1,
        operationsPort: first + 2,
        servicePorts: [first + 3, first + 4],
      };
      return { mspId, key, domain: `${key}.market.local`, peer: peer ? place : undefined };
    });
  }

  get withPeers(): (OrganisationPlace & { peer: PeerPlace })[] {
    return this.organisations.filter(
      (one): one is OrganisationPlace & { peer: PeerPlace } => one.peer !== undefined,
    );
  }

  get ports(): number[] {
    const { port, adminPort, operationsPort } = this.orderer;
    const peers = this.withPeers.flatMap(({ peer }) => [
      ...[peer.port, peer.chaincodePort, peer.operationsPort],
      ...peer.servicePorts,
    ]);
    return [port, adminPort, operationsPort, ...peers];
  }

  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }

  crypto(...parts: string[]): string {
    return this.path('crypto', ...parts);
  }

  /** TLS and MSP folders of a node of an organisation: `peer0`, or the contract's `service0`. */
  node({ domain }: OrganisationPlace, name: 'peer0' | 'service0', ...parts: string[]): string {
    return this.crypto('peerOrganizations', domain, 'peers', `${name}.${domain}`, ...parts);
  }

  admin({ domain }: OrganisationPlace): string {
    return this.crypto('peerOrganizations', domain, 'users', `Admin@${domain}`, 'msp');
  }

  /** The bench CA of an organisation: certificate and key. */
  ca({ domain }: OrganisationPlace): { certificateFile: string; keyFile: string } {
    const folder = this.crypto('peerOrganizations', domain, 'ca');
    const key = readdirSync(folder).find((name) => name.endsWith('_sk')) ?? 'priv_sk';
    return { certificateFile: join(folder, `ca.${domain}-cert.pem`), keyFile: join(folder, key) };
  }

  ordererNode(...parts: string[]): string {
    const { domain, name } = this.orderer;
    return this.crypto('ordererOrganizations', domain, 'orderers', `${name}.${domain}`, ...parts);
  }
}
