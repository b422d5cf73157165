/**
 * Integer watts shared pro rata (decision A3): nobody gets more than its claim, the parts add up exactly, and
 * the result does not depend on the order in which the claims are listed.
 */
import { hash } from 'node:crypto';

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
  const parts_W = proRataParts(total_W, claims, salt);
  const parts = new Map(claims.map(({ id }, i) => [id, parts_W[i]!]));
  if (parts.size < claims.length) throw new RangeError(`two claims are called ${repeatedId(claims)}`);
  return parts;
}

/** As `splitProRata`, in the order of the claims. Their ids must be known to differ. */
export function proRataParts(total_W: number, claims: readonly Claim[], salt: string): number[] {
  const claimed_W = claims.reduce((sum, claim) => sum + claim.quantity_W, 0);
  if (!Number.isSafeInteger(total_W) || total_W < 0 || !Number.isSafeInteger(claimed_W)) {
    throw new RangeError(`cannot split ${total_W} W over claims of ${claimed_W} W: integers >= 0 are needed`);
  }
  if (total_W > claimed_W) throw new RangeError(`cannot split ${total_W} W: only ${claimed_W} W are claimed`);
  const parts_W = claims.map(({ id, quantity_W }) => {
    if (!Number.isSafeInteger(quantity_W) || quantity_W < 0) {
      throw new RangeError(`the claim of ${id}, ${quantity_W} W, is no integer >= 0`);
    }
    return wholeShare_W(total_W, quantity_W, claimed_W);
  });
  const left_W = total_W - parts_W.reduce((sum, part_W) => sum + part_W, 0);
  if (left_W > 0) {
    const hashes = claims.map(({ id, quantity_W }, i) =>
      parts_W[i]! < quantity_W ? hash('sha256', `${salt}\n${id}`) : TAKES_NO_MORE,
    );
    const takes = amongFirst(hashes, left_W);
    for (const i of parts_W.keys()) if (takes(i)) parts_W[i]!++;
  }
  return parts_W;
}

/** After every hash in the order of text. */
const TAKES_NO_MORE = 'takes no more';
/** Digits of a hash that a number holds exactly. */
const EXACT_DIGITS = 13;

/** Whether a hash is one of the first `count`: by its leading digits as numbers, which sort many times as fast. */
function amongFirst(hashes: readonly string[], count: number): (i: number) => boolean {
  const leading = Float64Array.from(hashes, (text) =>
    text === TAKES_NO_MORE ? Number.POSITIVE_INFINITY : Number.parseInt(text.slice(0, EXACT_DIGITS), 16),
  );
  const sorted = leading.toSorted();
  const last = sorted[count - 1]!;
  if (sorted[count] !== last) return (i) => leading[i]! <= last;
  // Two hashes that begin alike, one on each side: all of their digits decide.
  const lastHash = hashes.toSorted()[count - 1]!;
  return (i) => hashes[i]! <= lastHash;
}

/** `total · quantity / claimed` without its fraction. */
function wholeShare_W(total_W: number, quantity_W: number, claimed_W: number): number {
  if (claimed_W === 0) return 0;
  const product = total_W * quantity_W;
  // The whole part of a quotient of two safe integers is exact; larger products need BigInt.
  if (Number.isSafeInteger(product)) return Math.floor(product / claimed_W);
  return Number((BigInt(total_W) * BigInt(quantity_W)) / BigInt(claimed_W));
}

/** The first id that stands twice, of claims or of steps. */
export function repeatedId(claims: readonly { readonly id: string }[]): string | undefined {
  const seen = new Set<string>();
  return claims.find(({ id }) => seen.size === seen.add(id).size)?.id;
}
