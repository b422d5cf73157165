/**
 * The paper's factor against a plain bisection that shares nothing with the policy but the feeder: OpenDSS on generated
 * intervals of IEEE 13 and IEEE 123.
 */
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { loadFeeder } from '../feeder/load-feeder.ts';
import { isSolved } from '../power-flow/power-flow.ts';
import { bindingCases, checkOfMinute, type GeneratedCase } from '../testing/generated-cases.ts';
import { ninePv, type OpenEngines, openEngines } from '../testing/nine-pv.ts';
import { proportional } from './proportional.ts';

const LARGEST_DIFFERENCE = 1e-3;

async function bisected(
  { feeder, search }: OpenEngines,
  { minuteOfDay, requests }: GeneratedCase,
): Promise<number> {
  const { low_pu, high_pu } = feeder.data.limits;
  const fits = async (factor: number): Promise<boolean> => {
    const derPower_W = Object.fromEntries(
      requests.map(({ derId, quantity_W }) => [derId, factor * quantity_W]),
    );
    const [result] = await search.solveMany([feeder.caseAt({ minuteOfDay: minuteOfDay + 0.5, derPower_W })]);
    if (result === undefined || !isSolved(result)) return false;
    return result.max_pu <= high_pu && result.min_pu >= low_pu && result.loading_pu <= 1;
  };
  let [low, high] = [0, 1];
  while (high - low > 1e-5) {
    const middle = (low + high) / 2;
    if (await fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

async function compare(t: ExecutionContext, engines: OpenEngines, count: number): Promise<void> {
  let furthest = 0;
  for (const one of await bindingCases(engines, count, 1000)) {
    const verdict = await proportional.decide(checkOfMinute(engines, one.minuteOfDay), one.requests, 'none');
    const expected = await bisected(engines, one);
    const difference = Math.abs(verdict.alpha_ppm / 1e6 - expected);
    t.true(difference <= LARGEST_DIFFERENCE, `${verdict.alpha_ppm} ppm and ${expected}`);
    furthest = Math.max(furthest, difference);
  }
  t.log(`${count} cases of ${engines.feeder.id}: furthest apart ${furthest.toExponential(1)}`);
}

test('IEEE 13 with nine PV systems', async (t) => {
  const engines = await openEngines(ninePv());
  try {
    await compare(t, engines, 60);
  } finally {
    await engines.close();
  }
});

test('IEEE 123', async (t) => {
  const file = fileURLToPath(new URL('../../feeders/ieee123/feeder.yaml', import.meta.url));
  const engines = await openEngines(loadFeeder(file));
  try {
    await compare(t, engines, 20);
  } finally {
    await engines.close();
  }
});
