/** Who wants to know what the cycles do without taking part: metrics, the service's watchdog. Must not throw. */
export interface CycleObserver {
  /**
   * A cycle is over.
   * @param cycle real duration, regular cycles that it ran over and that were skipped, whether the device was read.
   */
  onCycle(
    derId: string,
    cycle: { readonly duration_ms: number; readonly overruns: number; readonly answered: boolean },
  ): void;
  /** A command has its verdict. */
  onVerdict(derId: string, verdict: 'verified' | 'refused' | 'unproven'): void;
}
