/** What was found, for people: a table of the devices, below it each with its profile and what does not fit. */
import { deadManText } from '@fieldbid/edge-agent/device/dead-man';
import { columns, labelled } from './columns.ts';
import type { Found } from './find-devices.ts';
import { type FoundDevice, type NotFound, phasesOf, shortAddress, whoIs } from './found-device.ts';

export function foundText({ devices, nothing }: Found): string {
  const parts: string[] = [];
  if (devices.length > 0) {
    const rows = devices.map((device, i) => [
      String(i + 1),
      shortAddress(device.device),
      watts(device.reading.rating_W),
      phasesOf(device) === 0 ? '?' : String(phasesOf(device)),
      watts(device.reading.power_W),
      shortName(device.proposal.profile),
    ]);
    const title = ['#', 'where', 'rating', 'phases', 'power now', 'profile'];
    parts.push(`FOUND\n${columns([title, ...rows])}`, ...devices.map(details));
  }
  if (nothing.length > 0) {
    parts.push(`NO DEVICE THAT CAN BE USED\n${notFoundText(nothing)}`);
  }
  return parts.join('\n\n');
}

/** Addresses, or devices, that cannot be used: why, and what to do. */
export function notFoundText(nothing: readonly NotFound[]): string {
  return nothing
    .map(
      ({ address, why, todo }) =>
        `${address}\n${labelled('', why, '   ', 0)}\n${labelled('→', todo, '   ', 2)}`,
    )
    .join('\n');
}

/** The same without devices that nobody expected there: silent addresses of a range are counted, not listed. */
export function withoutSilence({ devices, nothing }: Found): { found: Found; silent: number } {
  if (nothing.length <= MOST_LISTED) return { found: { devices, nothing }, silent: 0 };
  const worth = nothing.filter(({ why }) => !/^no connection/.test(why));
  return { found: { devices, nothing: worth }, silent: nothing.length - worth.length };
}

const MOST_LISTED = 8;

function details(device: FoundDevice, index: number): string {
  const { identity, proposal, findings, sunspecModels, alsoAt } = device;
  const { others, reason } = proposal;
  const todo = findings.filter(({ outcome, what }) => outcome !== 'ok' && what !== 'profile');
  const notes = identity.warnings.filter((warning) => !/revert timer: a limit stays/.test(warning));
  return [
    `${index + 1}  ${whoIs(identity)}`,
    ...(alsoAt.length === 0 ? [] : [labelled('twice', `the same device answers at ${alsoAt.join(', ')}`)]),
    labelled(
      'models',
      sunspecModels.length === 0 ? identity.measurement : `SunSpec ${ranges(sunspecModels)}`,
    ),
    labelled('profile', `${shortName(proposal.profile)}: ${reason}`),
    ...(others.length === 0 ? [] : [labelled('or', others.join('; '))]),
    labelled('dead-man', deadManText(identity.deadMan)),
    ...notes.map((note) => labelled('note', note)),
    ...todo.map(({ outcome, what, found, todo: what2 }) =>
      labelled(
        outcome === 'FAIL' ? 'FAIL' : 'warning',
        `${what}: ${found}${what2 === undefined ? '' : ` → ${what2}`}`,
      ),
    ),
  ].join('\n');
}

/** Ids in a row as a range: `1, 103, 120-123`. */
function ranges(ids: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const id of ids) {
    const last = runs.at(-1);
    if (last !== undefined && id === last[1] + 1) last[1] = id;
    else runs.push([id, id]);
  }
  return runs
    .map(([from, to]) => (to > from + 1 ? `${from}-${to}` : to > from ? `${from}, ${to}` : `${from}`))
    .join(', ');
}

function shortName(profile: string): string {
  return profile.split('/').at(-1) ?? profile;
}

function watts(value: number | null): string {
  return value === null ? 'not said' : `${Math.round(value)} W`;
}
