/**
 * M9 · The device keys of DERs: made known by the DERA with the device's own signature, passed on when both keys sign,
 * ended by DERA or DSO. From the first on, every bid of the DER has to carry its key's signature.
 */
import { canonicalJson } from '@fieldbid/core/canonical-json';
import type { DerKeys, RegistryEntry } from '@fieldbid/core/gateway-api/schemas';
import { bidKeyNamed } from '@fieldbid/core/market/bid-keys';
import { claimSignatureHolds, signedClaimOf } from '@fieldbid/core/market/signed-bid';
import { keyFault, keyIdOf, type PublicKey, signatureHolds } from '@fieldbid/core/signing';
import { DSO_MSP, requireDera, requireDso } from './access.ts';
import type { TransactionContext } from './context.ts';
import { keys } from './keys.ts';
import type { BidClaim, EnrolKey, RevokeKey, RotateKey } from './payloads.ts';
import { Refused } from './refusal.ts';
import { ownDer, requireKnownDera } from './registry.ts';
import { loadDer, save } from './state.ts';

/** A device gets a new key now and then; more than this many were never ended. */
const MOST_REVOKED = 1000;

/** The code that the device knew is between it and its DERA: the proof is kept as part of what was signed. */
export async function enrolKey(ctx: TransactionContext, request: EnrolKey): Promise<RegistryEntry> {
  const { derId, deraId, deviceIds, publicKey, signature } = request;
  await requireKnownDera(ctx, deraId);
  const entry = await ownDer(ctx, derId, deraId);
  if (canonicalJson([...deviceIds].sort()) !== canonicalJson([...entry.deviceIds].sort())) {
    throw new Refused('WRONG_DEVICES', `${derId} enrols with other devices than it registered.`, { derId });
  }
  if (entry.keys !== null && entry.keys.current !== null) {
    throw new Refused('ALREADY_ENROLLED', `${derId} has a key: rotate or revoke it.`, {
      derId,
      found: keyIdOf(entry.keys.current),
    });
  }
  requireUsable(publicKey, entry);
  const { signature: _, ...claim } = request;
  if (!signatureHolds(publicKey, 'fieldbid/enrolment/v1', claim, signature)) {
    throw new Refused('BAD_SIGNATURE', `The key that ${derId} enrols did not sign for it.`, { derId });
  }
  return saveKeys(
    ctx,
    entry,
    { current: publicKey, previous: null, revoked: entry.keys?.revoked ?? [] },
    'DerKeyEnrolled',
  );
}

export async function rotateKey(
  ctx: TransactionContext,
  { request, graceInterval }: RotateKey,
): Promise<RegistryEntry> {
  const { derId, deraId, oldKeyId, publicKey, oldSignature, newSignature } = request;
  await requireKnownDera(ctx, deraId);
  const entry = await ownDer(ctx, derId, deraId);
  const old = entry.keys?.current ?? null;
  if (old === null || keyIdOf(old) !== oldKeyId) {
    throw new Refused('UNKNOWN_KEY', `${oldKeyId} is not the key of ${derId}.`, {
      derId,
      found: oldKeyId,
      expected: old === null ? 'no key' : keyIdOf(old),
    });
  }
  requireUsable(publicKey, entry);
  const { oldSignature: _, newSignature: __, ...rotation } = request;
  for (const [whose, key, signature] of [
    ['old', old, oldSignature],
    ['new', publicKey, newSignature],
  ] as const) {
    if (!signatureHolds(key, 'fieldbid/rotation/v1', rotation, signature)) {
      throw new Refused('BAD_SIGNATURE', `The ${whose} key of ${derId} did not sign for the rotation.`, {
        derId,
      });
    }
  }
  const previous = graceInterval === null ? null : { publicKey: old, intervalId: graceInterval };
  return saveKeys(
    ctx,
    entry,
    { current: publicKey, previous, revoked: entry.keys?.revoked ?? [] },
    'DerKeyRotated',
  );
}

/** The DER cannot bid from then on, until another key is enrolled; this one never is again. */
export async function revokeKey(ctx: TransactionContext, { derId }: RevokeKey): Promise<RegistryEntry> {
  const entry = await loadDer(ctx, derId);
  if (entry === undefined) throw new Refused('NOT_REGISTERED', `${derId} is not registered.`, { derId });
  if (ctx.caller.mspId === DSO_MSP) requireDso(ctx.caller);
  else requireDera(ctx.caller, entry.deraId);
  if (entry.keys === null || entry.keys.current === null) {
    throw new Refused('UNKNOWN_KEY', `${derId} has no key.`, { derId });
  }
  const revoked = [...entry.keys.revoked, keyIdOf(entry.keys.current)].slice(-MOST_REVOKED);
  return saveKeys(ctx, entry, { current: null, previous: null, revoked }, 'DerKeyRevoked');
}

/** @returns thumbprint of the key that signed; null for a DER that was never enrolled. */
export function checkBidSignature(
  der: RegistryEntry,
  intervalId: string,
  { uid, derId, signature, commitment, ...claim }: BidClaim,
): string | null {
  const { keys: known, deraId } = der;
  // Nobody can say here whose signature it may carry: it is in the raw record, for those who can.
  if (known === null) return null;
  if (signature === undefined) {
    throw new Refused('UNSIGNED', `${derId} is enrolled: its bids are signed by its key.`, { uid, derId });
  }
  const key = bidKeyNamed(known, signature.keyId, intervalId);
  if (key === undefined) {
    throw new Refused(
      'UNKNOWN_KEY',
      `The bid of ${derId} is signed by no key that it has for ${intervalId}.`,
      {
        uid,
        derId,
        found: signature.keyId,
      },
    );
  }
  const signed = signedClaimOf({ ...claim, uid, derId, deraId, intervalId }, commitment ?? '');
  if (claimSignatureHolds(key, signed, signature)) return signature.keyId;
  throw new Refused('BAD_SIGNATURE', `The key of ${derId} did not sign this bid.`, { uid, derId });
}

function requireUsable(publicKey: PublicKey, { derId, keys: known }: RegistryEntry): void {
  if (known?.revoked.includes(keyIdOf(publicKey)) === true) {
    throw new Refused('REVOKED_KEY', `The key of ${derId} was revoked: it needs another one.`, {
      derId,
      found: keyIdOf(publicKey),
    });
  }
  const fault = keyFault(publicKey);
  if (fault === undefined) return;
  // What the library says of it may differ from endorser to endorser: it stays out of the answer.
  throw new Refused('BAD_KEY', `The key of ${derId} is no point of P-256.`, { derId });
}

async function saveKeys(
  ctx: TransactionContext,
  entry: RegistryEntry,
  derKeys: DerKeys,
  event: string,
): Promise<RegistryEntry> {
  const next: RegistryEntry = { ...entry, keys: derKeys, revision: entry.revision + 1 };
  await save(ctx, keys.der(entry.derId), next);
  ctx.setEvent(event, canonicalJson({ deraId: entry.deraId, derId: entry.derId }));
  return next;
}
