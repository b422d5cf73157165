/**
 * The suite of an engine for three-wire feeders, `deltaConformance(test, 'name', open)`: voltages between lines and
 * DERs between lines, against arithmetic by hand.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@fieldbid/core/errors';
import type { TestFn } from 'ava';
import { type FeederModel, isSolved, type Phase, type PowerFlow, type Solution } from './power-flow.ts';

const LINE_V = 4800;
const R_OHM = 1;

/** A source of 4.8 kV between lines and one mile of line with 1 ohm in each conductor and nothing else. */
function twoBuses(phases: string): { file: string; remove: () => void } {
  const zeros = ['12', '13', '21', '23', '31', '32'].map((ij) => `\tz${ij} 0+0j;`).join('\n');
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-delta-'));
  const file = join(folder, 'two-buses.glm');
  writeFileSync(
    file,
    `clock {\n\ttimezone UTC0;\n\tstarttime '2000-01-01 00:00:00';\n\tstoptime '2100-01-01 00:00:00';\n}
module powerflow {\n\tsolver_method NR;\n}
object node {\n\tname source;\n\tphases ${phases};\n\tbustype SWING;\n\tnominal_voltage 2771.2813;
\tvoltage_A 2771.281292+0j;\n\tvoltage_B -1385.640646-2400j;\n\tvoltage_C -1385.640646+2400j;\n}
object node {\n\tname far;\n\tphases ${phases};\n\tnominal_voltage 2771.2813;\n}
object line_configuration {\n\tname lc;\n\tz11 ${R_OHM}+0j;\n\tz22 ${R_OHM}+0j;\n\tz33 ${R_OHM}+0j;\n${zeros}\n}
object underground_line {\n\tname line;\n\tphases ABC;\n\tfrom source;\n\tto far;\n\tlength 5280;\n\tconfiguration lc;\n}
`,
  );
  return { file, remove: () => rmSync(folder, { recursive: true }) };
}

const ders = (bus: string) =>
  (['AB', 'BC', 'AC', 'ABC'] as const).map((text) => ({
    derId: text,
    bus,
    phases: [...text] as Phase[],
  }));
const POWER_W = 200_000;

export function deltaConformance(
  test: TestFn,
  name: string,
  open: (model: FeederModel) => Promise<PowerFlow>,
): void {
  for (const phases of ['ABCD', 'ABC']) {
    test(`${name}: bus with phases ${phases}: a DER between two lines lifts their voltage, and bends the other two`, async (t) => {
      const { file, remove } = twoBuses(phases);
      const model: FeederModel = { file, ders: ders('far'), scaledLoads: [], voltages: 'line-to-line' };
      const engine = await open(model);
      t.deepEqual(engine.description.nodePhases.slice(-3), ['far.AB', 'far.BC', 'far.CA']);
      const far = async (derId: string) => {
        const result = await engine.solve({ loadFactors: {}, derPower_W: { [derId]: POWER_W } });
        t.true(isSolved(result));
        return (result as Solution).magnitude_pu.slice(-3);
      };
      // I = P / V and V = 4800 + 2 R I, all in phase: V is the larger root of V² - 4800 V - 2 R P = 0.
      const between_V = (LINE_V + Math.sqrt(LINE_V ** 2 + 8 * R_OHM * POWER_W)) / 2;
      // The other two change at one end only, by R I at 60 degrees.
      const shift_V = (R_OHM * POWER_W) / between_V;
      const beside_V = Math.hypot(LINE_V / 2 + shift_V, (LINE_V * Math.sqrt(3)) / 2);
      for (const [derId, at] of [
        ['AB', 0],
        ['BC', 1],
        ['AC', 2],
      ] as const) {
        const expected = [0, 1, 2].map((i) => (i === at ? between_V : beside_V) / LINE_V);
        (await far(derId)).forEach((found, i) => {
          t.true(Math.abs(found - expected[i]!) < 1e-6, `${derId} ${i}: ${found}, not ${expected[i]}`);
        });
      }
      // Balanced: a third of the power per phase of the star that is equal to it.
      const star_V = LINE_V / Math.sqrt(3);
      const lifted_V = (star_V + Math.sqrt(star_V ** 2 + (4 * R_OHM * POWER_W) / 3)) / 2;
      for (const found of await far('ABC')) t.true(Math.abs(found - lifted_V / star_V) < 1e-6);
      await engine.close();
      remove();
    });
  }

  test(`${name}: a DER on a single phase of a three-wire feeder is refused by name`, async (t) => {
    const { file, remove } = twoBuses('ABCD');
    const one: FeederModel = {
      file,
      ders: [{ derId: 'pv', bus: 'far', phases: ['A'] }],
      scaledLoads: [],
      voltages: 'line-to-line',
    };
    await t.throwsAsync(open(one), { instanceOf: InputError, message: /\/ders\/pv.*A/ });
    remove();
  });
}
