/**
 * Step 7 · As much energy in all as the feeder carries, whoever delivers it: DERs where the feeder is weak may end at
 * zero, and the result says how many do.
 */
import { decide } from './decide.ts';
import { moreEnergy } from './more-energy.ts';
import type { Policy } from './policy.ts';

export const maxEnergy: Policy = {
  name: 'max-energy',
  async decide(check, requests, safety) {
    const verdict = await decide(check, requests, safety, async (envelope, asked, shares) => {
      const floor = asked.map(() => 0);
      return moreEnergy(envelope, shares, { floor, ceiling: asked });
    });
    const atZero = requests.filter(
      ({ uid, quantity_W }) => quantity_W > 0 && verdict.quantities.get(uid) === 0,
    );
    if (atZero.length === 0 || verdict.outcome !== 'CURTAILED') return verdict;
    return { ...verdict, note: `${verdict.note}; ${atZero.length} of ${requests.length} DERs get nothing` };
  },
};
