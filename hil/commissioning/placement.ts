/** At which DER of the feeder a device that was found can stand: phases must fit, the nearest nameplate is proposed. */
import type { FeederDer } from '@fieldbid/dso/feeder/feeder';
import { type FoundDevice, phasesOf } from './found-device.ts';

/** Why the device cannot stand there; undefined when it can. Phases that a device does not say fit anywhere. */
export function misfit(device: FoundDevice, der: Pick<FeederDer, 'derId' | 'phases'>): string | undefined {
  const has = phasesOf(device);
  if (has === 0 || has === der.phases.length) return undefined;
  const phases = (count: number): string => (count === 1 ? 'one phase' : `${count} phases`);
  return `the device has ${phases(has)}, ${der.derId} has ${phases(der.phases.length)} (${der.phases.join('')})`;
}

/** DERs where it can stand that are still free, the nearest nameplate first. */
export function placesFor(
  device: FoundDevice,
  ders: readonly FeederDer[],
  taken: ReadonlySet<string>,
): FeederDer[] {
  const rating_W = device.reading.rating_W ?? 1;
  const apart = ({ nameplate_W }: FeederDer): number => Math.abs(Math.log(nameplate_W / rating_W));
  return ders
    .filter((der) => !taken.has(der.derId) && misfit(device, der) === undefined)
    .sort((a, b) => apart(a) - apart(b));
}
