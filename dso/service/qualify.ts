/** M9 · Qualification: a registered DER may bid when it is what the feeder file says it is. */
import type { DerRegistration, Qualification } from '@fieldbid/core/gateway-api/schemas';
import type { Feeder } from '../feeder/feeder.ts';

/** @returns qualified up to the nameplate, or suspended with every difference named. */
export function qualificationOf(feeder: Feeder, registration: DerRegistration): Qualification {
  const reasons = differences(feeder, registration);
  if (reasons.length > 0) {
    return { status: 'suspended', limit_W: 0, reason: reasons.join('; ').slice(0, 500) };
  }
  return { status: 'qualified', limit_W: registration.nameplate_W, reason: 'as in the feeder file' };
}

function differences(feeder: Feeder, registration: DerRegistration): string[] {
  const { derId, feederId, bus, phases, nameplate_W, deviceIds } = registration;
  if (feederId !== feeder.id) return [`feeder ${feederId}; this DSO runs ${feeder.id}`];
  const der = feeder.der(derId);
  if (der === undefined) return [`${derId} is not in the file of feeder ${feeder.id}`];
  const reasons: string[] = [];
  const retail = registration.retailProgramme ?? der.retailProgramme;
  if (retail !== undefined) reasons.push(`in the retail programme ${retail}, which pays for the same energy`);
  const compare = (what: string, found: string | number, expected: string | number): void => {
    if (found !== expected) reasons.push(`${what} ${found}; the feeder file has ${expected}`);
  };
  compare('bus', bus, der.bus);
  compare('phases', phases, der.phases.join(''));
  compare('nameplate, W,', nameplate_W, der.nameplate_W);
  compare('devices', [...deviceIds].sort().join(' '), [...der.deviceIds].sort().join(' '));
  return reasons;
}
