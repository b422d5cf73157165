/** One peer of the network as the gateway uses it: a connection, a Fabric gateway for each identity, its height. */
import { readFileSync } from 'node:fs';
import type { ConnectionProfile } from '@fieldbid/chaincode/network/connection-profile';
import type { WalletIdentity } from '@fieldbid/chaincode/network/wallet';
import { FieldbidError } from '@fieldbid/core/errors';
import { Client, credentials } from '@grpc/grpc-js';
import { type Contract, connect, type Gateway, hash, type Network } from '@hyperledger/fabric-gateway';
import { common } from '@hyperledger/fabric-protos';
import { faultOf } from './failures.ts';

/** As a peer's own limit; gRPC's 4 MiB would refuse a large batch of bids. */
const LARGEST_MESSAGE_BYTES = 100 * 1024 * 1024;
/** Real ms. The contract may work for long on a large batch; its peers end it after as long. */
const ENDORSE_MS = 60_000;
const EVALUATE_MS = 30_000;
const SUBMIT_MS = 10_000;
const COMMIT_STATUS_MS = 15_000;
/** How long a peer may take to have a block that another has, real ms. */
const CATCH_UP_MS = 5000;
const CATCH_UP_POLL_MS = 15;

export class FabricPeer {
  readonly mspId: string;
  readonly #client: Client;
  readonly #channel: string;
  readonly #contract: string;
  readonly #gateways = new Map<string, Gateway>();
  /** Identity to ask about the ledger itself with. */
  readonly #reader: () => Promise<WalletIdentity>;
  /** The newest block that it is known to have. */
  #block = -1;

  constructor(
    { mspId, address, tlsCaFile, tlsServerName }: ConnectionProfile['peers'][number],
    { channel, contract }: Pick<ConnectionProfile, 'channel' | 'contract'>,
    reader: () => Promise<WalletIdentity>,
  ) {
    this.mspId = mspId;
    this.#channel = channel;
    this.#contract = contract;
    this.#reader = reader;
    this.#client = new Client(address, credentials.createSsl(readFileSync(tlsCaFile)), {
      ...(tlsServerName === undefined ? {} : { 'grpc.ssl_target_name_override': tlsServerName }),
      'grpc.max_receive_message_length': LARGEST_MESSAGE_BYTES,
      'grpc.max_send_message_length': LARGEST_MESSAGE_BYTES,
      // A peer that is started again is found within seconds.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.keepalive_time_ms': 60_000,
      'grpc.keepalive_timeout_ms': 10_000,
    });
  }

  gateway(identity: WalletIdentity): Gateway {
    const known = this.#gateways.get(identity.certificate);
    if (known !== undefined) return known;
    const gateway = connect({
      client: this.#client,
      hash: hash.sha256,
      identity: { mspId: identity.mspId, credentials: Buffer.from(identity.certificate) },
      signer: identity.signer,
      evaluateOptions: () => ({ deadline: Date.now() + EVALUATE_MS }),
      endorseOptions: () => ({ deadline: Date.now() + ENDORSE_MS }),
      submitOptions: () => ({ deadline: Date.now() + SUBMIT_MS }),
      commitStatusOptions: () => ({ deadline: Date.now() + COMMIT_STATUS_MS }),
    });
    this.#gateways.set(identity.certificate, gateway);
    return gateway;
  }

  contract(identity: WalletIdentity): Contract {
    return this.gateway(identity).getNetwork(this.#channel).getContract(this.#contract);
  }

  async network(): Promise<Network> {
    return this.gateway(await this.#reader()).getNetwork(this.#channel);
  }

  async readerGateway(): Promise<Gateway> {
    return this.gateway(await this.#reader());
  }

  /** Number of its newest block. @throws FieldbidError `LEDGER_UNAVAILABLE`. */
  async newestBlock(): Promise<number> {
    try {
      const info = common.BlockchainInfo.deserializeBinary(await this.query('GetChainInfo', this.#channel));
      this.saw(info.getHeight() - 1);
      return info.getHeight() - 1;
    } catch (error) {
      throw faultOf(`the peer of ${this.mspId} does not say its height`, error);
    }
  }

  /** Asks the peer's own query contract. @throws GatewayError. */
  async query(name: string, ...args: string[]): Promise<Uint8Array> {
    const network = await this.network();
    return network.getContract('qscc').evaluateTransaction(name, ...args);
  }

  /** It has this block. */
  saw(block: number): void {
    this.#block = Math.max(this.#block, block);
  }

  /**
   * Resolves when it has a block that another peer is known to have: who has heard of a commit must find it here.
   * @throws FieldbidError `LEDGER_UNAVAILABLE` when it does not get it in time.
   */
  async reach(block: number): Promise<void> {
    const until = performance.now() + CATCH_UP_MS;
    while (this.#block < block) {
      if ((await this.newestBlock()) >= block) return;
      if (performance.now() > until) {
        throw new FieldbidError(
          'LEDGER_UNAVAILABLE',
          `the peer of ${this.mspId} is at block ${this.#block} and does not get block ${block}`,
          { retryable: true },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, CATCH_UP_POLL_MS));
    }
  }

  close(): void {
    for (const gateway of this.#gateways.values()) gateway.close();
    this.#client.close();
  }
}
