/** DERs that are connected alike: to the power flow they are one injection, however many they are. */
import type { DerConnection } from './power-flow.ts';

export interface Places {
  /** The first DER of each place: it stands for all of them. */
  readonly representatives: readonly DerConnection[];
  /** DER → the one that stands for its place. */
  readonly of: ReadonlyMap<string, string>;
}

export function placesOf(ders: readonly DerConnection[]): Places {
  const first = new Map<string, DerConnection>();
  const of = new Map<string, string>();
  for (const der of ders) {
    const place = `${der.bus} ${der.phases.join('')}`;
    const stands = first.get(place) ?? der;
    first.set(place, stands);
    of.set(der.derId, stands.derId);
  }
  return { representatives: [...first.values()], of };
}
