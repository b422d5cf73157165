/**
 * Step 7 · The paper's policy (M20): all quantities of all DERs scaled by one factor, the largest for which every
 * voltage, line and transformer stays within its limits in every forecast minute, and in every outcome of the clearing.
 */
import { decide } from './decide.ts';
import type { Policy } from './policy.ts';

export const proportional: Policy = {
  name: 'proportional',
  decide: (check, requests, safety) =>
    decide(check, requests, safety, async (_envelope, _asked, shares) => [...shares]),
};
