/** Measurements in SQLite. */
import type { GridMeasurement } from '@fieldbid/core/gateway-api/schemas';
import type { SqliteDatabase } from '@fieldbid/core/sqlite/database';
import {
  type MeasurementStore,
  type ReadingKey,
  type ReadingRow,
  rowsOf,
  type TimeRange,
  type VoltageQuery,
  type VoltageRow,
} from '../measurement-store.ts';

export class SqliteMeasurementStore implements MeasurementStore {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  addReadings(rows: readonly ReadingRow[]): Promise<number> {
    return this.#db.run(
      `INSERT INTO readings
       SELECT value ->> 'derId', value ->> 'sequence', value ->> 'readAt_ms', value ->> 'reading'
       FROM json_each(?) WHERE true ON CONFLICT DO NOTHING`,
      JSON.stringify(rows),
    );
  }

  readings(
    derId: string,
    { from_ms, to_ms }: TimeRange,
    after: ReadingKey | undefined,
    limit: number,
  ): Promise<ReadingRow[]> {
    return this.#db.all<ReadingRow>(
      `SELECT der_id AS derId, sequence, read_at_ms AS readAt_ms, reading FROM readings
       WHERE der_id = ? AND read_at_ms >= ? AND read_at_ms < ? AND (read_at_ms, sequence) > (?, ?)
       ORDER BY read_at_ms, sequence LIMIT ?`,
      ...[derId, from_ms, to_ms, after?.readAt_ms ?? -1, after?.sequence ?? -1, limit],
    );
  }

  addVoltages(measurements: readonly GridMeasurement[]): Promise<number> {
    return this.#db.run(
      `INSERT INTO grid_voltages SELECT value ->> 'feederId', value ->> 'at_ms', value ->> 'node',
         value ->> 'source', value ->> 'voltage_upu'
       FROM json_each(?) WHERE true
       ON CONFLICT (feeder_id, at_ms, node, source) DO UPDATE SET voltage_upu = excluded.voltage_upu`,
      JSON.stringify(rowsOf(measurements)),
    );
  }

  voltages(
    { feederId, node, from_ms, to_ms }: VoltageQuery,
    after: VoltageRow | undefined,
    limit: number,
  ): Promise<VoltageRow[]> {
    const ofNode = node === undefined ? '' : 'AND node = ?';
    return this.#db.all<VoltageRow>(
      `SELECT at_ms, node, source, voltage_upu FROM grid_voltages
       WHERE feeder_id = ? AND at_ms >= ? AND at_ms < ? ${ofNode} AND (at_ms, node, source) > (?, ?, ?)
       ORDER BY at_ms, node, source LIMIT ?`,
      ...[feederId, from_ms, to_ms, ...(node === undefined ? [] : [node])],
      ...[after?.at_ms ?? -1, after?.node ?? '', after?.source ?? '', limit],
    );
  }

  async forgetBefore(at_ms: number, most: number): Promise<number> {
    const readings = await this.#db.run(
      `DELETE FROM readings WHERE (der_id, sequence) IN
       (SELECT der_id, sequence FROM readings WHERE read_at_ms < ? LIMIT ?)`,
      ...[at_ms, most],
    );
    const voltages = await this.#db.run(
      `DELETE FROM grid_voltages WHERE (feeder_id, at_ms, node, source) IN
       (SELECT feeder_id, at_ms, node, source FROM grid_voltages WHERE at_ms < ? LIMIT ?)`,
      ...[at_ms, most],
    );
    return readings + voltages;
  }
}
