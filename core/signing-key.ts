/**
 * A signer whose key is in memory. Deterministic (RFC 6979): the same key and bytes give the same signature, so that
 * a run of the bench repeats byte for byte.
 */
import { hkdfSync } from 'node:crypto';
import { p256 } from '@noble/curves/nist.js';
import { keyIdOf, type PublicKey, type Signer } from './signing.ts';

/** A new private key, 32 bytes, from the system's random numbers. */
export function newSecretKey(): Uint8Array {
  return p256.utils.randomSecretKey();
}

/** @param secret private key, 32 bytes big-endian. @throws RangeError when it is none of P-256. */
export function softwareSigner(secret: Uint8Array): Signer {
  if (!p256.utils.isValidSecretKey(secret)) throw new RangeError('no private key of P-256');
  // 0x04 ‖ x ‖ y (SEC 1, 2.3.3)
  const point = Buffer.from(p256.getPublicKey(secret, false));
  const coordinate = (from: number): string => point.subarray(from, from + 32).toString('base64url');
  const publicKey: PublicKey = { kty: 'EC', crv: 'P-256', x: coordinate(1), y: coordinate(33) };
  return {
    publicKey,
    keyId: keyIdOf(publicKey),
    sign: async (bytes) => p256.sign(bytes, secret, { lowS: true }),
  };
}

/** For the bench: the key follows from seed and name, and is only as secret as the seed. */
export function seededSigner(seed: number | string, name: string): Signer {
  // 48 bytes: reduced to the order of the curve without bias (FIPS 186-5, A.2.1).
  const bytes = hkdfSync('sha256', `${seed}`, 'fieldbid/seeded-signer/v1', name, 48);
  return softwareSigner(p256.utils.randomSecretKey(new Uint8Array(bytes)));
}
