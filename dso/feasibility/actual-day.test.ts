/**
 * A9: the DSO decides on forecasts; what the day really brings must stay within the limits all the same. Loads
 * deviate by 3 % at most, PV is what the sky leaves of the allocation, and the market clears a part.
 */
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@fieldbid/core/logging';
import { seededRandom } from '@fieldbid/core/random';
import test from 'ava';
import { loadFeeder } from '../feeder/load-feeder.ts';
import { openPowerFlow } from '../feeder/open-feeder.ts';
import { isSolved } from '../power-flow/power-flow.ts';
import { IntervalCheck } from './interval-check.ts';
import type { Request } from './policy.ts';
import { proportional } from './proportional.ts';

const feeder = loadFeeder(fileURLToPath(new URL('../../feeders/ieee13/feeder.yaml', import.meta.url)));
const engine = await openPowerFlow(feeder, silentLogger(), true);
const { low_pu, high_pu } = feeder.data.limits;
const LOAD_DEVIATION = 0.03;

test.after.always(() => engine.close());

function checkOf(start: number): IntervalCheck {
  return new IntervalCheck({
    feeder,
    powerFlow: engine,
    startMinuteOfDay: start,
    duration_min: 15,
    margin_pu: feeder.data.margin_pu,
    silentDerIds: [],
  });
}

/** Bids at clear-sky power, decided; then a prefix of a random merit order is awarded, and verified. */
async function allocated(start: number, seed: number): Promise<Map<string, number>> {
  const random = seededRandom(seed, `market ${start}`);
  const check = checkOf(start);
  const bids: Request[] = feeder.ders.map(({ derId }) => ({
    uid: derId,
    derId,
    quantity_W: Math.floor(feeder.clearSky_W(derId, start + 7.5)),
  }));
  const approved = (await proportional.decide(check, bids, 'none')).quantities;
  const order = bids.map(({ derId }) => ({ derId, rank: random.uniform() })).sort((a, b) => a.rank - b.rank);
  const cleared = seed % 2 === 0 ? order.length : Math.floor(random.uniform() * (order.length + 1));
  const awarded = new Set(order.slice(0, cleared).map(({ derId }) => derId));
  const awards = bids.map((bid) => ({
    ...bid,
    quantity_W: awarded.has(bid.derId) ? (approved.get(bid.uid) ?? 0) : 0,
  }));
  const verdict = await proportional.decide(check, awards, 'none');
  return new Map(verdict.quantities);
}

interface Actual {
  load: (name: string) => number;
  sky: (derId: string) => number;
}

async function voltages(
  start: number,
  allocation: ReadonlyMap<string, number>,
  actual: Actual,
): Promise<[number, number]> {
  const results = await engine.solveMany(
    Array.from({ length: 15 }, (_, i) => {
      const minuteOfDay = start + i + 0.5;
      return feeder.caseAt({
        minuteOfDay,
        loadFactors: Object.fromEntries(
          [...feeder.data.loads.keys()].map((load) => [load, actual.load(load)]),
        ),
        derPower_W: Object.fromEntries(
          feeder.ders.map(({ derId }) => {
            const available_W = feeder.clearSky_W(derId, minuteOfDay) * actual.sky(derId);
            return [derId, Math.min(available_W, allocation.get(derId) ?? 0)];
          }),
        ),
      });
    }),
  );
  const solved = results.filter(isSolved);
  if (solved.length < results.length) return [0, 9];
  return [Math.min(...solved.map((r) => r.min_pu)), Math.max(...solved.map((r) => r.max_pu))];
}

for (const seed of [1, 2, 3, 4, 5]) {
  test.serial(
    `seed ${seed}: no minute leaves the limits, whatever cleared and whatever deviates`,
    async (t) => {
      for (const start of [30, 420, 540, 630, 705, 735, 780, 840, 915, 1200]) {
        const allocation = await allocated(start, seed);
        const random = seededRandom(seed, `day ${start}`);
        const actual: Actual = {
          load: () => 1 + LOAD_DEVIATION * (2 * random.uniform() - 1),
          sky: () => 0.85 + 0.15 * random.uniform(),
        };
        const [min, max] = await voltages(start, allocation, actual);
        t.true(min >= low_pu && max <= high_pu, `minute ${start}: ${min} … ${max}`);
      }
    },
  );
}

test.serial(
  'the margin holds in the worst corner: every load at its least, every DER at its allocation',
  async (t) => {
    for (const start of [600, 720, 735, 780, 900]) {
      const allocation = await allocated(start, 2);
      const [, max] = await voltages(start, allocation, { load: () => 1 - LOAD_DEVIATION, sky: () => 1 });
      t.true(max <= high_pu, `minute ${start}: ${max}`);
      t.true(max > high_pu - 0.001, `and most of it is needed: ${max}`);
    }
  },
);

test.serial('without the DSO the same day leaves them', async (t) => {
  const everything = new Map(feeder.ders.map(({ derId, nameplate_W }) => [derId, nameplate_W]));
  const [, max] = await voltages(720, everything, { load: () => 1, sky: () => 0.95 });
  t.true(max > 1.06, `${max}`);
});
