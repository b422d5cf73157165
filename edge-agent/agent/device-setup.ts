/** What one device's cycle works with. */
import type { Bus } from '@fieldbid/core/bus/bus';
import type { Logger } from '@fieldbid/core/logging';
import type { Calendar, Moments } from '@fieldbid/core/market/calendar';
import type { Signer } from '@fieldbid/core/signing';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import type { DerDevice } from '../device/der-device.ts';
import type { DeviceProfile } from '../profiles/profile.ts';
import type { AwardBook } from './awards.ts';
import type { ClearSky } from './clear-sky.ts';
import type { PriceForecast } from './price-forecast.ts';
import type { VerdictRules } from './verdict.ts';

/** One DER: its device, its owner's wishes. */
export interface DeviceSetup {
  readonly derId: string;
  readonly deviceIds: readonly string[];
  readonly device: DerDevice;
  readonly riskFactor_pct: number;
  /** Shape of a clear day; without it present power is carried forward. */
  readonly clearSky?: ClearSky;
  readonly rules: VerdictRules;
  /** Seconds after which the device drops a limit that nobody renews. */
  readonly revert_s: number;
  /**
   * Inside the market's hours without an award: `zero` (nobody has approved anything) or `default` (run as
   * outside the market's hours).
   */
  readonly withoutAward: 'zero' | 'default';
  /** Outside the market's hours: a limit, W, or null for none. */
  readonly defaultLimit_W: number | null;
}

/** The revert timer outlasts an interval by this, s, so that a late next award does not free the device. */
const REVERT_SLACK_S = 300;

/** Seconds after which a device drops a limit where nothing else is configured. */
export function defaultRevert_s({ interval_min }: Calendar): number {
  return interval_min * 60 + REVERT_SLACK_S;
}

/** When and how closely a device of this family must have followed. @param deadline_s market time. */
export function verdictRules({ limit }: DeviceProfile, deadline_s: number): VerdictRules {
  return {
    settle_ms: limit.settle_s * 1000,
    deadline_ms: deadline_s * 1000,
    tolerance_pct: limit.tolerance_pct,
  };
}

export interface CycleContext {
  readonly setup: DeviceSetup;
  readonly deraId: string;
  readonly bus: Bus;
  readonly time: TimeSource;
  readonly calendar: Calendar;
  readonly schedule: readonly Moments[];
  readonly forecast: PriceForecast;
  readonly awards: AwardBook;
  /** The device key as it is now; undefined: nothing is signed. */
  readonly signer: (() => Signer) | undefined;
  /** Whether measurements carry the registers that they were read from. */
  readonly evidence: boolean;
  readonly log: Logger;
}
