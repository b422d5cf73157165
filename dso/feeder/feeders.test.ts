/** The feeders that come with the project: what each is there to show holds, hour by hour. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { isSolved, type Solution } from '../power-flow/power-flow.ts';
import { bareFeeder } from './bare-feeder.ts';
import { brokenLimit } from './limits.ts';
import { loadFeeder } from './load-feeder.ts';
import { openPowerFlow } from './open-feeder.ts';

const path = (name: string) => fileURLToPath(new URL(`../../feeders/${name}`, import.meta.url));
const HOURS = Array.from({ length: 24 }, (_, hour) => hour * 60);

for (const [name, ders, feasibleWithoutDer] of [
  ['ieee13', 12, true],
  ['ieee13-original', 9, false],
  ['ieee37', 20, true],
  ['ieee123', 52, true],
] as const) {
  test(`${name}: ${feasibleWithoutDer ? 'feasible' : 'infeasible'} without DER at every hour, and outside at noon under a clear sky`, async (t) => {
    const feeder = loadFeeder(path(`${name}/feeder.yaml`));
    t.is(feeder.ders.length, ders);
    t.true(new Set(feeder.ders.map(({ phases }) => phases.length)).size > 1, 'three-phase and smaller ones');
    const powerFlow = await openPowerFlow(feeder, silentLogger(), true);
    const without = await powerFlow.solveMany(
      HOURS.map((minuteOfDay) => feeder.caseAt({ minuteOfDay, derPower_W: {} })),
    );
    // The DSO keeps its margin: a feeder that only just fits would leave it nothing to approve.
    const { limits, margin_pu } = feeder.data;
    const within = { ...limits, low_pu: limits.low_pu + margin_pu, high_pu: limits.high_pu - margin_pu };
    for (const result of without) t.is(brokenLimit(within, result) === undefined, feasibleWithoutDer);
    const derPower_W = Object.fromEntries(
      feeder.ders.map(({ derId }) => [derId, feeder.clearSky_W(derId, 720)]),
    );
    const [noon] = await powerFlow.solveMany([feeder.caseAt({ minuteOfDay: 720, derPower_W })]);
    await powerFlow.close();
    t.is(noon === undefined ? undefined : brokenLimit(limits, noon)?.limit, 'high_pu');
  });
}

test('IEEE 123: capacitors as objects of their own change nothing; only the taps do', async (t) => {
  const original = readFileSync(path('ieee123/ieee123.glm'), 'utf8');
  const taps = [...original.matchAll(/tap_pos_[ABC] -?\d+;/g)].map(([text]) => text);
  let i = 0;
  const modified = readFileSync(path('ieee123/ieee123-modified.glm'), 'utf8');
  const text = modified.replace(/tap_pos_[ABC] -?\d+;/g, () => taps[i++] ?? '');
  t.is(i, taps.length);
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-ieee123-'));
  const file = join(folder, 'ieee123.glm');
  writeFileSync(file, text);
  const solved = async (glm: string): Promise<Solution> => {
    const powerFlow = await openPowerFlow(
      bareFeeder(glm, { low_pu: 0.95, high_pu: 1.05 }),
      silentLogger(),
      true,
    );
    const solution = await powerFlow.solve({ loadFactors: {}, derPower_W: {} });
    await powerFlow.close();
    if (!isSolved(solution)) throw new RangeError(solution.reason);
    return solution;
  };
  const [a, b] = [await solved(path('ieee123/ieee123.glm')), await solved(file)];
  t.is(a.magnitude_pu.length, b.magnitude_pu.length);
  a.magnitude_pu.forEach((pu, at) => {
    t.true(Math.abs(pu - (b.magnitude_pu[at] ?? 0)) < 1e-5);
  });
  rmSync(folder, { recursive: true });
});
