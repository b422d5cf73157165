/**
 * Port: the power flow of one feeder (M19). An engine loads a model once, with the DERs added to it, and then
 * solves it for whatever loads and injections are asked. A case says everything that varies: an answer never
 * depends on what was solved before. Every engine passes the suite in `conformance.ts`.
 */

export type Phase = 'A' | 'B' | 'C';

/** A DER to be added to the model. */
export interface DerConnection {
  readonly derId: string;
  /** Name of the node or load in the model that it is connected at. */
  readonly bus: string;
  /** Its power is shared equally over these phases. */
  readonly phases: readonly Phase[];
}

export interface FeederModel {
  /** Model file (GLM). */
  readonly file: string;
  readonly ders: readonly DerConnection[];
  /** Loads of the model that a case may scale; the others stay as they are (capacitors, for instance). */
  readonly scaledLoads: readonly string[];
  /** Which voltages are watched; line to neutral by default. */
  readonly voltages?: VoltageKind;
  /** Links whose loading is watched, with their ratings; none by default. */
  readonly ratings?: ReadonlyMap<string, LinkRating>;
}

/**
 * Three-wire (delta) feeders have no neutral: their limits hold for the voltages between lines. There a DER on three
 * phases injects a third between each two lines, and one on two phases between these.
 */
export type VoltageKind = 'line-to-neutral' | 'line-to-line';

/** Of a line per phase conductor (`current`, A), of a transformer over all phases (`power`, VA). */
export interface LinkRating {
  readonly kind: 'current' | 'power';
  readonly rating: number;
  /** Of the model's nameplate, not set by the DSO: a feeder that is above it without any DER is not refused for that. */
  readonly nameplate?: true;
}

export interface NodeDescription {
  readonly name: string;
  readonly phases: readonly Phase[];
  /** Line to neutral, V. */
  readonly nominal_V: number;
}

export interface FeederDescription {
  /** Engine and version, e.g. `gridlabd 6.0.0`. */
  readonly engine: string;
  readonly nodes: readonly NodeDescription[];
  /** `node.phase` of every voltage of a solution, in its order: `l675.B`, or `n702.BC` between lines. */
  readonly nodePhases: readonly string[];
  readonly links: readonly LinkDescription[];
  /** Links with a rating, in the order of a solution's loadings. */
  readonly ratedLinks: readonly string[];
  /** Name of the bus that holds the voltage. */
  readonly swing: string;
  /** What the engine changed to make answers repeatable, e.g. regulators set to manual. */
  readonly remarks: readonly string[];
}

export interface LinkDescription {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly phases: readonly Phase[];
  readonly closed: boolean;
}

export interface PowerFlowCase {
  /** Factor on the model's own value of each scaled load; 1 where a load is not named. */
  readonly loadFactors: Readonly<Record<string, number>>;
  /** Active power of each DER, W, injection positive; 0 where a DER is not named. Reactive power is zero. */
  readonly derPower_W: Readonly<Record<string, number>>;
}

/** Voltages in the order of `FeederDescription.nodePhases`, loadings in that of `ratedLinks`. */
export interface Solution {
  /** Magnitude in pu of the node's nominal voltage (between lines: of √3 times it). */
  readonly magnitude_pu: readonly number[];
  /** Angle in degrees. */
  readonly angle_deg: readonly number[];
  /** Share of its rating that a link carries, at the end and on the phase that carries most. */
  readonly loading_pu: readonly number[];
  /** Active power from the substation into the feeder, W; negative when the feeder exports. */
  readonly swing_W: number;
}

/** What a feasibility search needs of a case. */
export interface Extremes {
  readonly max_pu: number;
  /** `node.phase` of the highest voltage. */
  readonly maxAt: string;
  readonly min_pu: number;
  readonly minAt: string;
  /** The highest loading of a rated link; 0 without any. */
  readonly loading_pu: number;
  /** Its name; null without any. */
  readonly loadingAt: string | null;
  /** As in `Solution`. */
  readonly swing_W: number;
}

/** A case that has no solution: the load is beyond what the feeder can carry, or the numbers make no sense. */
export interface NoSolution {
  readonly failure: 'DIVERGED' | 'BAD_VOLTAGE' | 'TIMED_OUT';
  readonly reason: string;
}

export interface PowerFlow {
  readonly description: FeederDescription;

  /**
   * One case with all its voltages.
   * @throws InputError for a case that names what the model has not, or a number that is not finite.
   * @throws FieldbidError `ENGINE_UNAVAILABLE` (retryable) when the engine cannot be had.
   */
  solve(one: PowerFlowCase): Promise<Solution | NoSolution>;

  /** Many cases in one exchange; one that has no solution does not touch the others. Errors as `solve`. */
  solveMany(cases: readonly PowerFlowCase[]): Promise<(Extremes | NoSolution)[]>;

  /** Ends the engine. */
  close(): Promise<void>;
}

/** An engine that is fast enough to search with: it also hands over whole solutions, many at once. */
export interface SearchFlow extends PowerFlow {
  /** Many cases with all that the port tells of one. Errors as `solve`. */
  solveAll(cases: readonly PowerFlowCase[]): Promise<(Solution | NoSolution)[]>;
}

export function isSolved<T extends object>(result: T | NoSolution): result is T {
  return !('failure' in result);
}

/** The extremes of two cases together; the swing power that exports more. */
export function widest(a: Extremes, b: Extremes): Extremes {
  const high = b.max_pu > a.max_pu ? b : a;
  const low = b.min_pu < a.min_pu ? b : a;
  const loaded = b.loading_pu > a.loading_pu ? b : a;
  return {
    max_pu: high.max_pu,
    maxAt: high.maxAt,
    min_pu: low.min_pu,
    minAt: low.minAt,
    loading_pu: loaded.loading_pu,
    loadingAt: loaded.loadingAt,
    swing_W: Math.min(a.swing_W, b.swing_W),
  };
}
