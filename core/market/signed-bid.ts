/**
 * Step 3 · What a device signs of its bid. Everybody on the ledger may check the signature, and nobody there may learn
 * the price: signed are the public part in clear and a commitment to the rest. Whoever holds the whole bid can open
 * the commitment; who does not cannot guess it, because 128 secret bits are in it.
 */
import { canonicalJson } from '../canonical-json.ts';
import { sha256Hex } from '../digest.ts';
import {
  type PublicKey,
  type Signature,
  type Signer,
  signatureHolds,
  signed,
  signedBytes,
} from '../signing.ts';
import type { Bid } from './messages.ts';

const DOMAIN = 'fieldbid/bid/v2';
const COMMITMENT_DOMAIN = 'fieldbid/bid-private/v1';

/** Of a bid, what stands on the ledger in clear. */
const PUBLIC = [
  'uid',
  'derId',
  'deraId',
  'deviceIds',
  'intervalId',
  'product',
  'sequence',
  'quantity_W',
] as const satisfies readonly (keyof Bid)[];
const NOT_PRIVATE: ReadonlySet<string> = new Set([...PUBLIC, 'blind', 'signature']);

/** What the signature is over. */
export type SignedClaim = Pick<Bid, (typeof PUBLIC)[number]> & { readonly commitment: string };

/**
 * SHA-256 over domain ‖ blind ‖ canonical JSON of what is not public: prices, what was measured, times.
 * @returns undefined for a bid without its blind, which is an unsigned one.
 */
export function commitmentOf(bid: Bid): string | undefined {
  if (bid.blind === undefined) return undefined;
  const hidden = Object.fromEntries(Object.entries(bid).filter(([key]) => !NOT_PRIVATE.has(key)));
  return sha256Hex([COMMITMENT_DOMAIN, bid.blind, canonicalJson(hidden)].join('\n'));
}

/** The public part with the commitment, of a bid or of what the ledger was told of one. */
export function signedClaimOf(bid: Omit<SignedClaim, 'commitment'>, commitment: string): SignedClaim {
  const { uid, derId, deraId, deviceIds, intervalId, product, sequence, quantity_W } = bid;
  return { uid, derId, deraId, deviceIds, intervalId, product, sequence, quantity_W, commitment };
}

export async function signBid(signer: Signer, bid: Bid): Promise<Bid> {
  // As JSON will carry it: what is signed is what arrives.
  const plain = JSON.parse(JSON.stringify(bid)) as Bid;
  const blinded = { ...plain, blind: await blindFor(signer, plain) };
  const claim = signedClaimOf(blinded, commitmentOf(blinded) ?? '');
  return { ...blinded, signature: await signed(signer, DOMAIN, claim) };
}

/**
 * A signature that nobody ever sees is as secret as the key, and with a deterministic signer (RFC 6979) the same in
 * every run of one seed.
 */
async function blindFor(signer: Signer, bid: Bid): Promise<string> {
  return sha256Hex(await signer.sign(signedBytes('fieldbid/blind/v1', bid))).slice(0, 32);
}

/** Never throws for what others send. */
export function claimSignatureHolds(key: PublicKey, claim: SignedClaim, signature: Signature): boolean {
  return signatureHolds(key, DOMAIN, claim, signature);
}

export function bidSignatureHolds(key: PublicKey, bid: Bid): boolean {
  const commitment = commitmentOf(bid);
  if (commitment === undefined || bid.signature === undefined) return false;
  return claimSignatureHolds(key, signedClaimOf(bid, commitment), bid.signature);
}
