/**
 * Step 2 · Q_bid, from what the device says of itself now (M13). What it could deliver now, related to the
 * clear-sky shape, is carried forward to the interval: clear-sky index persistence, the usual forecast for the
 * next hour. Without a shape, present power is carried forward as it is.
 */
import type { Interval } from '@fieldbid/core/interval';
import type { MeasuredState } from '@fieldbid/core/market/messages';
import type { DerReading } from '../device/der-device.ts';
import type { ClearSky } from './clear-sky.ts';

/** A limit counts as binding when this share of it is delivered: then power says nothing about the sun. */
const BINDING_SHARE = 0.97;
/** Below this share of rating the clear-sky shape is too small to divide by. */
const SMALLEST_SHAPE = 0.02;
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

/** @param before the index known so far. */
export function estimateQuantity(
  reading: DerReading,
  interval: Interval,
  clearSky: ClearSky | undefined,
  before: SkyIndex | undefined,
): Estimate | undefined {
  const { rating_W, readAt_ms, limit } = reading;
  if (rating_W === null) return undefined;
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

function why(index: SkyIndex | undefined, ahead: number): string {
  if (ahead <= 0) return 'no sun in the interval';
  return index === undefined ? 'the device does not say what it could deliver' : 'nothing to deliver';
}

function whole(watts: number): number {
  return Math.max(0, Math.floor(watts));
}
