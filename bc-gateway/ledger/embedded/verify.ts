/**
 * Walks the chain from genesis: numbers, hashes, ids, signatures, endorsements, versions read; then compares
 * what all writes come to with the world state as stored. Every difference is named; the walk goes on.
 */
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { sha256Hex } from '@fieldbid/core/digest';
import { describeFound, messageOf } from '@fieldbid/core/errors';
import { checkpointOf } from '../checkpoint.ts';
import type { LedgerFinding, LedgerReport } from '../ledger.ts';
import {
  type Block,
  endorsedText,
  type Genesis,
  proposalText,
  type StoredBlock,
  type Transaction,
  txIdOf,
} from './block.ts';
import { signatureHolds, Trust } from './certificates.ts';
import type { StateEntry, WorldState } from './world-state.ts';

const BLOCKS_PER_READ = 50;

export async function verifyChain(state: WorldState, genesis: Genesis): Promise<LedgerReport> {
  const walk = new Walk(genesis);
  for (let next = 0; ; ) {
    const blocks = await state.blocksFrom(next, BLOCKS_PER_READ);
    for (const block of blocks) walk.block(block);
    const last = blocks.at(-1);
    if (last === undefined) break;
    next = last.number + 1;
  }
  for (const { tx_id, block } of await state.transactionIndex()) walk.indexed(tx_id, block);
  for await (const entry of state.range('', '\u007f')) walk.stored(entry);
  return walk.report();
}

class Walk {
  readonly #genesis: Genesis;
  readonly #trust: Trust;
  readonly #findings: LedgerFinding[] = [];
  /** What the writes so far come to. */
  readonly #replayed = new Map<string, StateEntry>();
  /** Transactions seen, and their blocks. */
  readonly #txIds = new Map<string, number>();
  /** Of these, those that the index by id has not named yet. */
  readonly #unindexed = new Set<string>();
  #blocks = 0;
  #previousHash = '';

  constructor(genesis: Genesis) {
    this.#genesis = genesis;
    this.#trust = new Trust(genesis.organisations);
  }

  block(stored: StoredBlock): void {
    const where = `block ${stored.number}`;
    this.#same('BLOCK_NUMBER', where, stored.number, this.#blocks);
    this.#blocks = stored.number + 1;
    const hash = sha256Hex(stored.data);
    this.#same('BLOCK_HASH', where, hash, stored.hash);
    const block = this.#read(stored, where);
    if (block !== undefined) {
      this.#same('BLOCK_NUMBER', where, block.number, stored.number);
      this.#same('BLOCK_CHAIN', where, block.previousHash, this.#previousHash);
      if (stored.number === 0)
        this.#same('GENESIS', where, canonicalJson(block.genesis), canonicalJson(this.#genesis));
      for (const [tx, transaction] of block.transactions.entries()) {
        const version = checkpointOf({ block: stored.number, tx });
        // A finding says what is wrong with this transaction; one of unknown form must not end the walk.
        try {
          this.#transaction(transaction, version, stored.number);
        } catch (error) {
          this.#add('TRANSACTION_UNREADABLE', `transaction ${version}`, messageOf(error), 'a transaction');
        }
      }
    }
    this.#previousHash = stored.hash;
  }

  /** One entry of the world state as stored. */
  stored({ key, value, version }: StateEntry): void {
    const expected = this.#replayed.get(key);
    this.#replayed.delete(key);
    const where = `state ${key}`;
    if (expected === undefined) {
      this.#add('STATE_EXTRA', where, describeFound(value), 'no such key: no transaction wrote it');
      return;
    }
    this.#same('STATE_VALUE', where, value, expected.value);
    this.#same('STATE_VERSION', where, version, expected.version);
  }

  /** One entry of the index of transactions. */
  indexed(txId: string, block: number): void {
    const where = `index ${txId}`;
    if (!this.#unindexed.delete(txId)) this.#add('INDEX_EXTRA', where, `block ${block}`, 'no such entry');
    else this.#same('INDEX_BLOCK', where, block, this.#txIds.get(txId) ?? null);
  }

  report(): LedgerReport {
    for (const txId of this.#unindexed) this.#add('INDEX_MISSING', `index ${txId}`, 'nothing', 'its block');
    for (const { key, value } of this.#replayed.values()) {
      this.#add('STATE_MISSING', `state ${key}`, 'nothing', describeFound(value));
    }
    return { blocks: this.#blocks, transactions: this.#txIds.size, findings: this.#findings };
  }

  #read({ data }: StoredBlock, where: string): Block | undefined {
    try {
      const block = JSON.parse(data) as Block;
      // A member under another name is none: what follows must find it.
      if (!Array.isArray(block.transactions) || block.genesis === undefined) throw new RangeError('no block');
      this.#same('BLOCK_FORM', where, canonicalJson(block), data);
      return block;
    } catch (error) {
      this.#add('BLOCK_UNREADABLE', where, messageOf(error), 'the canonical JSON of a block');
      return undefined;
    }
  }

  #transaction(transaction: Transaction, version: string, block: number): void {
    const { txId, proposal, signature, effects } = transaction;
    const where = `transaction ${version}`;
    const text = proposalText(proposal);
    this.#same('TX_ID', where, txId, txIdOf(text));
    if (this.#txIds.has(txId)) this.#add('TX_TWICE', where, txId, 'each transaction once');
    this.#txIds.set(txId, block);
    this.#unindexed.add(txId);
    this.#signed('SIGNATURE', where, proposal.creator, text, signature);
    this.#endorsed(transaction, where);
    for (const [key, read] of effects.reads) {
      this.#same('READ_VERSION', `${where}, ${key}`, read, this.#replayed.get(key)?.version ?? null);
    }
    for (const [key, value] of effects.writes) this.#replayed.set(key, { key, value, version });
  }

  #endorsed({ txId, effects, endorsements }: Transaction, where: string): void {
    const text = endorsedText(txId, effects);
    const by: string[] = [];
    for (const { certificate, signature } of endorsements) {
      const member = this.#signed('ENDORSEMENT', where, certificate, text, signature);
      if (member?.ou === 'peer') by.push(member.mspId);
    }
    this.#same('POLICY', where, by.join(' '), this.#genesis.policy.join(' '));
  }

  #signed(
    kind: string,
    where: string,
    certificate: string,
    text: string,
    signature: string,
  ): { mspId: string; ou: string } | undefined {
    try {
      const { caller, ou, publicKey } = this.#trust.memberOf(certificate);
      if (signatureHolds(publicKey, text, signature)) return { mspId: caller.mspId, ou };
      this.#add(kind, where, 'a signature that does not hold', `one by ${caller.mspId}/${caller.role}`);
    } catch (error) {
      this.#add(kind, where, messageOf(error), 'a certificate of an organisation of this ledger');
    }
    return undefined;
  }

  #same(kind: string, where: string, found: string | number | null, expected: string | number | null): void {
    if (found !== expected) this.#add(kind, where, describeFound(found), describeFound(expected));
  }

  #add(kind: string, where: string, found: string, expected: string): void {
    this.#findings.push({ kind, where, found, expected });
  }
}
