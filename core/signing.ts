/**
 * Signatures of devices over bids (step 3) and readings (step 1): ECDSA on P-256 with SHA-256 (FIPS 186-5), over a
 * domain and canonical JSON, so that a signature for one purpose is none for another. Low-S only (of two values that
 * hold, one counts), as r ‖ s. Verified by Node's own crypto; made by whatever keeps the key (`Signer`).
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { canonicalJson } from './canonical-json.ts';
import { messageOf } from './errors.ts';

const closed = { additionalProperties: false } as const;
const COORDINATE = '^[A-Za-z0-9_-]{43}$';

/** A public key on P-256 as JWK (RFC 7518, 6.2.1), its required members only. */
export const PublicKey = Type.Object(
  {
    kty: Type.Literal('EC'),
    crv: Type.Literal('P-256'),
    x: Type.String({ pattern: COORDINATE }),
    y: Type.String({ pattern: COORDINATE }),
  },
  closed,
);
export type PublicKey = Static<typeof PublicKey>;

/** SHA-256 thumbprint of a public key (RFC 7638), base64url. */
export const KeyId = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' });

export const Signature = Type.Object(
  {
    keyId: KeyId,
    /** r ‖ s, 64 bytes, base64url. */
    value: Type.String({ pattern: '^[A-Za-z0-9_-]{86}$' }),
  },
  closed,
);
export type Signature = Static<typeof Signature>;

/** What is signed: text before the JSON that no other purpose uses. */
export type SigningDomain =
  | 'fieldbid/bid/v2'
  | 'fieldbid/blind/v1'
  | 'fieldbid/reading/v1'
  | 'fieldbid/enrolment/v1'
  | 'fieldbid/rotation/v1';

/** Keeps a private key: a file (edge-agent/attestation), a TPM, a secure element. */
export interface Signer {
  readonly publicKey: PublicKey;
  readonly keyId: string;
  /** ECDSA with SHA-256 over the bytes: r ‖ s, 64 bytes, low-S. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** Half the order of P-256 (SP 800-186, 3.2.1.3), big-endian: s above it is the other spelling of a signature. */
const HALF_ORDER = Buffer.from('7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8', 'hex');

/** @see RFC 7638, 3.2: the required members in lexicographic order, without white space. */
export function keyIdOf({ crv, kty, x, y }: PublicKey): string {
  return createHash('sha256').update(canonicalJson({ crv, kty, x, y })).digest('base64url');
}

/** The bytes that stand for a value in a domain. @throws TypeError for what is no JSON. */
export function signedBytes(domain: SigningDomain, value: unknown): Uint8Array {
  return Buffer.from(`${domain}\n${canonicalJson(value)}`);
}

export async function signed(signer: Signer, domain: SigningDomain, value: unknown): Promise<Signature> {
  const bytes = await signer.sign(signedBytes(domain, value));
  return { keyId: signer.keyId, value: Buffer.from(bytes).toString('base64url') };
}

/** Whether the signature is this key's, over this value, in its one spelling. Never throws for what others send. */
export function signatureHolds(
  key: PublicKey,
  domain: SigningDomain,
  value: unknown,
  signature: Signature,
): boolean {
  const bytes = Buffer.from(signature.value, 'base64url');
  const oneSpelling = bytes.length === 64 && bytes.toString('base64url') === signature.value;
  if (!oneSpelling || bytes.subarray(32).compare(HALF_ORDER) > 0 || signature.keyId !== keyIdOf(key))
    return false;
  const found = keyObject(key);
  if (found === undefined) return false;
  return verify('sha256', signedBytes(domain, value), { key: found, dsaEncoding: 'ieee-p1363' }, bytes);
}

/** Why a public key cannot be used: its point is not on the curve. Undefined when it can. */
export function keyFault(key: PublicKey): string | undefined {
  try {
    createPublicKey({ key, format: 'jwk' });
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

const MOST_KEYS = 10_000;
const keyObjects = new Map<string, KeyObject>();

/** Keys are few and come with every bid. */
function keyObject(key: PublicKey): KeyObject | undefined {
  const id = keyIdOf(key);
  let found = keyObjects.get(id);
  if (found === undefined && keyFault(key) === undefined) {
    found = createPublicKey({ key, format: 'jwk' });
    if (keyObjects.size >= MOST_KEYS) keyObjects.clear();
    keyObjects.set(id, found);
  }
  return found;
}
