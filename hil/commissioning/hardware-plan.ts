/**
 * What a run will write to hardware, known before anything is written: each physical device of a scenario is opened as
 * its agent would open it, read, and asked for all that its limits could come to (`DerDevice.announced`).
 */
import { besideFile } from '@fieldbid/core/config';
import { messageOf } from '@fieldbid/core/errors';
import type { Calendar } from '@fieldbid/core/market/calendar';
import { defaultRevert_s } from '@fieldbid/edge-agent/agent/device-setup';
import type { Announcement, DerIdentity, DeviceRefused } from '@fieldbid/edge-agent/device/der-device';
import { openDevice } from '@fieldbid/edge-agent/device/open-device';
import { writesPerDay } from '@fieldbid/edge-agent/doctor/device';
import { profileBeside } from '@fieldbid/edge-agent/profiles/profile';
import { accessBeside } from '../bench/opcua-lab.ts';
import type { LoadedScenario } from '../scenario/load.ts';
import { isPhysical, type Scenario } from '../scenario/schema.ts';

export interface HardwarePlan {
  readonly derId: string;
  /** Endpoint. */
  readonly device: string;
  /** A profile's name or file. */
  readonly profile: string;
  /** Null: it did not answer. */
  readonly identity: DerIdentity | null;
  readonly announced:
    | Announcement
    | DeviceRefused
    | { readonly outcome: 'unreachable'; readonly reason: string };
  /** Revert time that each limit carries, s. */
  readonly revert_s: number;
  readonly interval_min: number;
  readonly intervals: number;
  /** Writes of one register, where nothing has to be repeated. */
  readonly perInterval: number;
  readonly perDay: number;
  /** Between two signs of life, where the device wants them, s. */
  readonly heartbeat_s: number;
  /** What the profile allows a day; null: it says nothing. */
  readonly allowedPerDay: number | null;
}

const MINUTE_S = 60;
const DAY_MIN = 1440;

/** Plans for every physical device of the scenario, in its order. Nothing is written. @throws InputError. */
export async function hardwarePlans(
  loaded: Pick<LoadedScenario, 'file' | 'scenario'>,
  of: (der: Scenario['ders'][number]) => boolean = isPhysical,
): Promise<HardwarePlan[]> {
  const { file, scenario } = loaded;
  const plans: HardwarePlan[] = [];
  // One after the other: they may share a serial line.
  for (const der of scenario.ders.filter(of)) plans.push(await planOf(file, der, scenario.calendar));
  return plans;
}

async function planOf(
  file: string,
  der: Scenario['ders'][number],
  calendar: Calendar,
): Promise<HardwarePlan> {
  const { derId, device: endpoint, mapping, opcua } = der;
  const profileName = profileBeside(file, der.profile);
  const revert_s = defaultRevert_s(calendar);
  const { device, profile } = openDevice({
    ...{ endpoint, profile: profileName, now: Date.now },
    ...(mapping === undefined ? {} : { mapping: besideFile(file, mapping) }),
    ...(opcua === undefined ? {} : { opcua: accessBeside(file, opcua) }),
    source: { file, path: `/ders/${derId}/device` },
  });
  const { interval_min, intervals } = calendar;
  const perDay = writesPerDay({ interval_s: interval_min * MINUTE_S, revert_s, profile });
  const known = {
    ...{ derId, device: endpoint, profile: profileName, revert_s, interval_min, intervals, perDay },
    perInterval: perDay / Math.ceil(DAY_MIN / interval_min),
    heartbeat_s: profile.heartbeat_s ?? 0,
    allowedPerDay: profile.wear?.writesPerDay ?? null,
  };
  try {
    const identity = await device.identity();
    const announced = await device.announced?.(revert_s);
    if (announced === undefined) throw new TypeError(`${endpoint} cannot say what is written to it`);
    return { ...known, identity, announced };
  } catch (error) {
    if (error instanceof TypeError) throw error;
    return { ...known, identity: null, announced: { outcome: 'unreachable', reason: messageOf(error) } };
  } finally {
    await device.close();
  }
}

/** Whether every device answered, so that all that will be written is known. */
export function isComplete(plans: readonly HardwarePlan[]): boolean {
  return plans.every(({ announced }) => announced.outcome !== 'unreachable');
}
