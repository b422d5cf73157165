/**
 * What answers, looked at in full: which profile fits and why, what the device says of itself, what the doctor says of
 * it under that profile. Only reads.
 */
import { messageOf } from '@fieldbid/core/errors';
import { defaultRevert_s } from '@fieldbid/edge-agent/agent/device-setup';
import { type DeviceOptions, openDevice } from '@fieldbid/edge-agent/device/open-device';
import { checkDevice } from '@fieldbid/edge-agent/doctor/device';
import { endpointText } from '@fieldbid/edge-agent/drivers/modbus/endpoint';
import type { UnitFinding } from '@fieldbid/edge-agent/drivers/sunspec/find-units';
import { type DeviceProfile, loadProfile, profileNames } from '@fieldbid/edge-agent/profiles/profile';
import { fittingProfiles } from '@fieldbid/edge-agent/profiles/propose';
import type { FoundDevice, NotFound, Proposal } from './found-device.ts';
import type { Sighting } from './look.ts';

const MINUTE_S = 60;
/** What an inverter delivers beyond its rating is noise of the measurement; more is another register. */
const PLAUSIBLE_SHARE = 1.2;

/** @param interval_min market interval that writes a day are reckoned with. @param device as the scenario names it. */
export async function examine(
  { endpoint, finding }: Sighting,
  interval_min: number,
  device: string = endpointText(endpoint),
): Promise<FoundDevice | NotFound> {
  const at = endpointText(endpoint);
  if (finding.models.length === 0) return examineOwnRegisters(at, interval_min, device);
  const fits = fittingProfiles({ ...finding, sunspecModels: finding.models });
  const [best, ...others] = fits;
  if (best === undefined) {
    return {
      address: device,
      why: `${nameOf(finding)}: SunSpec ${finding.models.join(', ')}, which no profile can control`,
      todo: 'a meter, or Modbus control switched off? Else copy a profile and change it (docs/how-to/physical-device.md)',
    };
  }
  const proposal = {
    profile: best.profile.name,
    reason: best.reason,
    others: others.map(({ profile, reason }) => `${profile.name} (${reason})`),
  };
  return examineAs({ endpoint: at, profile: best.profile }, { device, proposal, interval_min }, finding);
}

/** The same under a profile, or mapping, that is given. */
export async function examineAs(
  options: Omit<DeviceOptions, 'now'>,
  about: { device: string; proposal: Proposal; interval_min: number },
  finding?: UnitFinding,
): Promise<FoundDevice | NotFound> {
  const { device: named, proposal, interval_min } = about;
  const { endpoint, opcua } = options;
  try {
    const { device, profile } = openDevice({ ...options, now: Date.now });
    try {
      const identity = await device.identity();
      const reading = await device.read();
      const revert_s = defaultRevert_s({ interval_min });
      const findings = await checkDevice({
        ...{ name: named, endpoint, device, profile, profileName: proposal.profile, revert_s },
        interval_s: interval_min * MINUTE_S,
      });
      return {
        ...{ device: named, endpoint, alsoAt: [], identity, reading, proposal, findings },
        sunspecModels: finding?.models ?? [],
        ...(opcua === undefined ? {} : { opcua }),
      };
    } finally {
      await device.close();
    }
  } catch (error) {
    return { address: named, why: messageOf(error), todo: todoFor(endpoint) };
  }
}

function todoFor(endpoint: string): string {
  return endpoint.startsWith('opc.tcp:')
    ? 'certificates, user, mapping: docs/how-to/opcua-device.md'
    : 'read it by hand: fieldbid edge read, or another --profile (docs/how-to/physical-device.md)';
}

/** No SunSpec: families with registers of their own are read, and one whose values make sense is proposed. */
async function examineOwnRegisters(
  endpoint: string,
  interval_min: number,
  device: string,
): Promise<FoundDevice | NotFound> {
  for (const profile of profileNames().map((name) => loadProfile(name))) {
    if (profile.sunspec) continue;
    const proposal = {
      profile: profile.name,
      reason: 'no SunSpec, and its registers read like this family: compare with its display',
      others: [],
    };
    const found = await examineAs({ endpoint, profile }, { device, proposal, interval_min });
    if ('identity' in found && makesSense(found, profile)) return found;
  }
  return {
    address: device,
    why: 'it answers Modbus, and has neither SunSpec models nor the registers of a known family',
    todo: 'SunSpec switched off in its menu? Else a profile with its own registers (docs/how-to/physical-device.md)',
  };
}

function makesSense(
  { identity, reading }: FoundDevice,
  { registers, match }: Pick<DeviceProfile, 'registers' | 'match'>,
): boolean {
  const { rating_W, power_W } = reading;
  if (rating_W === null || rating_W <= 0 || power_W === null) return false;
  if (Math.abs(power_W) > PLAUSIBLE_SHARE * rating_W) return false;
  if (!new RegExp(match.model).test(identity.model ?? '')) return false;
  const texts = [
    ...(registers?.model === undefined ? [] : [identity.model]),
    ...(registers?.serial === undefined ? [] : [identity.serial]),
  ];
  return texts.every((text) => text !== null && /^[\x20-\x7e]{2,}$/.test(text));
}

function nameOf({ manufacturer, model }: UnitFinding): string {
  return [manufacturer, model].filter(Boolean).join(' ') || 'a device without a name';
}
