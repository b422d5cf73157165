/** No policy: everything as asked, whatever it does to the feeder, which is computed all the same (`--no-dso`). */
import { extremesOf, type IntervalCheck, isFeasible, worstOf } from './interval-check.ts';
import type { Policy, Request, Verdict } from './policy.ts';

export const unrestricted: Policy = {
  name: 'none',

  async decide(check: IntervalCheck, requests: readonly Request[]): Promise<Verdict> {
    const inject = check.injector(requests.map(({ derId }) => derId));
    const results = await check.evaluate(inject((i) => requests[i]?.quantity_W ?? 0));
    const extremes = extremesOf(results);
    const feasible = isFeasible(results);
    const worst = worstOf(results);
    return {
      outcome: 'ACCEPTED',
      alpha_ppm: 1_000_000,
      quantities: new Map(requests.map(({ uid, quantity_W }) => [uid, quantity_W])),
      original: extremes,
      approved: extremes,
      envelope: { safety: 'none', factor_ppm: 1_000_000, outcomes: 1, worstOutcome: null, distance_pu: null },
      binding: feasible ? null : { node: worst.node, value: null, case: worst.case },
      note: `not enforced: approved as asked${feasible ? '' : ', although the feeder does not carry it'}`,
    };
  },
};
