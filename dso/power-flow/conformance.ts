/**
 * The suite that every PowerFlow passes: `powerFlowConformance(test, 'name', open)`; `open` starts an engine
 * with a model. It runs on the unmodified IEEE 13-bus feeder.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '@fieldbid/core/errors';
import type { ExecutionContext, TestFn } from 'ava';
import {
  type DerConnection,
  type Extremes,
  type FeederModel,
  isSolved,
  type LinkRating,
  type NoSolution,
  type PowerFlow,
  type PowerFlowCase,
} from './power-flow.ts';

export const IEEE13_FILE = fileURLToPath(
  new URL('../../feeders/ieee13-original/ieee13.glm', import.meta.url),
);

const LOADS = ['l634', 'l645', 'l646', 'l652', 'l671', 'l692', 'l6711', 'l6321'];
const DERS: DerConnection[] = [
  { derId: 'three', bus: 'l675', phases: ['A', 'B', 'C'] },
  { derId: 'one-a', bus: 'l675', phases: ['A'] },
  { derId: 'one-b', bus: 'l675', phases: ['B'] },
  { derId: 'one-c', bus: 'l675', phases: ['C'] },
  { derId: 'low', bus: 'l634', phases: ['A', 'B', 'C'] },
];
const MODEL: FeederModel = { file: IEEE13_FILE, ders: DERS, scaledLoads: LOADS };
/** A line that carries little, one that carries much, and the transformer 633-634. */
const RATINGS = new Map<string, LinkRating>([
  ['line_632-633', { kind: 'current', rating: 340 }],
  ['line_630-632', { kind: 'current', rating: 730 }],
  ['transformer_633-634', { kind: 'power', rating: 500e3 }],
]);
const AS_MODELLED: PowerFlowCase = { loadFactors: {}, derPower_W: {} };
const HOPELESS: PowerFlowCase = { loadFactors: {}, derPower_W: { three: -80e6 } };
/** An answer must not depend on what was solved before by more than this, pu. */
const REPEATABLE_PU = 1e-6;

export function powerFlowConformance(
  test: TestFn,
  name: string,
  open: (model: FeederModel) => Promise<PowerFlow>,
): void {
  const withEngine =
    (model: FeederModel, body: (t: ExecutionContext, engine: PowerFlow) => Promise<void>) =>
    async (t: ExecutionContext) => {
      const engine = await open(model);
      try {
        await body(t, engine);
      } finally {
        await engine.close();
      }
    };

  test(
    `${name}: describes nodes, phases, nominal voltages and the swing bus`,
    withEngine(MODEL, async (t, { description }) => {
      t.is(description.swing, 'n650');
      const node = (wanted: string) => description.nodes.find((n) => n.name === wanted);
      t.deepEqual(node('l611')?.phases, ['C']);
      t.deepEqual(node('n684')?.phases, ['A', 'C']);
      t.true(Math.abs((node('l634')?.nominal_V ?? 0) - 480 / Math.sqrt(3)) < 0.01);
      t.true(description.nodePhases.includes('l675.B'));
      t.is(node('l6711'), undefined, 'a child has the voltage of its parent');
    }),
  );

  test(
    `${name}: an answer does not depend on the cases before it`,
    withEngine(MODEL, async (t, engine) => {
      const cases = Array.from({ length: 12 }, (_, i) => ({
        loadFactors: Object.fromEntries(LOADS.map((load, j) => [load, 0.2 + ((i * 7 + j * 3) % 10) / 8])),
        derPower_W: { three: 1e5 * (i % 5), low: 4e4 * (i % 3), 'one-c': i % 2 === 0 ? 0 : 2e5 },
      }));
      const forwards = await engine.solveMany(cases);
      const backwards = (await engine.solveMany([...cases].reverse())).reverse();
      const shuffled = await engine.solveMany(cases.map((_, i) => cases[(i * 5) % 12]!));
      forwards.forEach((result, i) => {
        near(t, solved(result), solved(backwards[i]!));
        near(t, solved(shuffled[i]!), solved(forwards[(i * 5) % 12]!));
      });
      t.true(new Set(forwards.map((r) => solved(r).max_pu.toFixed(5))).size > 6, 'the cases differ');
    }),
  );

  test(
    `${name}: solve and solveMany agree`,
    withEngine(MODEL, async (t, engine) => {
      const one = { loadFactors: { l671: 0.5 }, derPower_W: { three: 3e5 } };
      const all = solved(await engine.solve(one));
      const extremes = solved((await engine.solveMany([one]))[0]!);
      t.is(all.magnitude_pu.length, engine.description.nodePhases.length);
      t.is(all.angle_deg.length, engine.description.nodePhases.length);
      const max_pu = Math.max(...all.magnitude_pu);
      t.true(Math.abs(max_pu - extremes.max_pu) < REPEATABLE_PU);
      t.is(engine.description.nodePhases[all.magnitude_pu.indexOf(max_pu)], extremes.maxAt);
      t.true(Math.abs(Math.min(...all.magnitude_pu) - extremes.min_pu) < REPEATABLE_PU);
    }),
  );

  test(
    `${name}: a three-phase DER is three of a third each, and injection lifts the voltage`,
    withEngine(MODEL, async (t, engine) => {
      const third = { 'one-a': 1e5, 'one-b': 1e5, 'one-c': 1e5 };
      const [none, three, thirds] = await engine.solveMany([
        AS_MODELLED,
        { loadFactors: {}, derPower_W: { three: 3e5 } },
        { loadFactors: {}, derPower_W: third },
      ]);
      near(t, solved(three!), solved(thirds!));
      t.true(solved(three!).min_pu > solved(none!).min_pu);
    }),
  );

  test(
    `${name}: loadings of rated links and the substation's power are those that IEEE published`,
    withEngine({ ...MODEL, ratings: RATINGS }, async (t, engine) => {
      t.deepEqual(engine.description.ratedLinks, [...RATINGS.keys()]);
      const all = solved(await engine.solve(AS_MODELLED));
      // Largest phase currents: 81.33 A in 632-633, 586.60 A from the regulator to 632; system input 3577.191 kW.
      // The transformer carries (160+120+120) kW and (110+90+90) kvar, and what it loses.
      const [branch = 0, trunk = 0, transformer = 0] = all.loading_pu;
      t.true(Math.abs(branch - 81.33 / 340) < 0.0005, `${branch * 340} A`);
      t.true(Math.abs(trunk - 586.6 / 730) < 0.001, `${trunk * 730} A`);
      t.true(transformer > Math.hypot(400, 290) / 500 && transformer < 1.03, `${transformer}`);
      t.true(Math.abs(all.swing_W - 3577191) < 1000, `${all.swing_W} W`);
      const extremes = solved((await engine.solveMany([AS_MODELLED]))[0]!);
      t.is(extremes.loadingAt, 'transformer_633-634');
      t.true(Math.abs(extremes.loading_pu - transformer) < REPEATABLE_PU);
      t.true(Math.abs(extremes.swing_W - all.swing_W) < 1);
    }),
  );

  test(
    `${name}: a feeder that exports has a negative swing power, and its links carry as much`,
    withEngine({ ...MODEL, ratings: RATINGS }, async (t, engine) => {
      const none = Object.fromEntries(LOADS.map((load) => [load, 0]));
      const surplus = { loadFactors: none, derPower_W: { three: 3e6, low: 1e6 } };
      const [extremes] = await engine.solveMany([surplus]);
      const { swing_W, loading_pu, loadingAt } = solved(extremes!);
      // The loads of l675 and l611 are not scaled: 843 kW and 170 kW; losses take the rest.
      t.true(swing_W < -2.6e6 && swing_W > -(4e6 - 843e3 - 170e3), `${swing_W} W`);
      t.is(loadingAt, 'transformer_633-634');
      t.true(loading_pu > 1.8 && loading_pu < 2.1, `${loading_pu}`);
    }),
  );

  test(
    `${name}: without rated links there is no loading`,
    withEngine(MODEL, async (t, engine) => {
      const { loading_pu, loadingAt } = solved((await engine.solveMany([AS_MODELLED]))[0]!);
      t.is(loading_pu, 0);
      t.is(loadingAt, null);
      t.deepEqual(solved(await engine.solve(AS_MODELLED)).loading_pu, []);
    }),
  );

  test(
    `${name}: a hopeless case has no solution, and the cases around it have theirs`,
    withEngine(MODEL, async (t, engine) => {
      const [expected] = await engine.solveMany([AS_MODELLED]);
      const results = await engine.solveMany([AS_MODELLED, HOPELESS, AS_MODELLED, HOPELESS, AS_MODELLED]);
      t.deepEqual(
        results.map((result) => isSolved(result)),
        [true, false, true, false, true],
      );
      for (const i of [0, 2, 4]) near(t, solved(results[i]!), solved(expected!));
      t.false(isSolved(await engine.solve(HOPELESS)));
      const after = solved(await engine.solve(AS_MODELLED));
      t.true(Math.abs(Math.max(...after.magnitude_pu) - solved(expected!).max_pu) < REPEATABLE_PU);
    }),
  );

  test(
    `${name}: a case that names what is not there, or no number, is refused and harms nothing`,
    withEngine(MODEL, async (t, engine) => {
      const wrong: PowerFlowCase[] = [
        { loadFactors: { nowhere: 1 }, derPower_W: {} },
        { loadFactors: { l671: -1 }, derPower_W: {} },
        { loadFactors: {}, derPower_W: { nobody: 1 } },
        { loadFactors: {}, derPower_W: { three: Number.NaN } },
        { loadFactors: {}, derPower_W: { three: Number.POSITIVE_INFINITY } },
      ];
      for (const one of wrong) {
        await t.throwsAsync(engine.solve(one), { instanceOf: InputError });
        await t.throwsAsync(engine.solveMany([AS_MODELLED, one]), { instanceOf: InputError });
      }
      t.true(isSolved(await engine.solve(AS_MODELLED)));
    }),
  );

  test(
    `${name}: many calls at once each get their own answer`,
    withEngine(MODEL, async (t, engine) => {
      const powers = [0, 1e5, 2e5, 3e5, 4e5];
      const cases = powers.map((three) => ({ loadFactors: {}, derPower_W: { three } }));
      const together = await engine.solveMany(cases);
      const apart = await Promise.all(cases.map((one) => engine.solve(one)));
      apart.forEach((result, i) => {
        const max_pu = Math.max(...solved(result).magnitude_pu);
        t.true(Math.abs(max_pu - solved(together[i]!).max_pu) < REPEATABLE_PU);
      });
    }),
  );

  test(
    `${name}: DERs on the same bus and phases add up, whichever of them a case names`,
    withEngine(
      { ...MODEL, ders: [...DERS, { derId: 'three-too', bus: 'l675', phases: ['A', 'B', 'C'] }] },
      async (t, engine) => {
        const alone = solved(await engine.solve({ loadFactors: {}, derPower_W: { three: 3e5 } }));
        for (const derPower_W of [{ 'three-too': 3e5 }, { three: 1e5, 'three-too': 2e5 }]) {
          const { magnitude_pu } = solved(await engine.solve({ loadFactors: {}, derPower_W }));
          magnitude_pu.forEach(
            (pu, i) => void t.true(Math.abs(pu - (alone.magnitude_pu[i] ?? 0)) < REPEATABLE_PU),
          );
        }
      },
    ),
  );

  test(`${name}: a loaded island is refused by name`, async (t) => {
    const file = variant('status CLOSED;', 'status OPEN;');
    await t.throwsAsync(open({ ...MODEL, file }), { code: 'ISLANDED_NODE', message: /l675\.[ABC]/ });
    remove(file);
  });

  test(`${name}: a regulator in automatic control is held at its taps, and that is said`, async (t) => {
    const file = variant('Control MANUAL;', 'Control LINE_DROP_COMP;');
    const [held, manual] = [await open({ ...MODEL, file }), await open(MODEL)];
    remove(file);
    t.true(held.description.remarks.some((remark) => remark.includes('regconfig6506321')));
    t.deepEqual(manual.description.remarks, []);
    const light = { loadFactors: Object.fromEntries(LOADS.map((load) => [load, 0.1])), derPower_W: {} };
    const cases = [AS_MODELLED, light, AS_MODELLED];
    const [a, b] = [await held.solveMany(cases), await manual.solveMany(cases)];
    a.forEach((result, i) => {
      near(t, solved(result), solved(b[i]!));
    });
    await held.close();
    await manual.close();
  });

  test(`${name}: a closed engine says so`, async (t) => {
    const engine = await open(MODEL);
    await engine.close();
    await engine.close();
    await t.throwsAsync(engine.solve(AS_MODELLED), { code: 'ENGINE_UNAVAILABLE' });
  });
}

function solved<T extends object>(result: T | NoSolution): Exclude<T, NoSolution> {
  if (!isSolved(result)) throw new RangeError(`no solution: ${JSON.stringify(result)}`);
  return result as Exclude<T, NoSolution>;
}

function near(t: ExecutionContext, a: Extremes, b: Extremes): void {
  t.is(a.maxAt, b.maxAt);
  t.is(a.minAt, b.minAt);
  t.true(Math.abs(a.max_pu - b.max_pu) < REPEATABLE_PU, `${a.max_pu} and ${b.max_pu}`);
  t.true(Math.abs(a.min_pu - b.min_pu) < REPEATABLE_PU, `${a.min_pu} and ${b.min_pu}`);
}

/** The feeder with one text replaced by another, in a folder of its own. */
function variant(text: string, by: string): string {
  const glm = readFileSync(IEEE13_FILE, 'utf8');
  if (!glm.includes(text)) throw new RangeError(`${IEEE13_FILE} has no ${text}`);
  const file = join(mkdtempSync(join(tmpdir(), 'fieldbid-variant-')), 'ieee13.glm');
  writeFileSync(file, glm.replace(text, by));
  return file;
}

function remove(file: string): void {
  rmSync(join(file, '..'), { recursive: true, force: true });
}
