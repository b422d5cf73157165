/**
 * The ledger on Hyperledger Fabric 2.5, through the gateway service of the organisations' peers: the same contract, run
 * by each organisation beside its own peer (M4). Each identity uses its own organisation's peer where the profile has
 * one; who has heard of a commit from one peer finds it at every other.
 */
import { createPublicKey, verify as verifySignature } from 'node:crypto';
import {
  type ConnectionProfile,
  readConnectionProfile,
} from '@fieldbid/chaincode/network/connection-profile';
import { FabricWallet, type WalletIdentity } from '@fieldbid/chaincode/network/wallet';
import type { TransactionName } from '@fieldbid/chaincode/transactions/execute';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import type { LedgerEvent } from '@fieldbid/core/gateway-api/schemas';
import { StatusCode, type Transaction } from '@hyperledger/fabric-gateway';
import { common, gateway as gatewayProtos, msp, peer as peerProtos } from '@hyperledger/fabric-protos';
import { positionOf } from '../checkpoint.ts';
import type {
  Committed,
  Endorsement,
  Evaluated,
  IdentityName,
  Ledger,
  LedgerIdentity,
  LedgerReport,
  Refusal,
  TransactionStatus,
} from '../ledger.ts';
import { type PayloadSource, payloadLine } from '../payload-lines.ts';
import { VALID } from './blocks.ts';
import { type BlockSource, blocksFrom, eventsFrom } from './events.ts';
import {
  faultOf,
  isRefusedByOrderer,
  refusalsIn,
  sawDifferentStates,
  textOf,
  unavailable,
} from './failures.ts';
import { FabricPeer } from './peer.ts';
import { verifyChannel } from './verify.ts';

/** A commit is sent again until this long after the first try, real ms. */
const COMMIT_MS = 60_000;
const COMMIT_RETRY_MS = 200;
/** How long organisations may see different states before it is said, real ms. */
const AGREE_MS = 3000;
const AGREE_RETRY_MS = 40;
/** How long a walk over all blocks waits for a peer that can go on, real ms. */
const WALK_PATIENCE_MS = 30_000;

export class FabricLedger implements Ledger, PayloadSource {
  readonly #profile: ConnectionProfile;
  readonly #wallet: FabricWallet;
  readonly #peers: readonly FabricPeer[];
  readonly #closing = new AbortController();
  /** The newest block that anybody here has heard of. */
  #seen = -1;

  private constructor(profile: ConnectionProfile, wallet: FabricWallet, peers: readonly FabricPeer[]) {
    this.#profile = profile;
    this.#wallet = wallet;
    this.#peers = peers;
  }

  /**
   * Nothing is asked of the network yet: it may still be starting.
   * @param file connection profile. @throws InputError for what is wrong with it or its files.
   */
  static async open(file: string): Promise<FabricLedger> {
    const profile = readConnectionProfile(file);
    const wallet = new FabricWallet(profile);
    const peers = profile.peers.map((one) => new FabricPeer(one, profile, () => wallet.anyOf(one.mspId)));
    return new FabricLedger(profile, wallet, peers);
  }

  async identity({ mspId, role, deraId }: IdentityName): Promise<LedgerIdentity> {
    const name = deraId === undefined ? { mspId, role } : { mspId, role, deraId };
    const { certificate } = await this.#wallet.identity(name);
    return { ...name, certificate };
  }

  async endorse(
    identity: LedgerIdentity,
    transaction: TransactionName,
    payload: string,
  ): Promise<Endorsement> {
    const signer = this.#wallet.withCertificate(identity.certificate);
    const peer = this.#peerFor(signer.mspId);
    await peer.reach(this.#seen);
    const until = performance.now() + AGREE_MS;
    for (;;) {
      try {
        const proposal = peer.contract(signer).newProposal(transaction, { arguments: [payload] });
        return await this.#endorsed(peer, signer, await proposal.endorse());
      } catch (error) {
        const refusal = finalRefusal(error, peer.mspId);
        const late = performance.now() > until;
        if (refusal !== undefined && (refusal.final || late))
          return { outcome: 'refused', refusal: refusal.refusal };
        if (refusal === undefined && !sawDifferentStates(error))
          throw faultOf(`${transaction} is not endorsed`, error);
        if (late) throw conflict('the organisations do not come to the same result', error);
      }
      await new Promise((resolve) => setTimeout(resolve, AGREE_RETRY_MS));
    }
  }

  async commit(endorsed: Uint8Array): Promise<Committed> {
    const { txId, mspId } = requireWhole(endorsed);
    const peer = this.#peerFor(mspId);
    const transaction = restore(await peer.readerGateway(), endorsed);
    const until = performance.now() + COMMIT_MS;
    for (let tries = 0; ; tries++) {
      const committed = await this.#sendOnce(txId, transaction, tries > 0);
      if (committed !== undefined) {
        this.#heardOf(peer, committed.block);
        return committed;
      }
      if (performance.now() > until) {
        const what = `it is not known whether ${txId} is committed: the network did not say within ${COMMIT_MS / 1000} s`;
        throw new FieldbidError('OUTCOME_UNKNOWN', what, {
          retryable: true,
          details: { outcomeUnknown: true },
        });
      }
      await new Promise((resolve) => setTimeout(resolve, COMMIT_RETRY_MS));
    }
  }

  async status(txId: string): Promise<TransactionStatus> {
    const found = await this.#outcomeOf(txId);
    if (found === undefined) return 'unknown';
    return found.code === StatusCode.VALID ? 'committed' : 'rejected';
  }

  async evaluate(
    identity: LedgerIdentity,
    transaction: TransactionName,
    payload: string,
  ): Promise<Evaluated> {
    const signer = this.#wallet.withCertificate(identity.certificate);
    const peer = this.#peerFor(signer.mspId);
    await peer.reach(this.#seen);
    try {
      const result = await peer.contract(signer).evaluate(transaction, { arguments: [payload] });
      return { outcome: 'answered', result: Buffer.from(result).toString('utf8') };
    } catch (error) {
      const [found] = refusalsIn(error);
      if (found !== undefined) return { outcome: 'refused', refusal: found.refusal };
      throw faultOf(`${transaction} is not answered`, error);
    }
  }

  async *events(
    after: string | undefined,
    signal: AbortSignal,
    until?: string,
  ): AsyncGenerator<LedgerEvent, void> {
    await this.#requireKnown(after);
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    yield* eventsFrom(this.#source, after, ended, until);
  }

  async head(): Promise<string> {
    const heights = await Promise.allSettled(this.#peers.map((peer) => peer.newestBlock()));
    const known = heights.flatMap((height) => (height.status === 'fulfilled' ? [height.value] : []));
    if (known.length > 0) return String(Math.max(...known));
    const [first] = heights;
    throw first?.status === 'rejected' ? first.reason : unavailable('the ledger has no peer', undefined);
  }

  async *payloads(): AsyncGenerator<string, void> {
    const last = positionOf(await this.head()).block;
    const walking = blocksFrom(this.#source, 0, this.#closing.signal, WALK_PATIENCE_MS);
    for await (const { number, transactions } of walking) {
      for (const { validationCode, call, event = null, writes } of transactions) {
        if (validationCode !== VALID || call === undefined) continue;
        const written = writes.map(([key, value]): [string, string] => [key, value ?? '']);
        yield payloadLine({ ...call, event, writes: written });
      }
      if (number >= last) return;
    }
  }

  async verify(): Promise<LedgerReport> {
    const identity = await this.#wallet.anyOf(this.#peers[0]?.mspId ?? '');
    return verifyChannel({
      profile: this.#profile,
      source: this.#source,
      signal: this.#closing.signal,
      patience_ms: WALK_PATIENCE_MS,
      head: async () => positionOf(await this.head()).block,
      evaluate: (name, payload) => this.evaluate({ ...identity, role: 'operator' }, name, payload),
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const peer of this.#peers) peer.close();
  }

  get #source(): BlockSource {
    const onBlock = (block: number): void => {
      this.#seen = Math.max(this.#seen, block);
    };
    return { peers: this.#peers, contract: this.#profile.contract, onBlock };
  }

  async #endorsed(peer: FabricPeer, signer: WalletIdentity, transaction: Transaction): Promise<Endorsement> {
    const signature = await signer.signer(transaction.getDigest());
    const signed = peer.gateway(signer).newSignedTransaction(transaction.getBytes(), signature);
    return {
      outcome: 'endorsed',
      txId: transaction.getTransactionId(),
      result: Buffer.from(transaction.getResult()).toString('utf8'),
      bytes: signed.getBytes(),
    };
  }

  /**
   * @param sentBefore whether it may be on its way already: then a refusal to take it again says nothing.
   * @returns undefined when it is not known yet what became of it: then it may be sent again.
   */
  async #sendOnce(
    txId: string,
    transaction: Transaction,
    sentBefore: boolean,
  ): Promise<Committed | undefined> {
    try {
      const submitted = await transaction.submit();
      const { code, blockNumber } = await submitted.getStatus();
      if (code !== StatusCode.DUPLICATE_TXID) return outcome(txId, code, Number(blockNumber));
    } catch (error) {
      if (error instanceof FieldbidError) throw error;
      // Of a transaction that was taken, or perhaps was, only its block says what became of it.
      if (!sentBefore && isRefusedByOrderer(error)) throw refusedByOrderer(txId, error);
    }
    const found = await this.#outcomeOf(txId).catch(() => undefined);
    return found === undefined ? undefined : outcome(txId, found.code, found.block);
  }

  /** Verdict and block of a transaction that is in one; undefined: in none that a peer here knows. */
  async #outcomeOf(txId: string): Promise<{ code: number; block: number } | undefined> {
    const { channel } = this.#profile;
    let fault: unknown;
    let answered = false;
    for (const peer of this.#peers) {
      try {
        const transaction = await peer.query('GetTransactionByID', channel, txId);
        const block = common.Block.deserializeBinary(await peer.query('GetBlockByTxID', channel, txId));
        return {
          code: peerProtos.ProcessedTransaction.deserializeBinary(transaction).getValidationcode(),
          block: block.getHeader()?.getNumber() ?? -1,
        };
      } catch (error) {
        // This one may be behind: another may have it.
        if (/no such transaction ID/i.test(textOf(error))) answered = true;
        else fault = error;
      }
    }
    if (answered) return undefined;
    throw faultOf('no peer says what became of a transaction', fault);
  }

  #heardOf(peer: FabricPeer, block: number): void {
    this.#seen = Math.max(this.#seen, block);
    peer.saw(block);
  }

  #peerFor(mspId: string): FabricPeer {
    const own = this.#peers.find((peer) => peer.mspId === mspId);
    return own ?? (this.#peers[0] as FabricPeer);
  }

  async #requireKnown(after: string | undefined): Promise<void> {
    if (after === undefined) return;
    const { block } = positionOf(after);
    if (block <= this.#seen) return;
    const head = await this.head();
    if (block <= positionOf(head).block) return;
    throw new FieldbidError(
      'CHECKPOINT_UNKNOWN',
      `the ledger ends with block ${head}; ${after} is of another ledger`,
    );
  }
}

/**
 * The contract's refusal in a failed endorsement. Only the peer that was asked first, the gateway's own, is known to be
 * up to date: another organisation's may refuse because it has not got the last block yet.
 */
function finalRefusal(error: unknown, ownMspId: string): { refusal: Refusal; final: boolean } | undefined {
  const found = refusalsIn(error);
  const own = found.find(({ mspId }) => mspId === undefined || mspId === ownMspId);
  const [any] = found;
  if (own !== undefined) return { refusal: own.refusal, final: true };
  return any === undefined ? undefined : { refusal: any.refusal, final: false };
}

function outcome(txId: string, code: number | undefined, block: number): Committed | undefined {
  switch (code) {
    case undefined:
      return undefined;
    case StatusCode.VALID:
      return { txId, block };
    case StatusCode.MVCC_READ_CONFLICT:
    case StatusCode.PHANTOM_READ_CONFLICT:
      throw conflict('what the transaction read has changed meanwhile');
    default:
      throw rejected(`its block holds it as ${nameOf(code)}`);
  }
}

function nameOf(code: number): string {
  return Object.entries(StatusCode).find(([, value]) => value === code)?.[0] ?? `code ${code}`;
}

/**
 * The bytes come back from somebody's store: they are sent only when the creator's signature stands over them, which
 * an orderer would check too, but say no more of than that it does not like them.
 */
function requireWhole(bytes: Uint8Array): { txId: string; mspId: string } {
  try {
    const prepared = gatewayProtos.PreparedTransaction.deserializeBinary(bytes);
    const envelope = prepared.getEnvelope();
    const payload = envelope?.getPayload_asU8() ?? new Uint8Array();
    const header = common.Payload.deserializeBinary(payload).getHeader();
    const channelHeader = common.ChannelHeader.deserializeBinary(
      header?.getChannelHeader_asU8() ?? new Uint8Array(),
    );
    const creator = common.SignatureHeader.deserializeBinary(
      header?.getSignatureHeader_asU8() ?? new Uint8Array(),
    ).getCreator_asU8();
    const identity = msp.SerializedIdentity.deserializeBinary(creator);
    const key = createPublicKey(Buffer.from(identity.getIdBytes_asU8()));
    if (!verifySignature('sha256', payload, key, envelope?.getSignature_asU8() ?? new Uint8Array())) {
      throw new RangeError('its creator did not sign it');
    }
    if (channelHeader.getTxId() !== prepared.getTransactionId()) throw new RangeError('it has another id');
    return { txId: channelHeader.getTxId(), mspId: identity.getMspid() };
  } catch (error) {
    throw rejected(messageOf(error));
  }
}

function restore(
  gateway: { newTransaction(bytes: Uint8Array): Transaction },
  bytes: Uint8Array,
): Transaction {
  try {
    return gateway.newTransaction(bytes);
  } catch (error) {
    throw rejected(messageOf(error));
  }
}

function refusedByOrderer(txId: string, error: unknown): FieldbidError {
  return rejected(`the orderer refuses ${txId}: ${textOf(error)}`, error);
}

function conflict(why: string, cause?: unknown): FieldbidError {
  return new FieldbidError('LEDGER_CONFLICT', why, { cause, retryable: true });
}

function rejected(why: string, cause?: unknown): FieldbidError {
  return new FieldbidError('LEDGER_REJECTED', `the transaction cannot be committed: ${why}`, { cause });
}
