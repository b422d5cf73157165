/** Measurements in PostgreSQL. */
import type { GridMeasurement } from '@fieldbid/core/gateway-api/schemas';
import {
  type MeasurementStore,
  type ReadingKey,
  type ReadingRow,
  rowsOf,
  type TimeRange,
  type VoltageQuery,
  type VoltageRow,
} from '../measurement-store.ts';
import type { PgDatabase } from './database.ts';

export class PgMeasurementStore implements MeasurementStore {
  readonly #db: PgDatabase;

  constructor(db: PgDatabase) {
    this.#db = db;
  }

  addReadings(rows: readonly ReadingRow[]): Promise<number> {
    return this.#db.run(
      `INSERT INTO readings SELECT "derId", sequence, "readAt_ms", reading
       FROM json_to_recordset($1) AS r ("derId" text, sequence bigint, "readAt_ms" bigint, reading text)
       ON CONFLICT DO NOTHING`,
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
      `SELECT der_id AS "derId", sequence, read_at_ms AS "readAt_ms", reading FROM readings
       WHERE der_id = $1 AND read_at_ms >= $2 AND read_at_ms < $3 AND (read_at_ms, sequence) > ($4, $5)
       ORDER BY read_at_ms, sequence LIMIT $6`,
      ...[derId, from_ms, to_ms, after?.readAt_ms ?? -1, after?.sequence ?? -1, limit],
    );
  }

  addVoltages(measurements: readonly GridMeasurement[]): Promise<number> {
    return this.#db.run(
      `INSERT INTO grid_voltages SELECT "feederId", at_ms, node, source, voltage_upu
       FROM json_to_recordset($1)
         AS v ("feederId" text, at_ms bigint, node text, source text, voltage_upu int)
       ON CONFLICT (feeder_id, at_ms, node, source) DO UPDATE SET voltage_upu = excluded.voltage_upu`,
      JSON.stringify(rowsOf(measurements)),
    );
  }

  voltages(
    { feederId, node, from_ms, to_ms }: VoltageQuery,
    after: VoltageRow | undefined,
    limit: number,
  ): Promise<VoltageRow[]> {
    const ofNode = node === undefined ? '' : 'AND node = $8';
    return this.#db.all<VoltageRow>(
      `SELECT at_ms, node, source, voltage_upu FROM grid_voltages
       WHERE feeder_id = $1 AND at_ms >= $2 AND at_ms < $3 AND (at_ms, node, source) > ($4, $5, $6) ${ofNode}
       ORDER BY at_ms, node, source LIMIT $7`,
      ...[feederId, from_ms, to_ms, after?.at_ms ?? -1, after?.node ?? '', after?.source ?? '', limit],
      ...(node === undefined ? [] : [node]),
    );
  }

  async forgetBefore(at_ms: number, most: number): Promise<number> {
    const readings = await this.#db.run(
      `DELETE FROM readings WHERE (der_id, sequence) IN
       (SELECT der_id, sequence FROM readings WHERE read_at_ms < $1 LIMIT $2)`,
      ...[at_ms, most],
    );
    const voltages = await this.#db.run(
      `DELETE FROM grid_voltages WHERE (feeder_id, at_ms, node, source) IN
       (SELECT feeder_id, at_ms, node, source FROM grid_voltages WHERE at_ms < $1 LIMIT $2)`,
      ...[at_ms, most],
    );
    return readings + voltages;
  }
}
