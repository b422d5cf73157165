/**
 * Step 7 · What the clearing can make of approved bids (A7). The ISO takes supply from the cheapest up, so an outcome
 * is the first so many of the merit order, and a part of the next; bids of one price are taken together, pro rata.
 * That is n + 1 outcomes and the ways between them, not 2ⁿ. The DSO gets ranks for it, never prices.
 */
import { InputError } from '@fieldbid/core/errors';
import type { Request } from './policy.ts';

/**
 * - `merit-order`: safe whatever the clearing takes of the merit order.
 * - `any-subset`: safe whichever of the bids is taken; for comparison, it costs much.
 * - `none`: only all of them together, as the paper has it.
 */
export const CLEARING_SAFETIES = ['merit-order', 'any-subset', 'none'] as const;
export type ClearingSafety = (typeof CLEARING_SAFETIES)[number];

export interface Outcome {
  /** For people: `first 3 of 12 in merit order`. */
  readonly label: string;
  /** Share of each request that is taken, in the requests' order, 0 … 1. */
  readonly shares: readonly number[];
  /** Between two others: what holds for both ends holds here but for the curvature. */
  readonly between: boolean;
}

/** 2ⁿ outcomes: beyond this nobody waits for them. */
const MOST_FOR_ANY_SUBSET = 12;

/**
 * Every outcome but "nothing is taken", which is the feeder without DER. The first is "all of it".
 * @throws InputError for `any-subset` of more than 12 requests.
 */
export function clearingOutcomes(requests: readonly Request[], safety: ClearingSafety): Outcome[] {
  const all: Outcome = { label: 'all of it', shares: requests.map(() => 1), between: false };
  if (safety === 'none' || requests.length < 2) return [all];
  return safety === 'any-subset' ? [all, ...subsets(requests)] : [all, ...prefixes(requests)];
}

/** Requests by rank, the cheapest first; those of one rank are one group, and those without come last, together. */
export function meritGroups(requests: readonly Request[]): number[][] {
  const groups = new Map<number, number[]>();
  requests.forEach(({ rank = Number.POSITIVE_INFINITY }, i) => {
    groups.set(rank, [...(groups.get(rank) ?? []), i]);
  });
  return [...groups].sort(([a], [b]) => a - b).map(([, members]) => members);
}

function prefixes(requests: readonly Request[]): Outcome[] {
  const groups = meritGroups(requests);
  const outcomes: Outcome[] = [];
  const taken = requests.map(() => 0);
  let count = 0;
  groups.forEach((group, k) => {
    const half = [...taken];
    for (const i of group) half[i] = 0.5;
    const before = count === 0 ? '' : `first ${count} of ${requests.length} in merit order, and `;
    const next = count === 0 ? 'first' : 'next';
    outcomes.push({ label: `${before}half of the ${next}`, shares: half, between: true });
    for (const i of group) taken[i] = 1;
    count += group.length;
    const label = `first ${count} of ${requests.length} in merit order`;
    if (k + 1 < groups.length) outcomes.push({ label, shares: [...taken], between: false });
  });
  return outcomes;
}

/** A way between two neighbours, looked at more closely: every eighth of the group at the margin. */
export function closerLook(outcome: Outcome): Outcome[] {
  return [1, 2, 3, 5, 6, 7]
    .map((eighth) => eighth / 8)
    .map((part) => ({
      label: outcome.label.replace('half', `${part * 100} %`),
      shares: outcome.shares.map((share) => (share === 0.5 ? part : share)),
      between: true,
    }));
}

function subsets(requests: readonly Request[]): Outcome[] {
  const n = requests.length;
  if (n > MOST_FOR_ANY_SUBSET) {
    const expected = `at most ${MOST_FOR_ANY_SUBSET} bids (every subset of them is solved)`;
    throw new InputError({ source: 'safety any-subset', path: '', found: `${n} bids`, expected });
  }
  return Array.from({ length: 2 ** n - 2 }, (_, k) => {
    const shares = requests.map((_request, i) => ((k + 1) >> i) & 1);
    const named = requests.filter((_request, i) => shares[i] === 1).map(({ derId }) => derId);
    return { label: `only ${named.join(', ')}`, shares, between: false };
  });
}
