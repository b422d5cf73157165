/** IEEE 37 on GridLAB-D against an independent model of it on OpenDSS (feeders/ieee37/README.md). */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { ensurePythonEnvironment } from '../../python-environment.ts';
import type { Solution } from '../power-flow.ts';
import { GridLabD } from './engine.ts';

const { python } = await ensurePythonEnvironment('engine', { quiet: true });
const feeder = (path: string) => fileURLToPath(new URL(`../../../feeders/ieee37/${path}`, import.meta.url));
const TOLERANCE_PU = 0.0002;
const TOLERANCE_DEG = 0.02;
/** The source's A-B is the reference of the angles there; in the model it leads its A by this. */
const A_TO_AB_DEG = 30;

interface Reference {
  readonly voltages: Record<string, Record<string, [magnitude_pu: number, angle_deg: number]>>;
}

test('IEEE 37: every voltage between lines agrees with OpenDSS within 0.0002 pu and 0.02 degrees', async (t) => {
  const { voltages } = JSON.parse(readFileSync(feeder('reference.json'), 'utf8')) as Reference;
  const model = { file: feeder('ieee37.glm'), ders: [], scaledLoads: [], voltages: 'line-to-line' } as const;
  const engine = await GridLabD.open(model, { python });
  const { nodePhases } = engine.description;
  const solution = (await engine.solve({ loadFactors: {}, derPower_W: {} })) as Solution;
  await engine.close();
  let largest_pu = 0;
  let compared = 0;
  for (const [bus, pairs] of Object.entries(voltages)) {
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
  t.log(`${compared} voltages, largest difference ${largest_pu.toFixed(6)} pu`);
  t.is(compared, nodePhases.length);
});

test('IEEE 37: the regulators lift A-B by 7 steps and B-C by 4, and C-A by what follows', async (t) => {
  const model = { file: feeder('ieee37.glm'), ders: [], scaledLoads: [], voltages: 'line-to-line' } as const;
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
