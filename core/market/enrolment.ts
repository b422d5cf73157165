/**
 * How a device's key becomes known to its DERA: once by a code that a person carries from the one to the other, then
 * from key to key. The code itself never crosses the bus, only a proof of it.
 */
import { hkdfSync } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { canonicalJson } from '../canonical-json.ts';
import { hmacSha256Hex } from '../digest.ts';
import { KeyId, PublicKey, Signature } from '../signing.ts';
import { Id, Sha256 } from './messages.ts';

const closed = { additionalProperties: false } as const;

/** What the code vouches for. */
const Claim = {
  deraId: Id,
  derId: Id,
  deviceIds: Type.Array(Id, { minItems: 1, maxItems: 64 }),
  publicKey: PublicKey,
};

export const EnrolmentClaim = Type.Object(Claim, closed);
export type EnrolmentClaim = Static<typeof EnrolmentClaim>;

/** Agent → DERA. `signature` is the new key's, over everything else (domain `fieldbid/enrolment/v1`). */
export const EnrolmentRequest = Type.Object({ ...Claim, proof: Sha256, signature: Signature }, closed);
export type EnrolmentRequest = Static<typeof EnrolmentRequest>;

const Rotation = { deraId: Id, derId: Id, oldKeyId: KeyId, publicKey: PublicKey };

/** Agent → DERA. Both keys sign everything else (domain `fieldbid/rotation/v1`). */
export const RotationRequest = Type.Object(
  { ...Rotation, oldSignature: Signature, newSignature: Signature },
  closed,
);
export type RotationRequest = Static<typeof RotationRequest>;

export const ENROLMENT_REFUSALS = [
  'MALFORMED',
  'WRONG_AGGREGATOR',
  'NOT_REGISTERED',
  'WRONG_DEVICES',
  'BAD_KEY',
  'BAD_SIGNATURE',
  'NO_CODE',
  'WRONG_CODE',
  'CODE_USED',
  'CODE_EXPIRED',
  'TOO_MANY_TRIES',
  'NOT_ENROLLED',
  'UNKNOWN_KEY',
  'REVOKED_KEY',
] as const;
export type EnrolmentRefusal = (typeof ENROLMENT_REFUSALS)[number];

export const EnrolmentAnswer = Type.Union([
  Type.Object({ accepted: Type.Literal(true), keyId: KeyId }, closed),
  Type.Object(
    { accepted: Type.Literal(false), code: Type.Enum([...ENROLMENT_REFUSALS]), reason: Type.String() },
    closed,
  ),
]);
export type EnrolmentAnswer = Static<typeof EnrolmentAnswer>;

/** 32 characters that are not mistaken for each other: digits and capitals without I, L, O, U (Crockford). */
export const CODE_ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** 20 characters of 5 bits: 100 bits. */
export const CODE_LENGTH = 20;

/** What a person typed, as it was written: hyphens, spaces and small letters are forgiven. Undefined: no code. */
export function normalisedCode(text: string): string | undefined {
  const typed = text.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1');
  return new RegExp(`^[${CODE_ALPHABET}]{${CODE_LENGTH}}$`).test(typed) ? typed : undefined;
}

/** The key of the proof, which is all that the DERA keeps of a code. @param code normalised. */
export function codeKeyOf(code: string, derId: string): string {
  return Buffer.from(hkdfSync('sha256', code, 'fieldbid/enrolment-code/v1', derId, 32)).toString('hex');
}

/** Proof that whoever claims this knows the code. */
export function enrolmentProof(
  codeKey: string,
  { deraId, derId, deviceIds, publicKey }: EnrolmentClaim,
): string {
  const claim = canonicalJson({ deraId, derId, deviceIds, publicKey });
  return hmacSha256Hex(Buffer.from(codeKey, 'hex'), `fieldbid/enrolment-proof/v1\n${claim}`);
}
