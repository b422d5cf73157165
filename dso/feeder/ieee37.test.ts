/** IEEE 37 on GridLAB-D against an independent model of it on OpenDSS (feeders/ieee37/README.md). */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { GridLabD } from '../power-flow/gridlabd/engine.ts';
import type { Solution } from '../power-flow/power-flow.ts';
import { ensurePythonEnvironment } from '../python-environment.ts';
import { loadFeeder } from './load-feeder.ts';

const { python } = await ensurePythonEnvironment('engine', { quiet: true });
const feeder = (path: string) => fileURLToPath(new URL(`../../feeders/ieee37/${path}`, import.meta.url));
const TOLERANCE_PU = 0.0002;
const TOLERANCE_DEG = 0.02;
const TOLERANCE_KW = 1;
/** The source's A-B is the reference of the angles there; in the model it leads its A by this. */
const A_TO_AB_DEG = 30;

type Case = 'asPublished' | 'everyDerAtNameplate';

interface Reference {
  readonly swing_kW: Record<Case, number>;
  readonly cases: Record<Case, Record<string, Record<string, [magnitude_pu: number, angle_deg: number]>>>;
}

const { cases, swing_kW } = JSON.parse(readFileSync(feeder('reference.json'), 'utf8')) as Reference;
const { ders } = loadFeeder(feeder('feeder.yaml'));
const model = { file: feeder('ieee37.glm'), ders, scaledLoads: [], voltages: 'line-to-line' } as const;

for (const [name, share] of [
  ['asPublished', 0],
  ['everyDerAtNameplate', 1],
] as const) {
  test(`IEEE 37, ${name}: every voltage between lines agrees with OpenDSS within 0.0002 pu and 0.02 degrees`, async (t) => {
    const engine = await GridLabD.open(model, { python });
    const { nodePhases } = engine.description;
    const derPower_W = Object.fromEntries(ders.map(({ derId, nameplate_W }) => [derId, share * nameplate_W]));
    const solution = (await engine.solve({ loadFactors: {}, derPower_W })) as Solution;
    await engine.close();
    let largest_pu = 0;
    let compared = 0;
    for (const [bus, pairs] of Object.entries(cases[name])) {
      for (const [pair, [magnitude_pu, angle_deg]] of Object.entries(pairs)) {
        const i = nodePhases.findIndex((at) => at === `n${bus}.${pair}` || at === `l${bus}.${pair}`);
        const off_pu = Math.abs((solution.magnitude_pu[i] ?? 0) - magnitude_pu);
        const off_deg = ((solution.angle_deg[i] ?? 999) - A_TO_AB_DEG - angle_deg + 540) % 360;
        t.true(off_pu <= TOLERANCE_PU, `${bus}.${pair}: ${off_pu} pu off`);
        t.true(Math.abs(off_deg - 180) <= TOLERANCE_DEG, `${bus}.${pair}: ${off_deg - 180} degrees off`);
        largest_pu = Math.max(largest_pu, off_pu);
        compared++;
      }
    }
    t.is(compared, nodePhases.length);
    const off_kW = Math.abs(solution.swing_W / 1000 - swing_kW[name]);
    t.true(off_kW <= TOLERANCE_KW, `substation ${off_kW} kW off`);
    t.log(
      `${compared} voltages, largest difference ${largest_pu.toFixed(6)} pu; substation ${off_kW.toFixed(2)} kW`,
    );
  });
}

test('IEEE 37: the regulators lift A-B by 7 steps and B-C by 4, and C-A by what follows', async (t) => {
  const engine = await GridLabD.open(model, { python });
  const { nodePhases } = engine.description;
  const { magnitude_pu } = (await engine.solve({ loadFactors: {}, derPower_W: {} })) as Solution;
  await engine.close();
  const [ab, bc] = [1 + 7 * 0.00625, 1 + 4 * 0.00625];
  // V_CA = -(V_AB + V_BC), and these are 120 degrees apart.
  const expected = { AB: ab, BC: bc, CA: Math.sqrt(ab ** 2 + bc ** 2 - ab * bc) };
  for (const [pair, value] of Object.entries(expected)) {
    t.true(Math.abs(magnitude_pu[nodePhases.indexOf(`n799r.${pair}`)]! - value) < 2e-5, pair);
  }
});
