/**
 * M5, M6 · Who may do what, checked inside the contract: an organisation can only issue certificates of its
 * own MSP, so a role counts only together with the organisation it belongs to.
 */
import type { Caller } from './context.ts';
import { Refused } from './refusal.ts';

export const DSO_MSP = 'DsoMSP';
/** `DeraMSP`, or one organisation per aggregator: `DeraNorthMSP`. */
const DERA_MSP = /^Dera[A-Za-z0-9-]*MSP$/;

export function requireDso(caller: Caller): void {
  if (caller.mspId !== DSO_MSP) throw wrongOrg(caller, DSO_MSP);
  if (caller.role !== 'dso') throw wrongRole(caller, 'dso');
}

/** The caller is this very aggregator. */
export function requireDera(caller: Caller, deraId: string): void {
  if (!DERA_MSP.test(caller.mspId)) throw wrongOrg(caller, 'DeraMSP');
  if (caller.role !== 'dera') throw wrongRole(caller, 'dera');
  if (caller.deraId !== deraId) {
    throw new Refused(
      'WRONG_AGGREGATOR',
      `The caller acts for ${caller.deraId ?? 'no aggregator'}, not for ${deraId}.`,
      { deraId },
    );
  }
}

function wrongOrg({ mspId }: Caller, expected: string): Refused {
  return new Refused('WRONG_ORG', `Only ${expected} may do this; the caller is of ${mspId}.`, {
    found: mspId,
    expected,
  });
}

function wrongRole({ role }: Caller, expected: string): Refused {
  return new Refused(
    'WRONG_ROLE',
    `Only the role ${expected} may do this; the caller has ${role || 'none'}.`,
    { found: role, expected },
  );
}
