/** Asks a peer's gateway to have a transaction endorsed by all that the policy names, and sends it nowhere. */
import { createPrivateKey } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { connect, type Gateway, hash, signers } from '@hyperledger/fabric-gateway';
import { HOST, type Layout, type OrganisationPlace, type PeerPlace } from './layout.ts';

const DEADLINE_MS = 10_000;

export class EndorsementProbe {
  readonly #client: grpc.Client;
  readonly #gateway: Gateway;
  readonly #channel: string;
  readonly #contract: string;

  constructor(layout: Layout, organisation: OrganisationPlace & { peer: PeerPlace }) {
    const { channel, contract } = layout.settings;
    this.#channel = channel;
    this.#contract = contract;
    const root = readFileSync(layout.node(organisation, 'peer0', 'tls', 'ca.crt'));
    this.#client = new grpc.Client(`${HOST}:${organisation.peer.port}`, grpc.credentials.createSsl(root), {
      'grpc.ssl_target_name_override': 'localhost',
    });
    const msp = layout.admin(organisation);
    this.#gateway = connect({
      client: this.#client,
      hash: hash.sha256,
      identity: { mspId: organisation.mspId, credentials: readFileSync(onlyFile(join(msp, 'signcerts'))) },
      signer: signers.newPrivateKeySigner(createPrivateKey(readFileSync(onlyFile(join(msp, 'keystore'))))),
      endorseOptions: () => ({ deadline: Date.now() + DEADLINE_MS }),
    });
  }

  /** @throws what the gateway says, as long as it cannot be had. */
  async endorse(): Promise<void> {
    const contract = this.#gateway.getNetwork(this.#channel).getContract(this.#contract);
    await contract.newProposal('listDers', { arguments: ['{"limit":1}'] }).endorse();
  }

  close(): void {
    this.#gateway.close();
    this.#client.close();
  }
}

function onlyFile(folder: string): string {
  return join(folder, readdirSync(folder)[0] ?? '');
}
