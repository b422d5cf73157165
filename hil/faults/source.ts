/** Who can cause faults, and how: each family of faults is one source. */
import type { FaultKind, FaultOffer, FaultOrder } from '@fieldbid/core/lab/faults';

/** A fault in force. */
export interface Begun {
  /** What was done, for the mark. */
  readonly note: string;
  /** Puts an end to it; absent: it is over at once. */
  readonly end?: () => void | Promise<void>;
}

export interface FaultSource {
  /** What can be caused now, and in what. */
  offers(): FaultOffer[];
  /**
   * Resolves when the fault is in force. Called only for what is offered.
   * @throws FieldbidError when it cannot be caused.
   */
  begin(order: FaultOrder): Promise<Begun>;
}

/** An offer, where there is anything that the fault could be caused in. */
export function offerOf(fault: FaultKind, targets: readonly string[]): FaultOffer[] {
  return targets.length === 0 ? [] : [{ fault, targets }];
}
