/**
 * The ledger in one process, for benches and small markets: the contract on SQLite. A transaction is signed
 * by its creator, executed and endorsed by every organisation of the policy, checked against what changed
 * meanwhile, and committed as one block, hash-chained to the one before, in one SQLite transaction.
 *
 * It proves who did what and that nothing was edited afterwards. It does not protect against whoever owns
 * the folder and all its keys and writes a whole new chain: that is what Fabric's separate peers are for.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isTransaction, TRANSACTIONS, type TransactionName } from '@fieldbid/chaincode/transactions/execute';
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { sha256Hex } from '@fieldbid/core/digest';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import type { LedgerEvent } from '@fieldbid/core/gateway-api/schemas';
import { SqliteDatabase, type SqliteOptions } from '@fieldbid/core/sqlite/database';
import { checkpointOf } from '../checkpoint.ts';
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
import {
  type Block,
  type Effects,
  endorsedText,
  type Genesis,
  type OrganisationEndorsement,
  type Proposal,
  proposalText,
  type StoredBlock,
  storedBlock,
  type Transaction,
  txIdOf,
} from './block.ts';
import { signatureHolds, Trust } from './certificates.ts';
import { EventFeed } from './events.ts';
import { executeProposal } from './execution.ts';
import { ReadWriteLock } from './lock.ts';
import { readTransaction } from './transaction.ts';
import { verifyChain } from './verify.ts';
import { Wallet } from './wallet.ts';
import { MIGRATIONS, WorldState } from './world-state.ts';

export interface EmbeddedLedgerOptions {
  /** Folder of the chain (`ledger.sqlite`) and the keys (`keys/`). Made when absent. */
  readonly dir: string;
  /** Market time, epoch ms: what transactions say as their time. */
  readonly now: () => number;
  readonly channel?: string;
  /** Organisations that may issue identities. Fixed by the first start. */
  readonly organisations?: readonly string[];
  /** Organisations that all endorse every transaction. Fixed by the first start. */
  readonly policy?: readonly string[];
  /** `power` by default: a commit survives a power cut. */
  readonly durability?: SqliteOptions['durability'];
}

const ORGANISATIONS = ['DeraMSP', 'DsoMSP', 'IsoMSP', 'OperatorMSP'];
/** A query has no transaction and no id. */
const QUERY = '';
const POLICY = ['DeraMSP', 'DsoMSP'];
const PAGE_BLOCKS = 100;

type Endorsed = { ok: true; transaction: Transaction } | { ok: false; refusal: Refusal };

export class EmbeddedLedger implements Ledger, PayloadSource {
  readonly #db: SqliteDatabase;
  readonly #state: WorldState;
  readonly #wallet: Wallet;
  readonly #genesis: Genesis;
  readonly #trust: Trust;
  readonly #now: () => number;
  readonly #lock = new ReadWriteLock();
  readonly #feed: EventFeed;
  #last: StoredBlock;

  private constructor(
    db: SqliteDatabase,
    state: WorldState,
    wallet: Wallet,
    genesis: Genesis,
    last: StoredBlock,
    now: () => number,
  ) {
    this.#db = db;
    this.#state = state;
    this.#wallet = wallet;
    this.#genesis = genesis;
    this.#trust = new Trust(genesis.organisations);
    this.#last = last;
    this.#now = now;
    this.#feed = new EventFeed(state, () => this.#last.number);
  }

  /** @throws FieldbidError `STORE_IN_USE`, `STORE_FAILED`, `LEDGER_FOREIGN` when the keys are of another chain. */
  static async open(options: EmbeddedLedgerOptions): Promise<EmbeddedLedger> {
    mkdirSync(options.dir, { recursive: true, mode: 0o700 });
    const db = await SqliteDatabase.open(join(options.dir, 'ledger.sqlite'), MIGRATIONS, {
      durability: options.durability ?? 'power',
    });
    try {
      const state = new WorldState(db);
      const organisations = options.organisations ?? ORGANISATIONS;
      const wallet = await Wallet.open(join(options.dir, 'keys'), organisations);
      let first = (await state.blocksFrom(0, 1))[0];
      if (first === undefined) {
        first = storedBlock(genesisBlock(options, wallet));
        await state.commit(first, [], []);
      }
      const genesis = genesisOf(options.dir, first);
      checkKeys(options.dir, genesis, wallet);
      const last = (await state.lastBlock()) ?? first;
      return new EmbeddedLedger(db, state, wallet, genesis, last, options.now);
    } catch (error) {
      await db.close();
      throw error;
    }
  }

  async identity(name: IdentityName): Promise<LedgerIdentity> {
    return this.#wallet.identity(name);
  }

  async endorse(
    identity: LedgerIdentity,
    transaction: TransactionName,
    payload: string,
  ): Promise<Endorsement> {
    requireKind(transaction, true);
    const proposal = this.#proposal(identity, transaction, payload);
    const text = proposalText(proposal);
    const signature = this.#wallet.sign(identity.certificate, text);
    const endorsed = await this.#lock.shared(() => this.#endorse(proposal, text, signature));
    if (!endorsed.ok) return { outcome: 'refused', refusal: endorsed.refusal };
    const { txId, effects } = endorsed.transaction;
    const bytes = Buffer.from(canonicalJson(endorsed.transaction));
    return { outcome: 'endorsed', txId, result: effects.response, bytes };
  }

  async commit(endorsed: Uint8Array): Promise<Committed> {
    // The bytes come back from somebody's store: they are believed for their signatures only.
    const transaction = readTransaction(this.#genesis, this.#trust, endorsed);
    return this.#lock.exclusive(async () => {
      const { txId } = transaction;
      const before = await this.#state.blockOf(txId);
      return { txId, block: before ?? (await this.#commit(transaction)) };
    });
  }

  /** A conflict leaves no trace here: the transaction stays unknown, and would conflict again. */
  async status(txId: string): Promise<TransactionStatus> {
    const block = await this.#lock.shared(() => this.#state.blockOf(txId));
    return block === undefined ? 'unknown' : 'committed';
  }

  async evaluate(
    identity: LedgerIdentity,
    transaction: TransactionName,
    payload: string,
  ): Promise<Evaluated> {
    requireKind(transaction, false);
    const { caller } = this.#trust.memberOf(identity.certificate);
    const proposal = this.#proposal(identity, transaction, payload);
    const executed = await this.#lock.shared(() => executeProposal(this.#state, caller, proposal, QUERY));
    if (!executed.ok) return { outcome: 'refused', refusal: executed.refusal };
    return { outcome: 'answered', result: executed.effects.response };
  }

  events(after: string | undefined, signal: AbortSignal, until?: string): AsyncIterable<LedgerEvent> {
    return this.#feed.events(after, signal, until);
  }

  async head(): Promise<string> {
    return checkpointOf({ block: this.#last.number, tx: 0 });
  }

  async *payloads(): AsyncGenerator<string, void> {
    const last = this.#last.number;
    for (let next = 0; next <= last; ) {
      const page = await this.#state.blocksFrom(next, PAGE_BLOCKS);
      for (const { number, data } of page) {
        for (const { proposal, effects } of (JSON.parse(data) as Block).transactions) {
          yield payloadLine({ ...proposal, ...effects });
        }
        next = number + 1;
      }
      if (page.length === 0) return;
    }
  }

  verify(): Promise<LedgerReport> {
    return this.#lock.shared(() => verifyChain(this.#state, this.#genesis));
  }

  async close(): Promise<void> {
    this.#feed.close();
    // Whatever is being committed is committed first.
    await this.#lock.exclusive(() => this.#db.close());
  }

  #proposal(identity: LedgerIdentity, transaction: string, payload: string): Proposal {
    return {
      channel: this.#genesis.channel,
      creator: identity.certificate,
      transaction,
      payload,
      at_ms: this.#now(),
      nonce: randomBytes(24).toString('hex'),
    };
  }

  /** Every organisation of the policy executes it by itself; their effects have to be the same bytes. */
  async #endorse(proposal: Proposal, proposed: string, signature: string): Promise<Endorsed> {
    const { caller, publicKey } = this.#trust.memberOf(proposal.creator);
    if (!signatureHolds(publicKey, proposed, signature)) {
      throw new FieldbidError('CERTIFICATE_INVALID', 'the proposal is not signed by its creator');
    }
    const txId = txIdOf(proposed);
    const endorsements: OrganisationEndorsement[] = [];
    let agreed: { effects: Effects; text: string } | undefined;
    for (const mspId of this.#genesis.policy) {
      const executed = await executeProposal(this.#state, caller, proposal, txId);
      if (!executed.ok) return executed;
      const text = endorsedText(txId, executed.effects);
      agreed ??= { effects: executed.effects, text };
      if (agreed.text !== text) {
        throw new FieldbidError(
          'NOT_DETERMINISTIC',
          `${proposal.transaction} came to different effects at ${mspId}: the contract is at fault`,
        );
      }
      const certificate = await this.#wallet.endorser(mspId);
      endorsements.push({ certificate, signature: this.#wallet.sign(certificate, text) });
    }
    if (agreed === undefined) throw new RangeError('an endorsement policy names at least one organisation');
    const { effects } = agreed;
    return { ok: true, transaction: { txId, proposal, signature, effects, endorsements } };
  }

  /** @returns the number of the block. */
  async #commit(transaction: Transaction): Promise<number> {
    const { effects } = transaction;
    for (const [key, version] of effects.reads) {
      if ((await this.#state.versionOf(key)) !== version) throw conflict(key);
    }
    for (const [from, to, digest] of effects.ranges) {
      if ((await this.#state.digestOf(from, to)) !== digest) throw conflict(from);
    }
    const number = this.#last.number + 1;
    const block = storedBlock({
      number,
      previousHash: this.#last.hash,
      genesis: null,
      transactions: [transaction],
    });
    const version = checkpointOf({ block: number, tx: 0 });
    await this.#state.commit(
      block,
      [transaction.txId],
      effects.writes.map(([key, value]) => ({ key, value, version })),
    );
    this.#last = block;
    this.#feed.wake();
    return number;
  }
}

function genesisBlock(options: EmbeddedLedgerOptions, wallet: Wallet): Block {
  const genesis: Genesis = {
    channel: options.channel ?? 'der-market',
    policy: options.policy ?? POLICY,
    organisations: wallet.authorities,
  };
  return { number: 0, previousHash: '', genesis, transactions: [] };
}

function genesisOf(dir: string, first: StoredBlock): Genesis {
  try {
    const { genesis } = JSON.parse(first.data) as Block;
    if (genesis !== null && sha256Hex(first.data) === first.hash) return genesis;
  } catch (error) {
    throw foreign(dir, `block 0 is not readable: ${messageOf(error)}`);
  }
  throw foreign(dir, 'block 0 is no genesis block, or was changed');
}

/** A chain with other keys would refuse every certificate, one by one; better said once, at the start. */
function checkKeys(dir: string, genesis: Genesis, wallet: Wallet): void {
  if (canonicalJson(wallet.authorities) === canonicalJson(genesis.organisations)) return;
  throw foreign(dir, 'the organisations or their keys are not those of the genesis block');
}

function foreign(dir: string, why: string): FieldbidError {
  return new FieldbidError('LEDGER_FOREIGN', `the ledger in ${dir} does not belong with its keys: ${why}`);
}

function conflict(key: string): FieldbidError {
  return new FieldbidError('LEDGER_CONFLICT', 'what the transaction read has changed meanwhile', {
    retryable: true,
    details: { key },
  });
}

function requireKind(transaction: string, writes: boolean): void {
  if (isTransaction(transaction) && TRANSACTIONS[transaction].writes === writes) return;
  throw new RangeError(`${transaction} is not to be ${writes ? 'submitted' : 'evaluated'}`);
}
