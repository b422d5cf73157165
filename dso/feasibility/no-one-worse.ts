/**
 * Step 7 · As much energy in all as the feeder carries, with nobody below the share that `proportional` would give: what
 * is freed by a DER that does not bind goes to those who can use it.
 */
import { decide } from './decide.ts';
import { moreEnergy } from './more-energy.ts';
import type { Policy } from './policy.ts';

export const noOneWorse: Policy = {
  name: 'no-one-worse',
  decide: (check, requests, safety) =>
    decide(check, requests, safety, (envelope, asked, shares) =>
      moreEnergy(envelope, shares, { floor: shares, ceiling: asked }),
    ),
};
