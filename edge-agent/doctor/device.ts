/**
 * Doctor: one device. Does it answer, is it what its profile says, can it be limited, what ends a limit when we die,
 * what is to be written once, how many writes a day of the market costs. Nothing is written.
 */
import { messageOf } from '@fieldbid/core/errors';
import { deadManText } from '../device/dead-man.ts';
import type { DerDevice, DerIdentity, DerReading } from '../device/der-device.ts';
import type { DeviceRules } from '../device/open-device.ts';
import { RegisterDevice } from '../drivers/registers/register-device.ts';
import type { DeviceProfile } from '../profiles/profile.ts';
import { type Finding, Findings } from './finding.ts';

export interface DoctorDevice {
  /** DER, or the endpoint. */
  readonly name: string;
  readonly endpoint: string;
  readonly device: DerDevice;
  readonly profile: DeviceRules & Partial<Pick<DeviceProfile, 'wear'>>;
  /** How the profile is named on a command line. */
  readonly profileName: string;
  /** Market interval, s, and the revert time that commands carry, s. */
  readonly interval_s: number;
  readonly revert_s: number;
}

const DAY_S = 86_400;
/** Enough to see a link that loses answers now and then, not enough to disturb anybody. */
const READS = 3;
const NEAR_BUDGET = 0.8;

export async function checkDevice(subject: DoctorDevice): Promise<Finding[]> {
  const { name, device, endpoint, profile } = subject;
  const findings = new Findings(name);
  let identity: DerIdentity;
  let reading: DerReading;
  try {
    identity = await device.identity();
    reading = await device.read();
    for (let i = 1; i < READS; i++) reading = await device.read();
  } catch (error) {
    const todo =
      'cable, address, unit id, Modbus switched on in the device? One client only: is the agent running?';
    findings.fail('link', `${endpoint}: ${messageOf(error)}`, todo);
    return findings.list;
  }
  checkLink(subject, findings);
  checkIdentity(identity, profile, findings);
  checkReading(reading, findings);
  if (identity.control === null) {
    const todo = 'what cannot be limited cannot be sold: choose a profile with registers that limit it';
    findings.fail('control', 'nothing limits its power', todo);
    return findings.list;
  }
  findings.ok('control', identity.control);
  checkDeadMan(identity, profile, findings);
  checkWear(subject, findings);
  await checkPreparation(subject, findings);
  return findings.list;
}

function checkLink({ device, endpoint }: DoctorDevice, findings: Findings): void {
  if (!(device instanceof RegisterDevice)) {
    findings.ok('link', `${endpoint} answers`);
    return;
  }
  const { requests, timeouts, malformed, reconnects } = device.linkStats;
  const found = `${endpoint}: ${requests} requests, ${timeouts} without answer, ${malformed} malformed`;
  if (timeouts + malformed === 0) findings.ok('link', found);
  else {
    const todo =
      'other clients on the device? RTU: cable, termination, baud rate; a longer deadline_ms in the profile';
    findings.warning('link', `${found}, ${reconnects} reconnects`, todo);
  }
}

function checkIdentity(identity: DerIdentity, { name }: DeviceRules, findings: Findings): void {
  const { manufacturer, model, serial, version, warnings } = identity;
  const who = [manufacturer, model, version].filter(Boolean).join(' ');
  findings.ok('device', `${who || 'says nothing of itself'}, serial ${serial ?? 'not said'}`);
  const misfit = warnings.find((warning) => warning.startsWith(`profile ${name} `));
  if (misfit === undefined) findings.ok('profile', `${name} fits`);
  else findings.warning('profile', misfit, 'choose another: fieldbid edge profiles');
}

function checkReading({ rating_W, power_W, limit }: DerReading, findings: Findings): void {
  if (rating_W === null) {
    findings.fail(
      'rating',
      'not said: a limit in percent means nothing',
      'read it by day; some hide it at night',
    );
  } else findings.ok('rating', `${Math.round(rating_W)} W`);
  if (power_W === null) {
    const todo = 'read it by day: without a measurement no command is ever verified';
    findings.warning('power', 'not said', todo);
  } else findings.ok('power', `${Math.round(power_W)} W`);
  if (limit?.enabled === true) {
    const todo = 'somebody else limits it, or an award of ours is in force (fieldbid edge release lifts it)';
    findings.warning('limit', `${limit.pct} % is in force`, todo);
  }
}

function checkDeadMan({ deadMan }: DerIdentity, { limit, name }: DeviceRules, findings: Findings): void {
  if (deadMan.kind !== 'none') {
    findings.ok('dead-man', deadManText(deadMan));
    return;
  }
  const found = 'none: it keeps a limit for ever when this agent, its machine or the link dies';
  if (limit.revertTimer === 'optional') {
    const todo = `profile ${name} allows it (limit.revertTimer: optional): somebody must be able to lift it by hand`;
    findings.warning('dead-man', found, todo);
  } else {
    const todo =
      "switch on the device's own time-out and say so in the profile (watchdog_s), or accept it there with " +
      'limit.revertTimer: optional; until then it is not controlled';
    findings.fail('dead-man', found, todo);
  }
}

/** Each interval's award is written once, and renewed at half of the shortest time-out. */
export function writesPerDay({
  interval_s,
  revert_s,
  profile,
}: Pick<DoctorDevice, 'interval_s' | 'revert_s' | 'profile'>): number {
  const renewal_s = Math.min(revert_s, profile.watchdog_s ?? revert_s) / 2;
  return Math.ceil(DAY_S / interval_s) * Math.max(1, Math.ceil(interval_s / renewal_s));
}

function checkWear(subject: DoctorDevice, findings: Findings): void {
  const { wear } = subject.profile;
  if (wear === undefined) return;
  const expected = writesPerDay(subject);
  const found = `${expected} writes a day expected, the profile allows ${wear.writesPerDay}`;
  const todo =
    "a longer revert_s or longer intervals; or, if its maker allows more, the profile's wear.writesPerDay";
  if (expected > wear.writesPerDay) findings.fail('wear', found, todo);
  else if (expected > wear.writesPerDay * NEAR_BUDGET) findings.warning('wear', found, todo);
  else findings.ok('wear', found);
}

async function checkPreparation(subject: DoctorDevice, findings: Findings): Promise<void> {
  const { device, endpoint, profileName } = subject;
  if (!(device instanceof RegisterDevice)) return;
  try {
    const writes = await device.preparation();
    if (writes.length === 0) {
      findings.ok('preparation', 'nothing to prepare');
      return;
    }
    const found = writes.map(({ point, value }) => `${point.name} must be ${value}`).join(', ');
    const todo = `once: fieldbid edge prepare --profile ${profileName} '${endpoint}' --yes`;
    findings.fail('preparation', found, todo);
  } catch (error) {
    findings.fail('preparation', messageOf(error), 'read it once more');
  }
}
