/**
 * Step 2 · Q_bid, from what the device says of itself now (M13). What it could deliver now, related to the
 * clear-sky shape, is carried forward to the interval: clear-sky index persistence, the usual forecast for the
 * next hour. Without a shape, present power is carried forward as it is. A battery bids what it holds above its
 * owner's reserve, spread over the interval.
 */
import type { Interval } from '@fieldbid/core/interval';
import type { MeasuredState } from '@fieldbid/core/market/messages';
import type { DerReading, StorageState } from '../device/der-device.ts';
import type { ClearSky } from './clear-sky.ts';

/** A limit counts as binding when this share of it is delivered: then power says nothing about the sun. */
const BINDING_SHARE = 0.97;
/** Below this share of rating the clear-sky shape is too small to divide by. */
const SMALLEST_SHAPE = 0.02;
/** Of a battery's capacity, percent: its owner keeps it. */
export const DEFAULT_RESERVE_PCT = 20;
/** An index is forgotten after this: yesterday's sky is not today's. */
const INDEX_LIFE_MS = 12 * 3_600_000;

/** Power at full sun, relative to the shape, when it could last be told. */
export interface SkyIndex {
  readonly at_ms: number;
  /** W per unit of the clear-sky shape. */
  readonly full_W: number;
}

export interface Estimate {
  /** Integer W, rounded down; 0 means no bid. */
  readonly quantity_W: number;
  readonly state: MeasuredState;
  readonly index: SkyIndex | undefined;
  /** Why there is nothing to bid; undefined when there is. */
  readonly reason: string | undefined;
}

/** What the device could deliver now, and how that is known. */
export function availableNow(reading: DerReading): Pick<MeasuredState, 'available_W' | 'source'> {
  const { power_W, available_W, rating_W, limit } = reading;
  const limit_W =
    limit?.enabled === true && rating_W !== null ? (limit.pct / 100) * rating_W : Number.POSITIVE_INFINITY;
  const binding = power_W === null || power_W >= BINDING_SHARE * limit_W;
  if (!binding && power_W !== null) return { available_W: whole(power_W), source: 'measured' };
  if (available_W !== null) return { available_W: whole(available_W), source: 'WAval' };
  return { available_W: null, source: 'unknown' };
}

/** @param before the index known so far. @param reserve_pct of a battery's capacity. */
export function estimateQuantity(
  reading: DerReading,
  interval: Interval,
  clearSky: ClearSky | undefined,
  before: SkyIndex | undefined,
  reserve_pct: number = DEFAULT_RESERVE_PCT,
): Estimate | undefined {
  const { rating_W, readAt_ms, limit, storage } = reading;
  if (rating_W === null) return undefined;
  if (storage?.available_Wh != null) {
    const known = { ...storage, available_Wh: storage.available_Wh };
    return fromStorage(reading, known, rating_W, interval, reserve_pct);
  }
  const now = availableNow(reading);
  const shape = clearSky?.at(readAt_ms) ?? 1;
  let index = before !== undefined && readAt_ms - before.at_ms < INDEX_LIFE_MS ? before : undefined;
  if (now.available_W !== null && shape >= SMALLEST_SHAPE) {
    index = { at_ms: readAt_ms, full_W: now.available_W / shape };
  }
  const state: MeasuredState = {
    readAt_ms,
    measured_W: Math.round(reading.power_W ?? 0) + 0,
    ...(now.available_W === null && index !== undefined
      ? { available_W: whole(index.full_W * shape), source: 'persistence' as const }
      : now),
    rating_W: whole(rating_W),
    limit_pct: limit?.enabled === true ? limit.pct : null,
  };
  const ahead = clearSky?.mean(interval) ?? 1;
  const quantity_W = index === undefined ? 0 : Math.min(whole(index.full_W * ahead), whole(rating_W));
  return { quantity_W, state, index, reason: quantity_W > 0 ? undefined : why(index, ahead) };
}

/**
 * What a battery could deliver throughout the interval: at most its rating, and the energy above the reserve over
 * its hours. What it delivers or takes until then is not known: the present state counts.
 */
function fromStorage(
  { readAt_ms, power_W, limit }: DerReading,
  storage: StorageState & { readonly available_Wh: number },
  rating_W: number,
  { start_ms, end_ms }: Interval,
  reserve_pct: number,
): Estimate {
  const reserve_Wh = reserve_pct === 0 ? 0 : (reserve_pct / 100) * capacityOf(storage);
  const usable_Wh = Math.max(0, storage.available_Wh - reserve_Wh);
  const hours = (end_ms - start_ms) / 3_600_000;
  const quantity_W = whole(Math.min(rating_W, usable_Wh / hours));
  const state: MeasuredState = {
    readAt_ms,
    measured_W: Math.round(power_W ?? 0) + 0,
    available_W: quantity_W,
    source: 'storage',
    rating_W: whole(rating_W),
    limit_pct: limit?.enabled === true ? limit.pct : null,
  };
  const reason = quantity_W > 0 ? undefined : `nothing above the reserve of ${reserve_pct} %`;
  return { quantity_W, state, index: undefined, reason };
}

/** Where the device does not say its capacity, as its state of charge tells; else all that it holds is reserve. */
function capacityOf({ capacity_Wh, available_Wh, soc_pct }: StorageState): number {
  if (capacity_Wh !== null) return capacity_Wh;
  if (available_Wh === null || soc_pct === null || soc_pct <= 0) return Number.POSITIVE_INFINITY;
  return available_Wh / (soc_pct / 100);
}

function why(index: SkyIndex | undefined, ahead: number): string {
  if (ahead <= 0) return 'no sun in the interval';
  return index === undefined ? 'the device does not say what it could deliver' : 'nothing to deliver';
}

function whole(watts: number): number {
  return Math.max(0, Math.floor(watts));
}
