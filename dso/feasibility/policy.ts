/**
 * Step 7 · Curtailment policies behind one interface (M20, A4). A policy finds quantities that the feeder
 * carries, whatever the clearing makes of them; every answer has been verified by the full power flow of the engine
 * of record over all forecast minutes of the interval.
 */
import type { Certificate } from '@fieldbid/core/gateway-api/schemas';
import type { Extremes } from '../power-flow/power-flow.ts';
import type { ClearingSafety } from './clearing-outcomes.ts';
import type { Envelope, Quantities } from './envelope.ts';
import type { Case, IntervalCheck } from './interval-check.ts';

/** A quantity asked for: a bid before clearing, an award after it. */
export interface Request {
  /** The bid's uid. */
  readonly uid: string;
  readonly derId: string;
  /** W, integer >= 0. */
  readonly quantity_W: number;
  /** Place in the merit order over all aggregators, 0 the cheapest; equal for equal prices. Never a price. */
  readonly rank?: number;
}

export interface Verdict {
  readonly outcome: Exclude<Certificate['outcome'], 'ENGINE_UNAVAILABLE'>;
  /** The paper's common factor on all requests: the largest at which all of them together fit, parts per million. */
  readonly alpha_ppm: number;
  /** Approved quantity of every request, by uid, W. */
  readonly quantities: ReadonlyMap<string, number>;
  /** Extremes over the forecast minutes under the quantities as asked for; null when there is no solution. */
  readonly original: Extremes | null;
  /** The same under the approved quantities, all of them taken. */
  readonly approved: Extremes | null;
  /** What stopped it from approving more; null when all was approved. */
  readonly binding: Binding | null;
  /** What was made sure of beyond "all of it". */
  readonly envelope: EnvelopeVerdict;
  /** A sentence for people. */
  readonly note: string;
}

export interface EnvelopeVerdict {
  readonly safety: ClearingSafety;
  /** Common factor on top of `alpha_ppm` that the clearing's outcomes cost, parts per million. */
  readonly factor_ppm: number;
  /** Outcomes of the clearing that were checked. */
  readonly outcomes: number;
  /** The one that comes nearest to a limit, as the engine of record has it; null when nothing was approved. */
  readonly worstOutcome: string | null;
  /** How far it is from the limit, pu. */
  readonly distance_pu: number | null;
}

export interface Binding {
  /** `node.phase`, a link or `substation`; null when the power flow has no solution there. */
  readonly node: string | null;
  /** What stands there: pu of nominal, share of a rating, or W that flow back; null without a solution. */
  readonly value: number | null;
  readonly case: Case;
}

export interface Policy {
  readonly name: string;
  /**
   * @param safety what of the clearing's outcomes has to be feasible.
   * @throws FieldbidError `ENGINE_UNAVAILABLE`.
   */
  decide(check: IntervalCheck, requests: readonly Request[], safety: ClearingSafety): Promise<Verdict>;
}

/**
 * What a policy makes of everybody's proportional share, which is safe: other quantities that are as safe on the
 * searching engine, whole watts.
 */
export type Improve = (envelope: Envelope, asked: Quantities, shares: Quantities) => Promise<number[]>;
