/**
 * Step 11 · What ends a limit when nobody is there any more to end it. A device that has nothing of the kind is
 * said so at commissioning, and not controlled unattended unless its owner insists.
 */
import type { DeviceProfile } from '../profiles/profile.ts';
import type { DeadMan } from './der-device.ts';

/** IEEE 1547.1 and SunSpec give a heartbeat once a second; this many missing ones are a dead controller. */
const HEARTBEAT_TIMEOUT_S = 10;

/** @param has what the device itself shows. */
export function deadManOf(
  { watchdog_s, safeState }: Pick<DeviceProfile, 'safeState'> & Partial<Pick<DeviceProfile, 'watchdog_s'>>,
  hasRevertTimer: boolean,
  hasHeartbeat: boolean,
): DeadMan {
  if (hasRevertTimer) return { kind: 'revert-timer', timeout_s: null, safeState };
  if (watchdog_s !== undefined) return { kind: 'watchdog', timeout_s: watchdog_s, safeState };
  if (hasHeartbeat) return { kind: 'heartbeat', timeout_s: HEARTBEAT_TIMEOUT_S, safeState };
  return { kind: 'none', timeout_s: null, safeState };
}

/** For people: what ends a limit, after how long, and what the device then does. */
export function deadManText({ kind, timeout_s, safeState }: DeadMan): string {
  if (kind === 'none') return 'NOTHING: a limit stays when the agent dies';
  return `${kind}${timeout_s === null ? '' : ` after ${timeout_s} s`}, then ${safeState}`;
}
