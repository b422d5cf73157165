/**
 * Step 1, provable · Each reading is signed with the registers that it was read from, and holds the hash of the one
 * before: nobody, its owner included, can later change, remove or insert one without it being seen.
 */
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { sha256Hex } from '@fieldbid/core/digest';
import type { Measurement } from '@fieldbid/core/market/messages';
import { keyIdOf, type PublicKey, type Signer, signatureHolds, signed } from '@fieldbid/core/signing';
import { numbered, type Stamp } from '../uplink/record.ts';

/** Numbers every record; chains and signs measurements. */
export function signingStamp(signer: () => Signer): Stamp {
  return async (record, head) => {
    if (record.kind !== 'measurement') return numbered(record, head);
    // As JSON will carry it: what is signed is what arrives.
    const plain = JSON.parse(JSON.stringify(record.message)) as Record<string, unknown>;
    const content = { ...plain, sequence: head.sequence + 1, previousHash: head.hash };
    const message = { ...content, signature: await signed(signer(), 'fieldbid/reading/v1', content) };
    return { message, hash: readingHash(message) };
  };
}

/** SHA-256 over the canonical JSON of a signed reading, however it arrived. */
function readingHash(reading: object): string {
  const { historical: _, ...signedReading } = reading as { historical?: true };
  return sha256Hex(canonicalJson(signedReading));
}

export type ReadingsVerdict =
  | { readonly holds: true; readonly readings: number; readonly derIds: readonly string[] }
  | {
      readonly holds: false;
      /** The first thing wrong, by DER and number. */
      readonly kind: 'gap' | 'fork' | 'alteration' | 'unsigned';
      readonly derId: string;
      readonly sequence: number | undefined;
      /** A sentence. */
      readonly reason: string;
    };

/**
 * Whether these are the readings that the device signed, all of them between the first and the last, of each DER.
 * @param readings in any order; the same one twice is once.
 * @param keys of the device; several after a rotation.
 */
export function verifyReadings(
  readings: readonly Measurement[],
  keys: readonly PublicKey[],
): ReadingsVerdict {
  const byId = new Map(keys.map((key) => [keyIdOf(key), key]));
  const derIds = [...new Set(readings.map(({ derId }) => derId))].sort();
  let count = 0;
  for (const derId of derIds) {
    const own = readings.filter((reading) => reading.derId === derId);
    const unnumbered = own.find(
      ({ sequence, signature }) => sequence === undefined || signature === undefined,
    );
    if (unnumbered !== undefined) {
      const at = new Date(unnumbered.readAt_ms).toISOString();
      return wrong('unsigned', derId, unnumbered.sequence, `the reading of ${at} is not signed`);
    }
    own.sort((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0));
    let before: Measurement | undefined;
    for (const reading of own) {
      const found = check(reading, before, byId);
      if (found !== undefined) return found;
      if (before?.sequence !== reading.sequence) count++;
      before = reading;
    }
  }
  return { holds: true, readings: count, derIds };
}

function check(
  reading: Measurement,
  before: Measurement | undefined,
  keys: ReadonlyMap<string, PublicKey>,
): ReadingsVerdict | undefined {
  const { derId, sequence = 0, previousHash } = reading;
  const { signature, historical: _, ...content } = reading;
  const key = keys.get(signature?.keyId ?? '');
  if (signature === undefined || key === undefined) {
    return wrong('alteration', derId, sequence, `it is signed by another key (${signature?.keyId})`);
  }
  if (!signatureHolds(key, 'fieldbid/reading/v1', content, signature)) {
    return wrong('alteration', derId, sequence, 'it is not what the key has signed');
  }
  if (before === undefined) return undefined;
  const { sequence: last = 0 } = before;
  if (sequence === last) {
    if (readingHash(reading) === readingHash(before)) return undefined;
    return wrong('fork', derId, sequence, 'the key has signed two readings under this number');
  }
  if (sequence > last + 1) {
    const missing = sequence - last - 1;
    return wrong('gap', derId, last + 1, `${missing} missing: after ${last} comes ${sequence}`);
  }
  if (previousHash === readingHash(before)) return undefined;
  return wrong(
    'fork',
    derId,
    sequence,
    `it does not follow the reading ${last} that is here, but another one`,
  );
}

function wrong(
  kind: 'gap' | 'fork' | 'alteration' | 'unsigned',
  derId: string,
  sequence: number | undefined,
  reason: string,
): ReadingsVerdict {
  return { holds: false, kind, derId, sequence, reason };
}
