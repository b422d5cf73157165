/** Channel and contract of a bench network, by Fabric's own commands (`osnadmin`, `peer lifecycle chaincode`). */
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import { EndorsementProbe } from './endorsement-probe.ts';
import { HOST, type Layout, type OrganisationPlace, type PeerPlace } from './layout.ts';
import { type Programs, run } from './programs.ts';

type WithPeer = OrganisationPlace & { peer: PeerPlace };

/** A version of the contract on the channel. */
export interface Version {
  readonly label: string;
  readonly packageId: string;
  /** Counts the definitions of the contract on its channel, from 1. */
  readonly sequence: number;
  /** Which of the two service ports it has. */
  readonly slot: 0 | 1;
}

const RETRY_MS = 250;
const PATIENCE_MS = 60_000;

export class Lifecycle {
  readonly #layout: Layout;
  readonly #programs: Programs;

  constructor(layout: Layout, programs: Programs) {
    this.#layout = layout;
    this.#programs = programs;
  }

  async joinChannel(block: string): Promise<void> {
    const layout = this.#layout;
    const { channel } = layout.settings;
    const [ca, cert, key] = ['ca.crt', 'server.crt', 'server.key'].map((name) =>
      layout.ordererNode('tls', name),
    );
    const said = await run(this.#programs.osnadmin, [
      ...['channel', 'join', '--channelID', channel, '--config-block', block],
      ...['-o', `${HOST}:${layout.orderer.adminPort}`],
      ...['--ca-file', ca ?? '', '--client-cert', cert ?? '', '--client-key', key ?? ''],
    ]);
    // It ends with 0 whatever the orderer answered.
    if (!/Status: 201/.test(said)) throw new FieldbidError('FABRIC_FAILED', `osnadmin channel join: ${said}`);
    await this.#each((organisation) => this.#peer(organisation, ['channel', 'join', '-b', block]));
  }

  async install(packageFile: string): Promise<void> {
    await this.#each((organisation) =>
      this.#peer(organisation, ['lifecycle', 'chaincode', 'install', packageFile]),
    );
  }

  /** Approved by every organisation that has a peer, then committed. */
  async define({ label, packageId, sequence }: Version): Promise<void> {
    const layout = this.#layout;
    const { channel, contract, policy } = layout.settings;
    const definition = [
      ...['--channelID', channel, '--name', contract, '--version', label, '--sequence', `${sequence}`],
      ...['--signature-policy', policy],
      ...['-o', `${HOST}:${layout.orderer.port}`, '--tls', '--cafile', layout.ordererNode('tls', 'ca.crt')],
    ];
    for (const organisation of layout.withPeers) {
      const approve = ['lifecycle', 'chaincode', 'approveformyorg', ...definition, '--package-id', packageId];
      // At first the orderer has no leader yet.
      await patiently(() => this.#peer(organisation, approve), /leader|SERVICE_UNAVAILABLE/);
    }
    const peers = layout.withPeers.flatMap((organisation) => [
      ...['--peerAddresses', `${HOST}:${organisation.peer.port}`],
      ...['--tlsRootCertFiles', layout.node(organisation, 'peer0', 'tls', 'ca.crt')],
    ]);
    const [first] = layout.withPeers;
    if (first === undefined) throw new RangeError('a network has at least one peer');
    // A peer may not have the other's approval in its ledger yet.
    await patiently(
      () => this.#peer(first, ['lifecycle', 'chaincode', 'commit', ...definition, ...peers]),
      /not agreed to by|ENDORSEMENT_POLICY|ProposalResponsePayloads do not match/,
    );
  }

  /**
   * Resolves when each peer answers by the contract, and can have all the organisations of the policy endorse: it has
   * learnt of their peers, and of the contract at them.
   */
  async untilEndorsed(): Promise<void> {
    await this.#each(async (organisation) => {
      const probe = new EndorsementProbe(this.#layout, organisation);
      try {
        await patiently(() => probe.endorse(), /./);
      } finally {
        probe.close();
      }
    });
  }

  /** Of the contract's definition on the channel. */
  async committedSequence(): Promise<number> {
    const { channel, contract } = this.#layout.settings;
    const [first] = this.#layout.withPeers;
    if (first === undefined) throw new RangeError('a network has at least one peer');
    const query = ['lifecycle', 'chaincode', 'querycommitted', '--channelID', channel, '--name', contract];
    return Number(/Sequence: (\d+)/.exec(await this.#peer(first, query))?.[1] ?? Number.NaN);
  }

  /** Blocks of the channel at an organisation's peer. */
  async height(organisation: WithPeer): Promise<number> {
    const said = await this.#peer(organisation, ['channel', 'getinfo', '-c', this.#layout.settings.channel]);
    return Number(/"height":(\d+)/.exec(said)?.[1] ?? Number.NaN);
  }

  async #each(work: (organisation: WithPeer) => Promise<unknown>): Promise<void> {
    await Promise.all(this.#layout.withPeers.map(work));
  }

  /** The `peer` program as the organisation's administrator, speaking to its own peer. */
  #peer(organisation: WithPeer, args: readonly string[]): Promise<string> {
    const layout = this.#layout;
    return run(this.#programs.peer, args, {
      FABRIC_CFG_PATH: layout.path(organisation.key),
      CORE_PEER_LOCALMSPID: organisation.mspId,
      CORE_PEER_MSPCONFIGPATH: layout.admin(organisation),
      CORE_PEER_ADDRESS: `${HOST}:${organisation.peer.port}`,
      CORE_PEER_TLS_ENABLED: 'true',
      CORE_PEER_TLS_ROOTCERT_FILE: layout.node(organisation, 'peer0', 'tls', 'ca.crt'),
    });
  }
}

/** Tries again while the failure is one that passes. */
async function patiently(work: () => Promise<unknown>, passing: RegExp): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!passing.test(messageOf(error)) || performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
