/**
 * Step 7 · The paper's policy (M20): all quantities of all DERs scaled by one factor, the largest for which
 * every voltage stays within its limits in every forecast minute.
 *
 * Order: no DER at all; everything as asked; then a search on the worst minute, verified on all of them, and
 * again on whichever minute binds instead. What is returned has been solved for every minute exactly as it is
 * returned, in whole watts.
 */
import {
  type CaseResult,
  extremesOf,
  type Injection,
  type IntervalCheck,
  isFeasible,
  worstOf,
} from './interval-check.ts';
import type { Policy, Request, Verdict } from './policy.ts';
import { largestFeasible } from './search.ts';

const ALL_PPM = 1_000_000;

export const proportional: Policy = {
  name: 'proportional',

  async decide(check: IntervalCheck, requests: readonly Request[]): Promise<Verdict> {
    const without = await check.withoutDer();
    const total_W = requests.reduce((sum, { quantity_W }) => sum + quantity_W, 0);
    const asked = total_W === 0 ? without : await check.evaluate(scaled(requests, ALL_PPM).injection_W);
    const original = extremesOf(asked);
    const broken = brokenWithoutDer(check, without);
    if (broken !== undefined) return nothing(requests, original, without, broken, 'INFEASIBLE_AT_ZERO');
    const found =
      total_W === 0 || isFeasible(asked)
        ? { alpha_ppm: ALL_PPM, results: asked, binding: null }
        : await search(check, requests, asked, without);
    const tooLow = stillTooLow(check, found.results);
    if (tooLow !== undefined) {
      return nothing(requests, original, without, tooLow, 'INFEASIBLE_UNDERVOLTAGE');
    }
    const { alpha_ppm, binding } = found;
    const share = (alpha_ppm / 10_000).toFixed(2);
    return {
      outcome: alpha_ppm === ALL_PPM ? 'ACCEPTED' : 'CURTAILED',
      alpha_ppm,
      quantities: scaled(requests, alpha_ppm).quantities,
      original,
      approved: extremesOf(found.results),
      binding: binding === null ? null : { node: binding.node, case: binding.case },
      note:
        binding === null
          ? 'every quantity as asked'
          : `every quantity scaled to ${share} %: ${said(binding)}`,
    };
  },
};

interface Found {
  readonly alpha_ppm: number;
  readonly results: readonly CaseResult[];
  /** The case that stopped the search. */
  readonly binding: CaseResult;
}

async function search(
  check: IntervalCheck,
  requests: readonly Request[],
  asked: readonly CaseResult[],
  without: readonly CaseResult[],
): Promise<Found> {
  let above = { ppm: ALL_PPM, worst: worstOf(asked) };
  // Each round lowers the factor below one at which some case was infeasible; a case binds once at most.
  for (let round = 0; round < check.cases.length; round++) {
    const one = above.worst.case;
    const ends = { atZero_pu: await check.violationWithoutDer(one), above_pu: above.worst.violation_pu };
    const alpha_ppm = await largestFeasible(above.ppm, ends, async (ppm) => {
      const [result] = await check.evaluate(scaled(requests, ppm).injection_W, [one]);
      return result!.violation_pu;
    });
    if (alpha_ppm === 0) break;
    const results = await check.evaluate(scaled(requests, alpha_ppm).injection_W);
    if (isFeasible(results)) return { alpha_ppm, results, binding: above.worst };
    above = { ppm: alpha_ppm, worst: worstOf(results) };
  }
  return { alpha_ppm: 0, results: without, binding: above.worst };
}

/** Quantities by uid and by DER, in whole watts, rounded down. */
function scaled(
  requests: readonly Request[],
  alpha_ppm: number,
): { quantities: Map<string, number>; injection_W: Injection } {
  const quantities = new Map<string, number>();
  const injection_W: Record<string, number> = {};
  for (const { uid, derId, quantity_W } of requests) {
    // At most 1e9 W times 1e6 ppm: exact in a double.
    const part_W = Math.floor((quantity_W * alpha_ppm) / ALL_PPM);
    quantities.set(uid, part_W);
    injection_W[derId] = (injection_W[derId] ?? 0) + part_W;
  }
  return { quantities, injection_W };
}

/** A5 · The case without DER that no curtailment can help: too high, or without a solution. */
function brokenWithoutDer(check: IntervalCheck, without: readonly CaseResult[]): CaseResult | undefined {
  const worst = without.filter(({ result }) => 'failure' in result || result.max_pu > check.limits.high_pu);
  return worst.length === 0 ? undefined : worstOf(worst);
}

/**
 * A6 · Too low without DER, and still too low with all that may be injected: generation is not scaled down for
 * that (the search has not, its lower limit is the voltage without DER), and there is no approval either.
 */
function stillTooLow(check: IntervalCheck, results: readonly CaseResult[]): CaseResult | undefined {
  const low = results.filter(({ result }) => !('failure' in result) && result.min_pu < check.limits.low_pu);
  return low.length === 0 ? undefined : low.reduce((a, b) => (minOf(b) < minOf(a) ? b : a));
}

function minOf({ result }: CaseResult): number {
  return 'failure' in result ? Number.NaN : result.min_pu;
}

function nothing(
  requests: readonly Request[],
  original: Verdict['original'],
  without: readonly CaseResult[],
  binding: CaseResult,
  outcome: 'INFEASIBLE_AT_ZERO' | 'INFEASIBLE_UNDERVOLTAGE',
): Verdict {
  const low = outcome === 'INFEASIBLE_UNDERVOLTAGE' && !('failure' in binding.result);
  const node = low && !('failure' in binding.result) ? binding.result.minAt : binding.node;
  const why = low
    ? `too low also with everything asked for: ${node} at ${minOf(binding).toFixed(4)} pu`
    : `infeasible without any of these quantities: ${said(binding)}`;
  return {
    outcome,
    alpha_ppm: 0,
    quantities: scaled(requests, 0).quantities,
    original,
    approved: extremesOf(without),
    binding: { node, case: binding.case },
    note: why,
  };
}

function said({ case: { minute, silent }, result, node }: CaseResult): string {
  const when = `in minute ${minute}${silent === 'clear-sky' ? ' with silent DERs at clear-sky power' : ''}`;
  if ('failure' in result) return `the power flow has no solution (${result.failure}) ${when}`;
  const value = node === result.maxAt ? result.max_pu : result.min_pu;
  return `${node} would be at ${value.toFixed(4)} pu ${when}`;
}
