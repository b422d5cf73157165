/** Which profiles fit a device that was found, and why: by their matching rules alone, so that a new file is enough. */
import { type DeviceProfile, loadProfile, mismatch, profileNames } from './profile.ts';

export interface ProfileFit {
  readonly profile: DeviceProfile;
  /** What of its matching rule the device fulfils, as a person would say it. */
  readonly reason: string;
}

/** A rule that names a maker knows the device better than any list of models. */
const WEIGHT = { manufacturer: 100, model: 100, sunspecModel: 1 };
const ANY = '.*';

/**
 * Profiles of SunSpec devices that fit, the most specific rule first.
 * @param profiles those that come with the agent by default.
 */
export function fittingProfiles(
  device: { manufacturer: string | null; model: string | null; sunspecModels: readonly number[] },
  profiles: readonly DeviceProfile[] = profileNames().map((name) => loadProfile(name)),
): ProfileFit[] {
  return profiles
    .filter((profile) => profile.sunspec && mismatch(profile, device) === undefined)
    .map((profile) => ({ profile, reason: reasonOf(profile, device), weight: weightOf(profile) }))
    .sort((a, b) => b.weight - a.weight)
    .map(({ profile, reason }) => ({ profile, reason }));
}

function weightOf({ match }: DeviceProfile): number {
  return (
    (match.manufacturer === ANY ? 0 : WEIGHT.manufacturer) +
    (match.model === ANY ? 0 : WEIGHT.model) +
    (match.sunspecModels.length + Math.min(1, match.anySunspecModel.length)) * WEIGHT.sunspecModel
  );
}

function reasonOf(
  { match }: DeviceProfile,
  device: { manufacturer: string | null; model: string | null; sunspecModels: readonly number[] },
): string {
  const any = match.anySunspecModel.filter((id) => device.sunspecModels.includes(id));
  const models = [...match.sunspecModels, ...any];
  return [
    match.manufacturer === ANY ? '' : `maker ${device.manufacturer}`,
    match.model === ANY ? '' : `model ${device.model}`,
    models.length === 0 ? '' : `has SunSpec ${models.join(', ')}`,
  ]
    .filter(Boolean)
    .join(', ');
}
