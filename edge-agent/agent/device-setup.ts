/** What one device's cycle works with. */
import type { Bus } from '@fieldbid/core/bus/bus';
import type { Logger } from '@fieldbid/core/logging';
import type { Calendar, Moments } from '@fieldbid/core/market/calendar';
import type { Signer } from '@fieldbid/core/signing';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { DerDevice } from '../device/der-device.ts';
import type { DeviceRules } from '../device/open-device.ts';
import type { AwardBook } from './awards.ts';
import type { ClearSky } from './clear-sky.ts';
import type { CycleObserver } from './observer.ts';
import type { PriceForecast } from './price-forecast.ts';
import type { VerdictRules } from './verdict.ts';

/** One DER: its device, its owner's wishes. */
export interface DeviceSetup {
  readonly derId: string;
  readonly deviceIds: readonly string[];
  readonly device: DerDevice;
  readonly riskFactor_pct: number;
  /** Of a battery's capacity, percent: never bid. 20 by default. */
  readonly reserve_pct?: number;
  /** Shape of a clear day; without it present power is carried forward. */
  readonly clearSky?: ClearSky;
  readonly rules: VerdictRules;
  /** Seconds after which the device drops a limit that nobody renews. */
  readonly revert_s: number;
  /** The device's own time-out for silence, s, where it has one: commands are repeated at half of it. */
  readonly watchdog_s?: number;
  /** Seconds between two signs of life that the device wants from its controller; absent: none. */
  readonly heartbeat_s?: number;
  /**
   * Inside the market's hours without an award: `zero` (nobody has approved anything) or `default` (run as
   * outside the market's hours).
   */
  readonly withoutAward: 'zero' | 'default';
  /** Outside the market's hours: a limit, W, or null for none. */
  readonly defaultLimit_W: number | null;
}

/**
 * The revert timer is re-armed at half its time: with two intervals that is when the next award is written anyway,
 * so that a day costs one write an interval, and a late award does not free the device.
 */
const REVERT_INTERVALS = 2;

/** uint16 registers hold no longer time, 0xFFFF is "not implemented". */
export const LONGEST_REVERT_S = 65_534;

/** Seconds after which a device drops a limit where nothing else is configured. */
export function defaultRevert_s({ interval_min }: Pick<Calendar, 'interval_min'>): number {
  return Math.min(LONGEST_REVERT_S, REVERT_INTERVALS * interval_min * 60);
}

const DAY_S = 86_400;

/** Why a limit cannot be renewed all day within the profile's budget of writes; undefined when it can. */
export function renewsTooOften(
  { watchdog_s, wear }: Pick<DeviceRules, 'watchdog_s' | 'wear'>,
  revert_s: number,
): string | undefined {
  const hold_s = Math.min(revert_s, watchdog_s ?? revert_s);
  const writes = Math.ceil((2 * DAY_S) / hold_s);
  if (wear === undefined || writes <= wear.writesPerDay) return undefined;
  const least_s = Math.ceil((2 * DAY_S) / wear.writesPerDay);
  return (
    `renewing a limit every ${hold_s / 2} s takes ${writes} writes a day, the profile allows ${wear.writesPerDay}; after ` +
    `those the device goes to its safe state: give revert_s (or watchdog_s) of ${least_s} s or more, or another profile`
  );
}

/** What a device's family wants of its agent. */
export function careOf({
  watchdog_s,
  heartbeat_s,
}: DeviceRules): Pick<DeviceSetup, 'watchdog_s' | 'heartbeat_s'> {
  return {
    ...(watchdog_s === undefined ? {} : { watchdog_s }),
    ...(heartbeat_s === undefined || heartbeat_s === 0 ? {} : { heartbeat_s }),
  };
}

/** When and how closely a device of this family must have followed. @param deadline_s market time. */
export function verdictRules({ limit }: Pick<DeviceRules, 'limit'>, deadline_s: number): VerdictRules {
  return {
    settle_ms: limit.settle_s * 1000,
    deadline_ms: deadline_s * 1000,
    tolerance_pct: limit.tolerance_pct,
  };
}

/** Forecasts err, and what was sold and is not delivered is bought back: not all of a clear sky is sold a day ahead. */
export const DEFAULT_DAY_AHEAD_SHARE_PCT = 90;

export interface CycleContext {
  readonly setup: DeviceSetup;
  readonly deraId: string;
  readonly time: TimeSource;
  /** Begins to send something; the cycle's device does not wait for it. What is begun does not reject. */
  readonly send: (work: (bus: Bus) => Promise<void>) => void;
  readonly calendar: Calendar;
  readonly schedule: readonly Moments[];
  /** Hours that are sold a day ahead; empty without that market. */
  readonly dayAhead: readonly Moments[];
  /** What of its clear-sky energy a DER bids a day ahead, percent. */
  readonly dayAheadShare_pct: number;
  readonly forecast: PriceForecast;
  readonly awards: AwardBook;
  /** The device key as it is now; undefined: nothing is signed. */
  readonly signer: (() => Signer) | undefined;
  /** Whether measurements carry the registers that they were read from. */
  readonly evidence: boolean;
  readonly log: Logger;
  readonly observer?: CycleObserver;
}
