/** M21 · Ratings and reverse power as limits of the same search, on the real engine. */
import test from 'ava';
import { Feeder, type FeederData } from '../feeder/feeder.ts';
import type { Extremes } from '../power-flow/power-flow.ts';
import { checkOfMinute } from '../testing/generated-cases.ts';
import { ninePv, type OpenEngines, openEngines } from '../testing/nine-pv.ts';
import { bareLimits, limitsWithMargin, measure } from './limits.ts';
import type { Request, Verdict } from './policy.ts';
import { proportional } from './proportional.ts';

const NOON = 720;
const TRANSFORMER = 'transformer_633-634';

const solved: Extremes = {
  max_pu: 1.04,
  maxAt: 'n1.A',
  min_pu: 0.97,
  minAt: 'n2.B',
  loading_pu: 0.5,
  loadingAt: 'line',
  swing_W: -300_000,
};

test('the worst of voltages, ratings and reverse power counts, each in its own pu', (t) => {
  const limits = bareLimits({ low_pu: 0.95, high_pu: 1.05, export_W: 400_000 });
  // 0.01 pu below the upper limit, 0.02 above the lower one, half of a rating, 100 of 400 kW left.
  const inside = measure(solved, limits);
  t.is(inside.node, 'n1.A');
  t.true(Math.abs(inside.violation_pu + 0.01) < 1e-12);
  t.like(measure({ ...solved, loading_pu: 1.2 }, limits), { node: 'line' });
  const exporting = measure({ ...solved, swing_W: -500_000 }, limits);
  t.is(exporting.node, 'substation');
  t.is(exporting.violation_pu, 0.25);
  // Where nothing may flow back there is nothing to measure by: 1 MW is one pu.
  const none = bareLimits({ low_pu: 0.95, high_pu: 1.05, export_W: 0 });
  t.is(measure(solved, none).violation_pu, 0.3);
});

test('what is outside without any DER is not laid at their door', (t) => {
  const bare = bareLimits({ low_pu: 0.95, high_pu: 1.05 });
  const low = limitsWithMargin(bare, 0.002, { ...solved, min_pu: 0.94 });
  t.is(low.low_pu, Number.NEGATIVE_INFINITY);
  const overloaded = limitsWithMargin(bare, 0.002, { ...solved, loading_pu: 1.01 });
  t.true(Math.abs(overloaded.loading_pu - 1.03) < 1e-12);
  const fine = limitsWithMargin(bare, 0.002, solved);
  t.like(fine, { high_pu: 1.048, loading_pu: 1 });
});

async function onFeeder(
  data: Partial<FeederData>,
  body: (engines: OpenEngines) => Promise<void>,
): Promise<void> {
  const engines = await openEngines(new Feeder({ ...ninePv().data, ...data }));
  try {
    await body(engines);
  } finally {
    await engines.close();
  }
}

function decide(
  engines: OpenEngines,
  share: number,
  only?: string,
): { requests: Request[]; verdict: Promise<Verdict> } {
  const requests = engines.feeder.ders.map(({ derId, nameplate_W }) => ({
    uid: derId,
    derId,
    quantity_W: only === undefined || only === derId ? Math.floor(nameplate_W * share) : 0,
  }));
  return { requests, verdict: proportional.decide(checkOfMinute(engines, NOON), requests, 'none') };
}

/** What the approved quantities do, solved once more. */
async function approvedFlow({ feeder, powerFlow }: OpenEngines, { quantities }: Verdict): Promise<Extremes> {
  const derPower_W = Object.fromEntries(quantities);
  const [result] = await powerFlow.solveMany([feeder.caseAt({ minuteOfDay: NOON + 0.5, derPower_W })]);
  return result as Extremes;
}

test('a rated transformer binds, and is loaded to its rating', async (t) => {
  const ratings = new Map([[TRANSFORMER, { kind: 'power', rating: 330_000 } as const]]);
  await onFeeder({ ratings }, async (engines) => {
    // Less flows into it at noon without DER: 600 kW of PV behind it reverse that.
    const verdict = await decide(engines, 1.5, 'pv-634').verdict;
    t.like(verdict, { outcome: 'CURTAILED', binding: { node: TRANSFORMER } });
    const { loading_pu } = await approvedFlow(engines, verdict);
    t.true(loading_pu <= 1 + 1e-6 && loading_pu > 0.999, String(loading_pu));
    t.regex(verdict.note, /of its rating/);
  });
});

test('reverse power at the substation binds, and is let through to its limit', async (t) => {
  const { limits } = ninePv().data;
  await onFeeder({ limits: { ...limits, export_W: 500_000 } }, async (engines) => {
    const verdict = await decide(engines, 0.75).verdict;
    t.like(verdict, { outcome: 'CURTAILED', binding: { node: 'substation' } });
    const { swing_W } = await approvedFlow(engines, verdict);
    t.true(-swing_W <= 500_001 && -swing_W > 499_000, String(swing_W));
    t.regex(verdict.note, /kW would flow back at the substation/);
  });
});

test('a rating of the DSO that is broken without any DER, and stays so: INFEASIBLE_AT_ZERO; the model’s nameplate is not', async (t) => {
  for (const [nameplate, outcome] of [
    [{}, 'INFEASIBLE_AT_ZERO'],
    [{ nameplate: true }, 'ACCEPTED'],
  ] as const) {
    const ratings = new Map([[TRANSFORMER, { kind: 'power', rating: 50_000, ...nameplate } as const]]);
    await onFeeder({ ratings }, async (engines) => {
      const verdict = await decide(engines, 0.001).verdict;
      t.is(verdict.outcome, outcome);
      if (outcome === 'INFEASIBLE_AT_ZERO') t.is(verdict.binding?.node, TRANSFORMER);
    });
  }
});
