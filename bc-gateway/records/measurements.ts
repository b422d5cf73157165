/**
 * M25 · Measurements on their way into the store and out of it: readings count only as their device signed them, by the
 * key that the ledger holds of its DER.
 */
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { codeOf, FieldbidError, InputError, messageOf } from '@fieldbid/core/errors';
import {
  type DerKeys,
  type GridMeasurements,
  type MeasurementsStored,
  type ReadingPage,
  type ReadingQuery,
  type Readings,
  RegistryEntry,
  type VoltagePage,
  type VoltageQuery,
} from '@fieldbid/core/gateway-api/schemas';
import type { Logger } from '@fieldbid/core/logging';
import type { Measurement } from '@fieldbid/core/market/messages';
import { readingSignatureHolds } from '@fieldbid/core/market/signed-reading';
import { pause } from '@fieldbid/core/retry';
import { keyIdOf } from '@fieldbid/core/signing';
import type { LedgerIdentity } from '../ledger/ledger.ts';
import type { MeasurementStore, ReadingRow, VoltageRow } from '../store/measurement-store.ts';
import type { MarketRecords } from './market-records.ts';

const MOST_ROWS = 1000;
const DAY_MS = 24 * 3_600_000;
/** Rows forgotten at one time, and the pause between two times, real ms. */
const FORGET_ROWS = 5000;
const FORGET_PAUSE_MS = 60_000;

type Refused = MeasurementsStored['refused'][number];

export class Measurements {
  readonly #records: Pick<MarketRecords, 'evaluate'>;
  readonly #store: MeasurementStore;

  constructor(records: Pick<MarketRecords, 'evaluate'>, store: MeasurementStore) {
    this.#records = records;
    this.#store = store;
  }

  /** @param deraId the caller's: only readings of its own DERs are taken. */
  async addReadings(
    identity: LedgerIdentity,
    deraId: string,
    { readings }: Readings,
  ): Promise<MeasurementsStored> {
    const ders = await this.#ders(identity, readings);
    const refused: Refused[] = [];
    const rows: ReadingRow[] = [];
    for (const [index, reading] of readings.entries()) {
      const fault = faultOf(reading, ders.get(reading.derId), deraId);
      if (fault !== undefined) {
        refused.push({ index, ...fault });
        continue;
      }
      const { derId, sequence = 0, readAt_ms, historical: _, ...rest } = reading;
      const text = canonicalJson({ ...rest, derId, sequence, readAt_ms });
      rows.push({ derId, sequence, readAt_ms: Math.floor(readAt_ms), reading: text });
    }
    const stored = rows.length === 0 ? 0 : await this.#store.addReadings(rows);
    return { stored, known: rows.length - stored, refused };
  }

  async addVoltages({ measurements }: GridMeasurements): Promise<MeasurementsStored> {
    return { stored: await this.#store.addVoltages(measurements), known: 0, refused: [] };
  }

  /** @param deraId undefined: of any aggregator. @throws FieldbidError `WRONG_AGGREGATOR`. */
  async readings(
    identity: LedgerIdentity,
    deraId: string | undefined,
    query: ReadingQuery,
  ): Promise<ReadingPage> {
    const { derId, after } = query;
    if (deraId !== undefined) {
      const der = await this.#records.evaluate(identity, RegistryEntry, 'readDer', { derId });
      if (der.deraId !== deraId) {
        throw new FieldbidError('WRONG_AGGREGATOR', `${derId} is registered with ${der.deraId}.`);
      }
    }
    const { range, limit } = pageOf(query);
    const [readAt_ms, sequence] = partsOf(after, 2).map(Number);
    const key = after === undefined ? undefined : { readAt_ms: readAt_ms ?? 0, sequence: sequence ?? 0 };
    const rows = await this.#store.readings(derId, range, key, limit);
    const last = rows.at(-1);
    return {
      readings: rows.map(({ reading }) => JSON.parse(reading) as Measurement),
      next: last === undefined || rows.length < limit ? null : `${last.readAt_ms}~${last.sequence}`,
    };
  }

  async voltages(query: VoltageQuery): Promise<VoltagePage> {
    const { feederId, node, after } = query;
    const { range, limit } = pageOf(query);
    const rows = await this.#store.voltages(
      { feederId, ...range, ...(node === undefined ? {} : { node }) },
      after === undefined ? undefined : voltageKey(after),
      limit,
    );
    const last = rows.at(-1);
    return {
      voltages: rows,
      next: last === undefined || rows.length < limit ? null : `${last.at_ms}~${last.node}~${last.source}`,
    };
  }

  /** Forgets what is older than so many days, now and then, until told to end. */
  async forget(days: number, now: () => number, signal: AbortSignal, log: Logger): Promise<void> {
    while (!signal.aborted) {
      try {
        const forgotten = await this.#store.forgetBefore(Math.floor(now() - days * DAY_MS), FORGET_ROWS);
        if (forgotten > 0) log.info({ forgotten }, 'old measurements are forgotten');
        if (forgotten >= FORGET_ROWS) continue;
      } catch (error) {
        log.error({ code: codeOf(error) }, `old measurements stay: ${messageOf(error)}`);
      }
      await pause(FORGET_PAUSE_MS, signal);
    }
  }

  /** Registry entries of the DERs that are read of; those that are unknown are left out. */
  async #ders(
    identity: LedgerIdentity,
    readings: readonly Measurement[],
  ): Promise<Map<string, RegistryEntry>> {
    const ders = new Map<string, RegistryEntry>();
    for (const derId of new Set(readings.map((reading) => reading.derId))) {
      try {
        ders.set(derId, await this.#records.evaluate(identity, RegistryEntry, 'readDer', { derId }));
      } catch (error) {
        if (codeOf(error) !== 'NOT_REGISTERED') throw error;
      }
    }
    return ders;
  }
}

function faultOf(
  reading: Measurement,
  der: RegistryEntry | undefined,
  deraId: string,
): Omit<Refused, 'index'> | undefined {
  const { derId, sequence, signature } = reading;
  if (der === undefined) return { code: 'NOT_REGISTERED', reason: `${derId} is not registered` };
  if (der.deraId !== deraId) {
    return { code: 'WRONG_AGGREGATOR', reason: `${derId} is registered with ${der.deraId}` };
  }
  if (signature === undefined || sequence === undefined) {
    return { code: 'UNSIGNED', reason: 'a reading is kept with its number and its device’s signature' };
  }
  const key = keyNamed(der.keys, signature.keyId);
  if (key === undefined) {
    return { code: 'UNKNOWN_KEY', reason: `the ledger has no key ${signature.keyId} of ${derId}` };
  }
  if (readingSignatureHolds(key, reading)) return undefined;
  return { code: 'BAD_SIGNATURE', reason: `the key of ${derId} did not sign this reading` };
}

/** The present key, or the one before: readings may arrive long after they were made. */
function keyNamed(keys: DerKeys | null, keyId: string) {
  const known = [keys?.current ?? null, keys?.previous?.publicKey ?? null];
  return known.find((key) => key !== null && keyIdOf(key) === keyId) ?? undefined;
}

function pageOf({ from_ms, to_ms, limit = '1000' }: { from_ms: string; to_ms: string; limit?: string }) {
  return {
    range: { from_ms: Number(from_ms), to_ms: Number(to_ms) },
    limit: Math.min(MOST_ROWS, Number(limit)),
  };
}

function voltageKey(after: string): VoltageRow {
  const [at_ms, node = '', source = 'measured'] = partsOf(after, 3);
  return { at_ms: Number(at_ms), node, source: source as VoltageRow['source'], voltage_upu: 0 };
}

function partsOf(after: string | undefined, count: number): string[] {
  if (after === undefined) return [];
  const parts = after.split('~');
  if (parts.length === count && /^\d{1,16}$/.test(parts[0] ?? '')) return parts;
  throw new InputError({
    source: 'query',
    path: '/after',
    found: after,
    expected: 'the next of a former page',
  });
}
