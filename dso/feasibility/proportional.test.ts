import { fileURLToPath } from 'node:url';
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import fc from 'fast-check';
import { Feeder, type FeederData } from '../feeder/feeder.ts';
import { loadFeeder } from '../feeder/load-feeder.ts';
import { openPowerFlow } from '../feeder/open-feeder.ts';
import { isSolved, type PowerFlow } from '../power-flow/power-flow.ts';
import { IntervalCheck } from './interval-check.ts';
import type { Request } from './policy.ts';
import { proportional } from './proportional.ts';
import { unrestricted } from './unrestricted.ts';

const file = (path: string) => fileURLToPath(new URL(`../../feeders/${path}`, import.meta.url));
const feeder = loadFeeder(file('ieee13/feeder.yaml'));
const engine = await openPowerFlow(feeder, silentLogger(), true);
const NOON = 720;
const NIGHT = 120;

test.after.always(() => engine.close());

interface Setting {
  start?: number;
  margin_pu?: number;
  silentDerIds?: string[];
  on?: Feeder;
  powerFlow?: PowerFlow;
}

function checkOf({
  start = NOON,
  margin_pu = 0.002,
  silentDerIds = [],
  on = feeder,
  powerFlow = engine,
}: Setting) {
  const fixed = { feeder: on, powerFlow, startMinuteOfDay: start, duration_min: 15 };
  return new IntervalCheck({ ...fixed, margin_pu, silentDerIds });
}

function requestsOf(quantity: (derId: string, nameplate_W: number) => number): Request[] {
  return feeder.ders.map(({ derId, nameplate_W }) => ({
    uid: `bid ${derId}`,
    derId,
    quantity_W: quantity(derId, nameplate_W),
  }));
}

/** Highest and lowest voltage over the interval, computed without anything of the policy's. */
async function rangeOf(
  start: number,
  requests: readonly Request[],
  factor: number,
): Promise<[number, number]> {
  const derPower_W = Object.fromEntries(
    requests.map(({ derId, quantity_W }) => [derId, quantity_W * factor]),
  );
  const minutes = Array.from({ length: 15 }, (_, i) => start + i + 0.5);
  const results = await engine.solveMany(
    minutes.map((minuteOfDay) => feeder.caseAt({ minuteOfDay, derPower_W })),
  );
  const solved = results.filter(isSolved);
  if (solved.length < results.length) return [Number.POSITIVE_INFINITY, 0];
  return [Math.max(...solved.map((r) => r.max_pu)), Math.min(...solved.map((r) => r.min_pu))];
}

function approvedOf(requests: readonly Request[], quantities: ReadonlyMap<string, number>): Request[] {
  return requests.map((request) => ({ ...request, quantity_W: quantities.get(request.uid) ?? -1 }));
}

test.serial('the factor is the one that a plain bisection finds, and what is approved fits', async (t) => {
  const length = { minLength: feeder.ders.length, maxLength: feeder.ders.length };
  const shares = fc.noBias(fc.array(fc.integer({ min: 0, max: 160 }), length));
  let curtailed = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 95 }), shares, async (interval, share) => {
      const start = interval * 15;
      const requests = requestsOf((derId, nameplate_W) =>
        Math.floor((nameplate_W * (share[feeder.ders.findIndex((der) => der.derId === derId)] ?? 0)) / 100),
      );
      const verdict = await proportional.decide(checkOf({ start }), requests, 'none');
      const fits = async (factor: number): Promise<boolean> => {
        const [max, min] = await rangeOf(start, requests, factor);
        return max <= 1.048 && min >= 0.952;
      };
      let [low, high] = (await fits(1)) ? [1, 1] : [0, 1];
      while (high - low > 2e-4) {
        const middle = (low + high) / 2;
        if (await fits(middle)) low = middle;
        else high = middle;
      }
      t.true(Math.abs(verdict.alpha_ppm / 1e6 - low) <= 1e-3, `${verdict.alpha_ppm} ppm and ${low}`);
      const approved = approvedOf(requests, verdict.quantities);
      const [max, min] = await rangeOf(start, approved, 1);
      t.true(max <= 1.048 + 1e-6 && min >= 0.952 - 1e-6, `${min} … ${max}`);
      t.true(Math.abs(max - (verdict.approved?.max_pu ?? 0)) < 1e-6);
      requests.forEach(({ quantity_W }, i) => {
        t.is(approved[i]?.quantity_W, Math.floor((quantity_W * verdict.alpha_ppm) / 1e6));
      });
      if (verdict.outcome === 'CURTAILED') curtailed++;
    }),
    { numRuns: 12, seed: 13 },
  );
  t.true(curtailed >= 4, `${curtailed} of 12 cases bind`);
});

test.serial('what fits is approved as asked', async (t) => {
  const requests = requestsOf((_, nameplate_W) => Math.floor(nameplate_W / 4));
  const verdict = await proportional.decide(checkOf({}), requests, 'none');
  t.like(verdict, { outcome: 'ACCEPTED', alpha_ppm: 1_000_000, binding: null });
  t.deepEqual(approvedOf(requests, verdict.quantities), requests);
});

test.serial('a binding interval costs about 15 + 15 + 6 + 15 solves, and says what bound', async (t) => {
  const check = checkOf({});
  const verdict = await proportional.decide(
    check,
    requestsOf((_, nameplate_W) => nameplate_W),
    'none',
  );
  t.is(verdict.outcome, 'CURTAILED');
  t.true(check.solves <= 56, `${check.solves} solves`);
  t.is(verdict.binding?.node, 'l611.C');
  t.true((verdict.original?.max_pu ?? 0) > 1.06);
});

test.serial('nobody bids, nobody is there: accepted, with the feeder’s own voltages', async (t) => {
  const verdict = await proportional.decide(checkOf({ start: NIGHT }), [], 'none');
  t.like(verdict, { outcome: 'ACCEPTED', alpha_ppm: 1_000_000 });
  const [max, min] = await rangeOf(NIGHT, [], 1);
  t.true(Math.abs((verdict.approved?.max_pu ?? 0) - max) < 1e-6);
  t.true(Math.abs((verdict.approved?.min_pu ?? 0) - min) < 1e-6);
});

test.serial('one DER alone', async (t) => {
  const requests: Request[] = [{ uid: 'u', derId: 'pv-611-c', quantity_W: 2_000_000 }];
  const verdict = await proportional.decide(checkOf({}), requests, 'none');
  t.is(verdict.outcome, 'CURTAILED');
  const [max] = await rangeOf(NOON, approvedOf(requests, verdict.quantities), 1);
  t.true(max <= 1.048 + 1e-6 && max > 1.0478, `${max}`);
});

test.serial('a gross overload, where the power flow diverges, is scaled until it fits', async (t) => {
  const requests: Request[] = [{ uid: 'u', derId: 'pv-675', quantity_W: 60_000_000 }];
  const verdict = await proportional.decide(checkOf({}), requests, 'none');
  t.is(verdict.original, null, 'as asked there is no solution');
  t.is(verdict.outcome, 'CURTAILED');
  t.true((verdict.quantities.get('u') ?? 0) > 100_000);
  t.true((verdict.approved?.max_pu ?? 2) <= 1.048 + 1e-6);
});

test.serial('a silent DER counts at clear-sky power and at nothing', async (t) => {
  const silentDerIds = ['pv-611-c', 'pv-680'];
  const requests = requestsOf((_, nameplate_W) => nameplate_W).filter(
    ({ derId }) => !silentDerIds.includes(derId),
  );
  const check = checkOf({ silentDerIds });
  t.is(check.cases.length, 30);
  const verdict = await proportional.decide(check, requests, 'none');
  const approved = approvedOf(requests, verdict.quantities);
  for (const share of [0, 1]) {
    for (const minute of [0, 7, 14]) {
      const minuteOfDay = NOON + minute + 0.5;
      const uncontrolled = silentDerIds.map(
        (id) => [id, share * feeder.clearSky_W(id, minuteOfDay)] as const,
      );
      const bids = approved.map(({ derId, quantity_W }) => [derId, quantity_W] as const);
      const derPower_W = Object.fromEntries([...uncontrolled, ...bids]);
      const [result] = await engine.solveMany([feeder.caseAt({ minuteOfDay, derPower_W })]);
      t.true(isSolved(result!) && result.max_pu <= 1.048 + 1e-6);
    }
  }
  const answering = await proportional.decide(checkOf({}), requests, 'none');
  t.true(verdict.alpha_ppm < answering.alpha_ppm);
  t.is(checkOf({ silentDerIds, start: NIGHT }).cases.length, 15, 'at night they deliver nothing either way');
});

test.serial('a margin does not make a feasible feeder infeasible', async (t) => {
  // Without DER the regulator stands at 1.0437 pu: inside the limits, and inside a margin of 0.01.
  const check = checkOf({ margin_pu: 0.01 });
  const verdict = await proportional.decide(
    check,
    requestsOf((_, nameplate_W) => nameplate_W),
    'none',
  );
  t.is(verdict.outcome, 'CURTAILED');
  t.true((verdict.approved?.max_pu ?? 2) <= (await rangeOf(NOON, [], 0))[0] + 0.001 + 1e-6);
  t.true(verdict.alpha_ppm > 100_000, 'what does not raise the highest voltage is approved');
});

/** The unmodified feeder, at its published load all day. */
function original(loads: number): FeederData {
  const flat = (value: number) => Array.from({ length: 1441 }, () => value);
  const names = ['l634', 'l645', 'l646', 'l652', 'l671', 'l692', 'l6711', 'l6321'];
  return {
    ...feeder.data,
    id: 'original',
    modelFile: file('ieee13-original/ieee13.glm'),
    ders: feeder.ders.filter(({ bus }) => bus !== 'cap611'),
    loads: new Map(names.map((name) => [name, flat(loads)])),
    clearSky: flat(1),
  };
}

test.serial('A5: the unmodified IEEE 13 is above 1.05 pu without any DER: INFEASIBLE_AT_ZERO', async (t) => {
  const on = new Feeder(original(1));
  const powerFlow = await openPowerFlow(on, silentLogger(), true);
  const check = checkOf({ on, powerFlow });
  const verdict = await proportional.decide(
    check,
    requestsOf((_, nameplate_W) => nameplate_W),
    'none',
  );
  await powerFlow.close();
  t.is(verdict.outcome, 'INFEASIBLE_AT_ZERO');
  t.is(verdict.binding?.node, 'n630.C');
  t.regex(verdict.note, /n630\.C would be at 1\.0687 pu/);
  t.true([...verdict.quantities.values()].every((quantity_W) => quantity_W === 0));
  t.true(check.solves <= 30);
});

test.serial('A6: undervoltage is never a reason to scale generation down', async (t) => {
  // Loads of 1.6 times the evening's: too low without DER.
  const heavy = new Feeder({
    ...feeder.data,
    loads: new Map([...feeder.data.loads].map(([load, pattern]) => [load, pattern.map((p) => 1.6 * p)])),
  });
  const start = 1200;
  const none = await proportional.decide(checkOf({ on: heavy, start }), [], 'none');
  t.like(none, { outcome: 'INFEASIBLE_UNDERVOLTAGE', alpha_ppm: 0 });
  t.true((none.approved?.min_pu ?? 1) < 0.95);
  const little = requestsOf(() => 5000);
  const notEnough = await proportional.decide(checkOf({ on: heavy, start }), little, 'none');
  t.is(notEnough.outcome, 'INFEASIBLE_UNDERVOLTAGE');
  t.true((notEnough.original?.min_pu ?? 0) > (none.approved?.min_pu ?? 1), 'generation helps');
  const cured = await proportional.decide(
    checkOf({ on: heavy, start }),
    requestsOf((_, nameplate_W) => Math.floor(nameplate_W * 0.7)),
    'none',
  );
  t.like(cured, { outcome: 'ACCEPTED', alpha_ppm: 1_000_000 });
  t.true((cured.approved?.min_pu ?? 0) >= 0.95);
});

test.serial('without a policy everything is approved and its effect computed', async (t) => {
  const requests = requestsOf((_, nameplate_W) => nameplate_W);
  const verdict = await unrestricted.decide(checkOf({}), requests, 'none');
  t.is(verdict.outcome, 'ACCEPTED');
  t.deepEqual(approvedOf(requests, verdict.quantities), requests);
  t.true((verdict.original?.max_pu ?? 0) > 1.06);
  t.is(verdict.binding?.node, 'l611.C');
});
