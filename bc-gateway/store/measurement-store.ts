/**
 * Port: measurements off the ledger (M25; steps 1 and 7): what devices read of themselves, as they signed it, and what
 * the grid's voltages were, measured or by power flow.
 */
import type { GridMeasurement, VoltageSource } from '@fieldbid/core/gateway-api/schemas';

/** A signed reading as stored. */
export interface ReadingRow {
  readonly derId: string;
  /** Its number in the device's chain: each DER has each number once. */
  readonly sequence: number;
  readonly readAt_ms: number;
  /** Canonical JSON of the reading, so that signature and chain can be checked again. */
  readonly reading: string;
}

/** Half-open: `[from_ms, to_ms)`, epoch ms. */
export interface TimeRange {
  readonly from_ms: number;
  readonly to_ms: number;
}

/** Where a page of readings goes on: after this one. */
export interface ReadingKey {
  readonly readAt_ms: number;
  readonly sequence: number;
}

export interface VoltageRow {
  readonly at_ms: number;
  /** Node and phase, e.g. `l675.B`. */
  readonly node: string;
  readonly source: VoltageSource;
  /** µpu of nominal. */
  readonly voltage_upu: number;
}

export interface VoltageQuery extends TimeRange {
  readonly feederId: string;
  /** All nodes when absent. */
  readonly node?: string;
}

/** One value a row, of several measurements: the last of a place and time. */
export function rowsOf(
  measurements: readonly GridMeasurement[],
): (VoltageRow & { readonly feederId: string })[] {
  const rows = new Map<string, VoltageRow & { readonly feederId: string }>();
  for (const { feederId, at_ms, source, voltages } of measurements) {
    for (const { node, voltage_upu } of voltages) {
      rows.set(`${feederId} ${at_ms} ${node} ${source}`, { feederId, at_ms, node, source, voltage_upu });
    }
  }
  return [...rows.values()];
}

/** Every method throws FieldbidError `STORE_FAILED`; each either happens wholly or not. */
export interface MeasurementStore {
  /** @returns how many were new: one that is there already stays as it is. */
  addReadings(rows: readonly ReadingRow[]): Promise<number>;
  /** By time and number. */
  readings(
    derId: string,
    range: TimeRange,
    after: ReadingKey | undefined,
    limit: number,
  ): Promise<ReadingRow[]>;
  /**
   * A later value for the same feeder, node, instant and source takes the place of the earlier; of two in one call the
   * last one counts. @returns values kept.
   */
  addVoltages(measurements: readonly GridMeasurement[]): Promise<number>;
  /** By time, node and source. @param after the last row of the page before. */
  voltages(query: VoltageQuery, after: VoltageRow | undefined, limit: number): Promise<VoltageRow[]>;
  /** Forgets what is older. @param most at one time, so that nobody waits long. @returns how many it forgot. */
  forgetBefore(at_ms: number, most: number): Promise<number>;
}
