/**
 * Step 7 · Curtailment policies behind one interface (M20, A4). A policy finds quantities that the feeder
 * carries; every answer has been verified by the full power flow over all forecast minutes of the interval.
 */
import type { Certificate } from '@fieldbid/core/gateway-api/schemas';
import type { Extremes } from '../power-flow/power-flow.ts';
import type { Case, IntervalCheck } from './interval-check.ts';

/** A quantity asked for: a bid before clearing, an award after it. */
export interface Request {
  /** The bid's uid. */
  readonly uid: string;
  readonly derId: string;
  /** W, integer >= 0. */
  readonly quantity_W: number;
}

export interface Verdict {
  readonly outcome: Exclude<Certificate['outcome'], 'ENGINE_UNAVAILABLE'>;
  /** Common factor on all requests, parts per million. */
  readonly alpha_ppm: number;
  /** Approved quantity of every request, by uid, W. */
  readonly quantities: ReadonlyMap<string, number>;
  /** Extremes over the forecast minutes under the quantities as asked for; null when there is no solution. */
  readonly original: Extremes | null;
  /** The same under the approved quantities. */
  readonly approved: Extremes | null;
  /** What stopped it from approving more; null when all was approved. */
  readonly binding: Binding | null;
  /** A sentence for people. */
  readonly note: string;
}

export interface Binding {
  /** `node.phase`; null when the power flow has no solution there. */
  readonly node: string | null;
  readonly case: Case;
}

export interface Policy {
  readonly name: string;
  /** @throws FieldbidError `ENGINE_UNAVAILABLE`. */
  decide(check: IntervalCheck, requests: readonly Request[]): Promise<Verdict>;
}
