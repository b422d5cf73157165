/**
 * Integer watts shared pro rata (decision A3): nobody gets more than its claim, the parts add up exactly, and
 * the result does not depend on the order in which the claims are listed.
 */
import { sha256Hex } from '../digest.ts';

export interface Claim {
  readonly id: string;
  readonly quantity_W: number;
}

/**
 * Splits `total_W` over the claims in proportion to their quantities. Each gets the whole part of its share;
 * the watts left over go one each, in the order of SHA-256 over (salt, id), to claims that can still take one.
 * @param salt varies the order of the remainder from interval to interval, so that it favours nobody.
 * @returns id → W, one entry per claim.
 * @throws RangeError when the total exceeds the claims, a quantity is no integer >= 0, or an id is repeated.
 */
export function splitProRata(total_W: number, claims: readonly Claim[], salt: string): Map<string, number> {
  const claimed_W = claims.reduce((sum, claim) => sum + claim.quantity_W, 0);
  if (!Number.isSafeInteger(total_W) || total_W < 0 || !Number.isSafeInteger(claimed_W)) {
    throw new RangeError(`cannot split ${total_W} W over claims of ${claimed_W} W: integers >= 0 are needed`);
  }
  if (total_W > claimed_W) throw new RangeError(`cannot split ${total_W} W: only ${claimed_W} W are claimed`);
  const parts = new Map<string, number>();
  for (const { id, quantity_W } of claims) {
    if (!Number.isSafeInteger(quantity_W) || quantity_W < 0) {
      throw new RangeError(`the claim of ${id}, ${quantity_W} W, is no integer >= 0`);
    }
    if (parts.has(id)) throw new RangeError(`two claims are called ${id}`);
    // Products of two quantities exceed 2^53: exact in BigInt.
    const share = claimed_W === 0 ? 0n : (BigInt(total_W) * BigInt(quantity_W)) / BigInt(claimed_W);
    parts.set(id, Number(share));
  }
  let left_W = total_W - [...parts.values()].reduce((sum, part) => sum + part, 0);
  if (left_W === 0) return parts;
  const order = claims
    .map((claim) => ({ claim, key: sha256Hex(`${salt}\n${claim.id}`) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const { claim } of order) {
    if (left_W === 0) break;
    const part = parts.get(claim.id) ?? 0;
    if (part >= claim.quantity_W) continue;
    parts.set(claim.id, part + 1);
    left_W--;
  }
  return parts;
}
