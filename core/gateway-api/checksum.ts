/**
 * M23 · The checksum that ties a raw off-chain record to the ledger (step 5 and every later revision). Salted,
 * because quantities and prices have few possible values: an unsalted hash of them could be guessed.
 */
import { canonicalJson } from '../canonical-json.ts';
import { hmacSha256Hex, sha256Hex } from '../digest.ts';
import { type RawBidRecord, SALT } from './schemas.ts';

const DOMAIN = 'fieldbid/raw-record/v1';

/** Gives the salt of a bid's revision. */
export type SaltFor = (uid: string, revision: number) => string;

/**
 * SHA-256 over domain ‖ uid ‖ revision ‖ salt ‖ canonical JSON of the raw record, one per line. The parts
 * before the record hold no line break (hex and digits), so no two inputs give the same bytes.
 * @param salt hex, at least 128 bit.
 * @throws RangeError for a salt that is too short or not hex: a programming error, never input.
 */
export function recordChecksum(record: RawBidRecord, salt: string): string {
  if (!new RegExp(SALT).test(salt)) throw new RangeError('a salt is at least 32 lower-case hex digits');
  return sha256Hex([DOMAIN, record.bid.uid, record.revision, salt, canonicalJson(record)].join('\n'));
}

/**
 * Salts that follow from a seed, so that two scenario runs write the same bytes. Only as secret as the seed:
 * a deployment uses random salts.
 */
export function seededSalts(seed: number | string): SaltFor {
  return (uid, revision) => hmacSha256Hex(`fieldbid/salt/v1\n${seed}`, `${uid}\n${revision}`).slice(0, 32);
}
