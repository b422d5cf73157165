/** M9 · What an aggregator registers: those of a feeder's DERs that are its own. */
import type { DerRegistration } from '@fieldbid/core/gateway-api/schemas';
import type { Feeder } from '@fieldbid/dso/feeder/feeder';

export function portfolioOf(feeder: Feeder, deraId: string, derIds: readonly string[]): DerRegistration[] {
  const own = new Set(derIds);
  const ders = feeder.ders.filter(({ derId }) => own.has(derId));
  return ders.map(({ derId, bus, phases, nameplate_W, deviceIds }) => ({
    derId,
    deraId,
    feederId: feeder.id,
    bus,
    phases: phases.join(''),
    nameplate_W,
    deviceIds: [...deviceIds],
  }));
}
