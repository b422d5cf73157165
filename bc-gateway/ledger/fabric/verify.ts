/**
 * Walks a channel as a peer hands it out: numbers, hashes, signatures, endorsements of every block, then what all
 * writes of the contract come to, against what its queries answer. A peer checks the same before it commits; this
 * checks that peer. Every difference is named; the walk goes on.
 */
import { createHash, createPublicKey, type KeyObject, verify as verifySignature } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { holderOf, requireIssued } from '@fieldbid/chaincode/identity/x509';
import type { ConnectionProfile } from '@fieldbid/chaincode/network/connection-profile';
import type { TransactionName } from '@fieldbid/chaincode/transactions/execute';
import { BidPage, DerPage } from '@fieldbid/chaincode/transactions/payloads';
import { type StoredBid, statesOf } from '@fieldbid/chaincode/transactions/state';
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { describeFound, messageOf } from '@fieldbid/core/errors';
import { parse } from '@fieldbid/core/schema';
import type { Static, TSchema } from 'typebox';
import type { Evaluated, LedgerFinding, LedgerReport } from '../ledger.ts';
import { type ParsedBlock, type ParsedTransaction, type SignedBy, VALID } from './blocks.ts';
import { type BlockSource, blocksFrom } from './events.ts';

export interface ChannelToVerify {
  readonly profile: ConnectionProfile;
  readonly source: BlockSource;
  readonly signal: AbortSignal;
  /** How long to wait for a peer that can go on, real ms. */
  readonly patience_ms: number;
  /** Number of the newest block. */
  readonly head: () => Promise<number>;
  readonly evaluate: (name: TransactionName, payload: string) => Promise<Evaluated>;
}

/** @throws FieldbidError only when the channel cannot be read. */
export async function verifyChannel(channel: ChannelToVerify): Promise<LedgerReport> {
  const { profile, head, evaluate } = channel;
  const walk = new ChannelWalk(profile);
  await walkTo(await head(), channel, walk);
  const answers = await answersOf(evaluate);
  // What was written while the contract was asked may be answered as before or as after: not compared.
  walk.noteWrites();
  await walkTo(await head(), channel, walk);
  walk.compare(answers);
  return walk.report();
}

async function walkTo(
  last: number,
  { source, signal, patience_ms }: ChannelToVerify,
  walk: ChannelWalk,
): Promise<void> {
  if (walk.next > last) return;
  for await (const block of blocksFrom(source, walk.next, signal, patience_ms)) {
    await walk.block(block);
    if (block.number >= last) break;
  }
}

/** What the contract's queries answer, by the key that it is stored under. */
async function answersOf(evaluate: ChannelToVerify['evaluate']): Promise<Map<string, string>> {
  const answers = new Map<string, string>();
  for await (const page of pages(evaluate, 'listDers', DerPage)) {
    for (const entry of page.ders) answers.set(`der~${entry.derId}`, canonicalJson(entry));
  }
  for await (const page of pages(evaluate, 'listBids', BidPage)) {
    for (const state of page.bids) {
      const key = `bid~${state.uid}`;
      const before = answers.get(key);
      answers.set(key, `${before === undefined ? '' : `${before}\n`}${canonicalJson(state)}`);
    }
  }
  return answers;
}

export class ChannelWalk {
  readonly #authorities: ReadonlyMap<string, string>;
  readonly #endorsers: readonly string[];
  readonly #findings: LedgerFinding[] = [];
  /** What the contract's writes so far come to. */
  readonly #replayed = new Map<string, string>();
  /** Keys of certificates that their organisation has issued; undefined: it has not. */
  readonly #members = new Map<string, { key: KeyObject; ou: string } | string>();
  #touched: Set<string> | undefined;
  #blocks = 0;
  #transactions = 0;
  #previousHash: Uint8Array = new Uint8Array();

  constructor({ organisations, endorsers = [] }: Pick<ConnectionProfile, 'organisations' | 'endorsers'>) {
    this.#authorities = new Map(
      organisations.map(({ mspId, caFile }) => [mspId, readFileSync(caFile, 'utf8')]),
    );
    this.#endorsers = endorsers;
  }

  async block(block: ParsedBlock): Promise<void> {
    const { number, previousHash, dataHash, data } = block;
    const where = `block ${number}`;
    this.#same('BLOCK_NUMBER', where, number, this.#blocks);
    this.#same('BLOCK_CHAIN', where, hex(previousHash), hex(this.#previousHash));
    // Block data are hashed as they stand one after the other (Fabric 2.5, protoutil.BlockDataHash).
    this.#same('BLOCK_HASH', where, hex(sha256(Buffer.concat(data))), hex(dataHash));
    this.#previousHash = headerHash(number, previousHash, dataHash);
    this.#blocks = number + 1;
    for (const { index, reason } of block.unreadable) {
      this.#add('TRANSACTION_UNREADABLE', `transaction ${number}.${index}`, reason, 'a transaction');
    }
    for (const transaction of block.transactions) {
      if (transaction.validationCode === VALID)
        await this.#transaction(transaction, `transaction ${number}.${transaction.index}`);
    }
  }

  /** Number of the block that comes next. */
  get next(): number {
    return this.#blocks;
  }

  /** From now on, keys that are written are not compared. */
  noteWrites(): void {
    this.#touched = new Set();
  }

  /** What all writes come to, with what the contract answers. */
  compare(answers: ReadonlyMap<string, string>): void {
    for (const [key, value] of this.#replayed) {
      if (!/^(der|bid)~/.test(key) || this.#touched?.has(key)) continue;
      const expected = key.startsWith('bid~') ? statesText(value) : value;
      const found = answers.get(key);
      if (found === undefined) this.#add('STATE_MISSING', `state ${key}`, 'nothing', describeFound(expected));
      else this.#same('STATE_VALUE', `state ${key}`, found, expected);
    }
    for (const key of answers.keys()) {
      if (this.#replayed.has(key) || this.#touched?.has(key)) continue;
      this.#add('STATE_EXTRA', `state ${key}`, 'an entry', 'none: no transaction wrote it');
    }
  }

  report(): LedgerReport {
    return { blocks: this.#blocks, transactions: this.#transactions, findings: this.#findings };
  }

  async #transaction(transaction: ParsedTransaction, where: string): Promise<void> {
    const { creator, endorsements, writes } = transaction;
    // Of another contract, the lifecycle's: the channel's own business.
    if (endorsements.length === 0) return;
    this.#transactions++;
    await this.#signed('SIGNATURE', where, creator);
    const by: string[] = [];
    for (const endorsement of endorsements) {
      const ou = await this.#signed('ENDORSEMENT', where, endorsement);
      if (ou === 'peer') by.push(endorsement.mspId);
    }
    const missing = this.#endorsers.filter((mspId) => !by.includes(mspId));
    if (missing.length > 0) this.#add('POLICY', where, by.join(' '), this.#endorsers.join(' '));
    for (const [key, value] of writes) {
      this.#touched?.add(key);
      if (value === undefined) this.#replayed.delete(key);
      else this.#replayed.set(key, value);
    }
  }

  /** @returns the signer's organisational unit, when the signature holds. */
  async #signed(kind: string, where: string, by: SignedBy): Promise<string | undefined> {
    const member = await this.#member(by);
    if (typeof member === 'string') {
      this.#add(kind, where, member, `a certificate of ${by.mspId}`);
      return undefined;
    }
    if (verifySignature('sha256', by.signed, member.key, by.signature)) return member.ou;
    this.#add(kind, where, 'a signature that does not hold', `one by ${by.mspId}`);
    return undefined;
  }

  async #member({ mspId, certificate }: SignedBy): Promise<{ key: KeyObject; ou: string } | string> {
    const name = `${mspId} ${certificate}`;
    const known = this.#members.get(name);
    if (known !== undefined) return known;
    const member = await this.#readMember(mspId, certificate);
    this.#members.set(name, member);
    return member;
  }

  async #readMember(mspId: string, certificate: string): Promise<{ key: KeyObject; ou: string } | string> {
    const authority = this.#authorities.get(mspId);
    if (authority === undefined) return `${mspId} is no organisation of the profile`;
    try {
      await requireIssued(certificate, authority);
      return { key: createPublicKey(certificate), ou: holderOf(certificate).ou };
    } catch (error) {
      return messageOf(error);
    }
  }

  #same(kind: string, where: string, found: string | number, expected: string | number): void {
    if (found !== expected) this.#add(kind, where, describeFound(found), describeFound(expected));
  }

  #add(kind: string, where: string, found: string, expected: string): void {
    this.#findings.push({ kind, where, found, expected });
  }
}

async function* pages<T extends TSchema>(
  evaluate: ChannelToVerify['evaluate'],
  name: TransactionName,
  schema: T,
): AsyncGenerator<Static<T>, void> {
  for (let after: string | null | undefined; after !== null; ) {
    const evaluated = await evaluate(name, canonicalJson(after === undefined ? {} : { after }));
    if (evaluated.outcome === 'refused')
      throw new RangeError(`${name} is refused: ${evaluated.refusal.message}`);
    const page = parse(schema, JSON.parse(evaluated.result), `ledger, ${name}`);
    yield page;
    after = (page as { next: string | null }).next;
  }
}

/** A stored bid as its states are answered. */
function statesText(value: string): string {
  try {
    return statesOf(JSON.parse(value) as StoredBid)
      .map((state) => canonicalJson(state))
      .join('\n');
  } catch (error) {
    return `unreadable: ${messageOf(error)}`;
  }
}

/** SHA-256 of the header as ASN.1 SEQUENCE of number, previous hash and data hash (Fabric 2.5, protoutil.BlockHeaderHash). */
function headerHash(number: number, previousHash: Uint8Array, dataHash: Uint8Array): Uint8Array {
  const body = Buffer.concat([der(0x02, integer(number)), der(0x04, previousHash), der(0x04, dataHash)]);
  return sha256(der(0x30, body));
}

/** Lengths below 128, which these are. */
function der(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
}

/** Two's complement, as short as can be. */
function integer(value: number): Buffer {
  const hexDigits = value.toString(16);
  const bytes = Buffer.from(hexDigits.length % 2 === 0 ? hexDigits : `0${hexDigits}`, 'hex');
  return ((bytes[0] ?? 0) & 0x80) === 0 ? bytes : Buffer.concat([Buffer.from([0]), bytes]);
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
