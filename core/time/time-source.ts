/**
 * Port: time. Market time runs as fast as the work allows (in-process coordinator), by the wall clock, or as
 * a co-simulation grants it (HELICS). Programs ask for a time and go on when it is granted; they never sleep.
 */
export interface TimeSource {
  /** The time granted last, epoch milliseconds. Never goes back. */
  now(): number;

  /**
   * Resolves with the granted time, >= `t_ms`, once every participant is done with all that came before. A
   * time that has passed is granted at once. Whoever holds a grant and has not asked again is at work, and
   * in-process time stands still for it: finish what must be finished at this instant, its network
   * exchanges included, before asking.
   * @throws FieldbidError `TIME_CLOSED` after `close()` or when the run ended.
   */
  requestTime(t_ms: number): Promise<number>;

  /**
   * How many real milliseconds one may wait for a reply that is due at market time `t_ms`. On a clock that
   * stands still meanwhile this is a guard against hangs, not a market deadline.
   */
  patienceUntil(t_ms: number): number;

  /** Leaves: this participant no longer holds time back. Pending requests reject with `TIME_CLOSED`. */
  close(): void;
}
