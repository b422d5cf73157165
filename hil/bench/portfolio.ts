/** M9 · What an aggregator registers of a feeder's DERs, without its own name. */
import type { DerRegistration } from '@fieldbid/core/gateway-api/schemas';
import type { Feeder } from '@fieldbid/dso/feeder/feeder';

export function portfolioOf(feeder: Feeder): Omit<DerRegistration, 'deraId'>[] {
  return feeder.ders.map(({ derId, bus, phases, nameplate_W, deviceIds }) => ({
    derId,
    feederId: feeder.id,
    bus,
    phases: phases.join(''),
    nameplate_W,
    deviceIds: [...deviceIds],
  }));
}
