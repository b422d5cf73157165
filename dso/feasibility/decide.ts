/**
 * Step 7 · What all policies have in common. Order: no DER at all; everything as asked; the paper's factor (M20); the
 * factor that the clearing's outcomes cost on top (A7); what the policy makes of that; and the engine of record's word
 * on the answer, in whole watts. Where that differs from what the search believed, the search is held further inside
 * and done again.
 */
import { isSolved } from '../power-flow/power-flow.ts';
import type { ClearingSafety } from './clearing-outcomes.ts';
import {
  ALL_PPM,
  along,
  Envelope,
  type Farthest,
  total,
  type Verified,
  type Way,
  wholeWatts,
} from './envelope.ts';
import { bindingOf, noteOf, said } from './findings.ts';
import { type CaseResult, extremesOf, type IntervalCheck, isFeasible, worstOf } from './interval-check.ts';
import { SUBSTATION } from './limits.ts';
import type { Improve, Request, Verdict } from './policy.ts';

/** An answer that the engine of record finds outside is tried again this often, each time further inside. */
const MOST_TRIES = 6;
/** Step further inside, beyond what was found, pu. */
const STEP_PU = 1e-6;
/** The factor is settled when the engine of record says what was expected of it, pu. */
const SETTLED_PU = 1e-8;

export async function decide(
  check: IntervalCheck,
  requests: readonly Request[],
  safety: ClearingSafety,
  improve: Improve,
): Promise<Verdict> {
  const without = await check.withoutDer();
  const asked = requests.map(({ quantity_W }) => quantity_W);
  const nobody = asked.every((quantity) => quantity === 0);
  const whole = new Envelope(check, requests, 'none');
  const results = nobody ? without : await check.evaluate(whole.injection(asked, whole.outcomes[0]!));
  const original = extremesOf(results);
  const broken = brokenWithoutDer(check, without);
  if (broken !== undefined) return nothing(requests, safety, original, broken, 'INFEASIBLE_AT_ZERO', without);
  const alpha =
    nobody || isFeasible(results)
      ? { share_ppm: ALL_PPM, binding: null }
      : await paperFactor(whole, asked, results);
  const envelope = new Envelope(check, requests, safety);
  const found = nobody
    ? { quantities: asked, factor: { share_ppm: ALL_PPM, binding: null }, verified: undefined, more_W: 0 }
    : await safeQuantities(envelope, asked, alpha.share_ppm, improve);
  const approvedResults = found.verified?.results ?? without;
  const still = stillOutside(check, approvedResults);
  if (still !== undefined) return nothing(requests, safety, original, still.place, still.outcome, without);
  const binding = found.factor.binding ?? alpha.binding;
  const unchanged = found.quantities.every((quantity, i) => quantity === asked[i]);
  return {
    outcome: unchanged ? 'ACCEPTED' : 'CURTAILED',
    alpha_ppm: alpha.share_ppm,
    quantities: new Map(requests.map(({ uid }, i) => [uid, found.quantities[i] ?? 0])),
    original,
    approved: extremesOf(approvedResults),
    binding: binding === null || unchanged ? null : bindingOf(binding),
    envelope: {
      safety,
      factor_ppm: found.factor.share_ppm,
      outcomes: envelope.outcomes.length,
      worstOutcome: found.verified?.worst.outcome.label ?? null,
      distance_pu: found.verified === undefined ? null : -found.verified.worst.violation_pu,
    },
    note: noteOf(check, unchanged, alpha, found.factor, found.more_W),
  };
}

/** The largest common factor at which all of it fits: searched for, settled by the engine of record. */
async function paperFactor(
  whole: Envelope,
  asked: readonly number[],
  results: readonly CaseResult[],
): Promise<Farthest> {
  const { check } = whole;
  const way = { from: asked.map(() => 0), to: asked };
  const [all] = whole.outcomes;
  const pointsAt = (quantities: readonly number[]) =>
    check.cases.map((one) => ({ injection_W: whole.injection(quantities, all!), case: one }));
  if (check.hasSearchEngine) check.compare(results, await check.searchPoints(pointsAt(asked)));
  let settled: Farthest | undefined;
  for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
    const farthest = await whole.farthest(way);
    const points = pointsAt(wholeWatts(along(way, farthest.share_ppm)));
    const recorded = await check.evaluatePoints(points);
    const feasible = isFeasible(recorded);
    if (feasible) settled = farthest;
    if (!check.hasSearchEngine) break;
    const learned_pu = check.compare(recorded, await check.searchPoints(points));
    if (feasible && learned_pu < SETTLED_PU) break;
  }
  return settled ?? { share_ppm: 0, binding: { ...worstOf(results), outcome: all! } };
}

interface Safe {
  readonly quantities: readonly number[];
  /** What the outcomes cost on top of the paper's factor. */
  readonly factor: Farthest;
  readonly verified: Verified | undefined;
  /** What the policy gave beyond that, W. */
  readonly more_W: number;
}

/** Everybody's proportional share, safe in every outcome; then what the policy makes of it. */
async function safeQuantities(
  envelope: Envelope,
  asked: readonly number[],
  alpha_ppm: number,
  improve: Improve,
): Promise<Safe> {
  const none = asked.map(() => 0);
  const scaled = wholeWatts(along({ from: none, to: asked }, alpha_ppm));
  const proportional = await safeShares(envelope, { from: none, to: scaled });
  const { quantities: shares, verified, factor } = proportional;
  if (verified === undefined) return proportional;
  for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
    const quantities = await improve(envelope, asked, shares);
    const more_W = total(quantities) - total(shares);
    if (quantities.every((quantity, i) => quantity === shares[i])) break;
    const improved = await envelope.verify(quantities);
    if (improved.feasible) return { quantities, factor, verified: improved, more_W };
    envelope.tighten_pu += Math.min(1, improved.worst.violation_pu) + STEP_PU;
  }
  return proportional;
}

async function safeShares(envelope: Envelope, way: Way): Promise<Safe> {
  let factor: Farthest = { share_ppm: ALL_PPM, binding: null };
  for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
    // All of it is what the paper's factor has settled already.
    if (envelope.safety !== 'none' || attempt > 0) factor = await envelope.farthest(way);
    const quantities = wholeWatts(along(way, factor.share_ppm));
    const verified = await envelope.verify(quantities);
    if (verified.feasible) return { quantities, factor, verified, more_W: 0 };
    envelope.tighten_pu += Math.min(1, verified.worst.violation_pu) + STEP_PU;
  }
  const { binding } = factor;
  return { quantities: way.from, factor: { share_ppm: 0, binding }, verified: undefined, more_W: 0 };
}

/** A5 · The case without DER that no curtailment can help: too high, or without a solution. */
function brokenWithoutDer(check: IntervalCheck, without: readonly CaseResult[]): CaseResult | undefined {
  const worst = without.filter(({ result }) => !isSolved(result) || result.max_pu > check.limits.high_pu);
  return worst.length === 0 ? undefined : worstOf(worst);
}

/**
 * A6 · What was outside without DER and still is with all that may be injected. Generation is not scaled down for it
 * (the search has not: its limits are what the feeder has without DER), and there is no approval either.
 */
function stillOutside(
  check: IntervalCheck,
  results: readonly CaseResult[],
): { place: CaseResult; outcome: 'INFEASIBLE_UNDERVOLTAGE' | 'INFEASIBLE_AT_ZERO' } | undefined {
  const { low_pu, loading_pu, export_W } = check.limits;
  const low = results.filter(({ result }) => isSolved(result) && result.min_pu < low_pu);
  if (low.length > 0) {
    const lowest = low.reduce((a, b) => (minOf(b) < minOf(a) ? b : a));
    const node = isSolved(lowest.result) ? lowest.result.minAt : null;
    return { place: { ...lowest, node }, outcome: 'INFEASIBLE_UNDERVOLTAGE' };
  }
  for (const one of results) {
    if (!isSolved(one.result)) continue;
    const { loading_pu: loading, loadingAt, swing_W } = one.result;
    const node =
      loading > loading_pu && check.isFirm(loadingAt)
        ? loadingAt
        : -swing_W > export_W
          ? SUBSTATION
          : undefined;
    if (node !== undefined) return { place: { ...one, node }, outcome: 'INFEASIBLE_AT_ZERO' };
  }
  return undefined;
}

function minOf({ result }: CaseResult): number {
  return isSolved(result) ? result.min_pu : Number.NaN;
}

function nothing(
  requests: readonly Request[],
  safety: ClearingSafety,
  original: Verdict['original'],
  binding: CaseResult,
  outcome: 'INFEASIBLE_AT_ZERO' | 'INFEASIBLE_UNDERVOLTAGE',
  without: readonly CaseResult[],
): Verdict {
  const why =
    outcome === 'INFEASIBLE_UNDERVOLTAGE'
      ? `too low by more than generation can lift: ${said(binding)}`
      : `infeasible without any DER: ${said(binding)}`;
  return {
    outcome,
    alpha_ppm: 0,
    quantities: new Map(requests.map(({ uid }) => [uid, 0])),
    original,
    approved: extremesOf(without),
    binding: bindingOf(binding),
    envelope: { safety, factor_ppm: 0, outcomes: 0, worstOutcome: null, distance_pu: null },
    note: why,
  };
}
