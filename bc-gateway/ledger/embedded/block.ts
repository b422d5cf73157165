/**
 * What the embedded ledger's chain is made of. A block is stored as its canonical JSON; its hash is SHA-256
 * of that text, and the next block holds it. Block 0, genesis, holds no transaction but whom to trust.
 */
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { sha256Hex } from '@fieldbid/core/digest';

/** What its creator signed. `payload` is the argument, JSON text. */
export interface Proposal {
  readonly channel: string;
  readonly creator: string;
  readonly transaction: string;
  readonly payload: string;
  readonly at_ms: number;
  /** Makes equal proposals different transactions. */
  readonly nonce: string;
}

/** `block.tx` of the transaction that wrote a key; null for a key that was not there. */
export type Version = string | null;

/** What executing it came to, endorsed by every organisation of the policy. */
export interface Effects {
  readonly reads: readonly (readonly [key: string, version: Version])[];
  /** Ranges read, with a digest of all keys and versions found: a key that appears later is noticed. */
  readonly ranges: readonly (readonly [from: string, to: string, digest: string])[];
  readonly writes: readonly (readonly [key: string, value: string])[];
  readonly event: { readonly name: string; readonly payload: string } | null;
  readonly response: string;
}

export interface OrganisationEndorsement {
  readonly certificate: string;
  readonly signature: string;
}

export interface Transaction {
  readonly txId: string;
  readonly proposal: Proposal;
  readonly signature: string;
  readonly effects: Effects;
  readonly endorsements: readonly OrganisationEndorsement[];
}

export interface Genesis {
  readonly channel: string;
  /** Organisations that all have to endorse a transaction. */
  readonly policy: readonly string[];
  /** Organisation → certificate of its CA, PEM. */
  readonly organisations: Readonly<Record<string, string>>;
}

export interface Block {
  readonly number: number;
  /** Of the block before; empty for block 0. */
  readonly previousHash: string;
  readonly genesis: Genesis | null;
  readonly transactions: readonly Transaction[];
}

/** As stored. */
export interface StoredBlock {
  readonly number: number;
  readonly hash: string;
  readonly data: string;
}

export function storedBlock(block: Block): StoredBlock {
  const data = canonicalJson(block);
  return { number: block.number, hash: sha256Hex(data), data };
}

export function proposalText(proposal: Proposal): string {
  return canonicalJson(proposal);
}

/** A transaction's id follows from its proposal. */
export function txIdOf(proposalText: string): string {
  return sha256Hex(proposalText);
}

/** What an endorser signs. */
export function endorsedText(txId: string, effects: Effects): string {
  return canonicalJson({ txId, effects });
}

export function rangeDigest(found: readonly (readonly [key: string, version: Version])[]): string {
  return sha256Hex(canonicalJson(found));
}
