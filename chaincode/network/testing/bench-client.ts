/** The least that speaks to a network by its connection profile, for tests of the network itself. */
import { readFileSync } from 'node:fs';
import { Client, credentials } from '@grpc/grpc-js';
import { type Contract, connect, type Gateway, hash } from '@hyperledger/fabric-gateway';
import type { ConnectionProfile } from '../connection-profile.ts';
import { FabricWallet } from '../wallet.ts';

export class BenchClient {
  readonly #profile: ConnectionProfile;
  readonly #wallet: FabricWallet;
  readonly #client: Client;
  readonly #gateways: Gateway[] = [];

  constructor(profile: ConnectionProfile) {
    const [peer] = profile.peers;
    if (peer === undefined) throw new RangeError('a profile names a peer');
    this.#profile = profile;
    this.#wallet = new FabricWallet(profile);
    this.#client = new Client(peer.address, credentials.createSsl(readFileSync(peer.tlsCaFile)), {
      'grpc.ssl_target_name_override': peer.tlsServerName ?? '',
      'grpc.max_reconnect_backoff_ms': 500,
    });
  }

  async submit(deraId: string, transaction: string, argument: unknown): Promise<void> {
    const contract = await this.#contract(deraId);
    await contract.submitTransaction(transaction, JSON.stringify(argument));
  }

  async derIds(): Promise<string[]> {
    const contract = await this.#contract('north');
    const answer = await contract.evaluateTransaction('listDers', '{}');
    const { ders } = JSON.parse(Buffer.from(answer).toString('utf8')) as { ders: { derId: string }[] };
    return ders.map(({ derId }) => derId);
  }

  close(): void {
    for (const gateway of this.#gateways) gateway.close();
    this.#client.close();
  }

  async #contract(deraId: string): Promise<Contract> {
    const identity = await this.#wallet.identity({ mspId: 'DeraMSP', role: 'dera', deraId });
    const gateway = connect({
      client: this.#client,
      hash: hash.sha256,
      identity: { mspId: identity.mspId, credentials: Buffer.from(identity.certificate) },
      signer: identity.signer,
    });
    this.#gateways.push(gateway);
    return gateway.getNetwork(this.#profile.channel).getContract(this.#profile.contract);
  }
}
