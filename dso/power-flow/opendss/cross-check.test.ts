/**
 * The two engines against each other, and OpenDSS against published results: two programs by different people,
 * with a translation between them, that agree.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { ensurePythonEnvironment } from '../../python-environment.ts';
import { GridLabD } from '../gridlabd/engine.ts';
import type { FeederModel, PowerFlow, PowerFlowCase, Solution } from '../power-flow.ts';
import { isSolved } from '../power-flow.ts';
import { magnitude, polar, subtract } from './complex.ts';
import { OpenDss } from './engine.ts';
import { GlmReader } from './glm-reader.ts';
import { findOpenDss } from './library-file.ts';
import { parseComplex } from './quantities.ts';

const { python, folder } = await ensurePythonEnvironment('engine', { quiet: true });
const library = findOpenDss(folder);
const feeders = (path: string) => fileURLToPath(new URL(`../../../feeders/${path}`, import.meta.url));
const AS_MODELLED: PowerFlowCase = { loadFactors: {}, derPower_W: {} };

async function solved(engine: PowerFlow, one: PowerFlowCase): Promise<Solution> {
  const result = await engine.solve(one);
  if (!isSolved(result)) throw new RangeError(JSON.stringify(result));
  return result;
}

interface Feeder {
  readonly model: FeederModel;
  readonly cases: readonly PowerFlowCase[];
}

const IEEE13_LINKS: FeederModel['ratings'] = new Map([
  ['line_632-6321', { kind: 'current', rating: 700 }],
  ['line_692-675', { kind: 'current', rating: 260 }],
  ['switch_671-692', { kind: 'current', rating: 600 }],
  ['transformer_633-634', { kind: 'power', rating: 500_000 }],
  ['fregn650n630', { kind: 'power', rating: 5_000_000 }],
]);
const IEEE13: Feeder = {
  model: {
    file: feeders('ieee13-original/ieee13.glm'),
    scaledLoads: ['l634', 'l645', 'l646', 'l652', 'l671', 'l692', 'l6711', 'l6321'],
    ders: [
      { derId: 'three', bus: 'l675', phases: ['A', 'B', 'C'] },
      { derId: 'low', bus: 'l634', phases: ['A', 'B', 'C'] },
      { derId: 'one', bus: 'l645', phases: ['B'] },
      { derId: 'two', bus: 'n684', phases: ['A', 'C'] },
    ],
    ratings: IEEE13_LINKS,
  },
  cases: [
    AS_MODELLED,
    { loadFactors: {}, derPower_W: { three: 900e3, low: 250e3, one: 150e3, two: 200e3 } },
    { loadFactors: { l634: 0.3, l646: 2, l652: 0.5, l671: 0.2, l692: 3 }, derPower_W: { three: 2e6 } },
    { loadFactors: { l646: 0, l652: 0, l692: 0, l671: 0 }, derPower_W: { three: 3e6, one: -50e3 } },
  ],
};
const FEEDERS: Readonly<Record<string, Feeder>> = {
  'ieee13-original': IEEE13,
  ieee13: { ...IEEE13, model: { ...IEEE13.model, file: feeders('ieee13/ieee13.glm') } },
  ieee123: {
    model: {
      file: feeders('ieee123/ieee123.glm'),
      scaledLoads: ['n48', 'n76', 'n5', 'n6'],
      ders: [
        { derId: 'three', bus: 'n48', phases: ['A', 'B', 'C'] },
        { derId: 'far', bus: 'n83', phases: ['A', 'B', 'C'] },
        { derId: 'one', bus: 'n6', phases: ['C'] },
      ],
      ratings: new Map([
        ['overhead_line_1_7', { kind: 'current', rating: 400 }],
        ['tr611610', { kind: 'power', rating: 150_000 }],
        ['reg1501491', { kind: 'power', rating: 5e6 }],
      ]),
    },
    cases: [
      AS_MODELLED,
      { loadFactors: {}, derPower_W: { three: 500e3, far: 400e3, one: 60e3 } },
      { loadFactors: { n48: 2, n76: 0.2, n5: 3, n6: 0 }, derPower_W: { far: 3e6 } },
    ],
  },
  'all kinds': {
    model: {
      file: fileURLToPath(new URL('../../testing/all-kinds.glm', import.meta.url)),
      scaledLoads: ['regulated', 'delta_child', 'low', 'high', 'house'],
      ders: [
        { derId: 'high', bus: 'high', phases: ['A', 'B', 'C'] },
        { derId: 'house', bus: 'house', phases: ['B'] },
      ],
      ratings: new Map([
        ['line_given', { kind: 'current', rating: 100 }],
        ['transformer_down', { kind: 'power', rating: 1e6 }],
        ['transformer_up', { kind: 'current', rating: 50 }],
        ['transformer_pole', { kind: 'power', rating: 1e5 }],
        ['reactor', { kind: 'current', rating: 60 }],
        ['fuse_b', { kind: 'current', rating: 10 }],
      ]),
    },
    cases: [
      AS_MODELLED,
      { loadFactors: {}, derPower_W: { high: 300e3, house: 90e3 } },
      { loadFactors: { regulated: 0.1, delta_child: 2.5, low: 0, high: 0.5, house: 2 }, derPower_W: {} },
    ],
  },
};

for (const [name, { model, cases }] of Object.entries(FEEDERS)) {
  test(`${name}: GridLAB-D and OpenDSS agree, with and without DERs`, async (t) => {
    const record = await GridLabD.open(model, { python });
    t.teardown(() => record.close());
    const search = await OpenDss.open(model, { library });
    t.teardown(() => search.close());
    const { engine: _, ...described } = search.description;
    const { engine: __, ...expected } = record.description;
    t.deepEqual(described, expected);
    let [gap_pu, gap_deg, loadingGap, swingGap] = [0, 0, 0, 0];
    let at = '';
    for (const one of cases) {
      const [a, b] = [await solved(record, one), await solved(search, one)];
      a.magnitude_pu.forEach((value, i) => {
        const gap = Math.abs(value - b.magnitude_pu[i]!);
        if (gap > gap_pu) at = record.description.nodePhases[i]!;
        gap_pu = Math.max(gap_pu, gap);
        gap_deg = Math.max(gap_deg, Math.abs(a.angle_deg[i]! - b.angle_deg[i]!));
      });
      a.loading_pu.forEach((value, i) => {
        loadingGap = Math.max(loadingGap, Math.abs(value - b.loading_pu[i]!));
      });
      swingGap = Math.max(swingGap, Math.abs(a.swing_W - b.swing_W));
    }
    t.log(`${gap_pu.toExponential(1)} pu at ${at}, ${gap_deg.toExponential(1)} deg`);
    t.log(`loadings ${loadingGap.toExponential(1)} pu, swing ${swingGap.toFixed(0)} W`);
    t.true(gap_pu < 1e-6);
    t.true(loadingGap < 1e-6);
    t.true(swingGap < 1);
  });
}

type Polar = readonly [magnitude_pu: number, angle_deg: number];

/** OpenDSS's voltages of a model as it stands, by `node.phase`. */
async function voltagesOf(t: ExecutionContext, file: string): Promise<(at: string) => Polar | undefined> {
  const engine = await OpenDss.open({ file, ders: [], scaledLoads: [] }, { library });
  t.teardown(() => engine.close());
  const { magnitude_pu, angle_deg } = await solved(engine, AS_MODELLED);
  const place = new Map(engine.description.nodePhases.map((at, i) => [at, i]));
  return (at) => {
    const i = place.get(at);
    return i === undefined ? undefined : [magnitude_pu[i]!, angle_deg[i]!];
  };
}

test('IEEE 13 by OpenDSS agrees with the published voltage profile within 0.0005 pu and 0.05 degrees', async (t) => {
  const found = await voltagesOf(t, feeders('ieee13-original/ieee13.glm'));
  const text = readFileSync(feeders('ieee13-original/published.json'), 'utf8');
  const { source: _, ...published } = JSON.parse(text) as Record<string, Record<string, Polar>>;
  let [compared, largest_pu] = [0, 0];
  for (const [bus, phases] of Object.entries(published)) {
    for (const [phase, [magnitude_pu, angle_deg]] of Object.entries(phases)) {
      const names = bus === 'RG60' ? ['n630'] : [`n${bus}`, `l${bus}`];
      const voltage = names.map((name) => found(`${name}.${phase}`)).find((one) => one !== undefined);
      if (voltage === undefined) {
        t.fail(`${bus}.${phase} is not in the solution`);
        continue;
      }
      const gap_pu = Math.abs(voltage[0] - magnitude_pu);
      t.true(gap_pu <= 0.0005, `${bus}.${phase}: ${gap_pu} pu`);
      t.true(Math.abs(voltage[1] - angle_deg) <= 0.05, `${bus}.${phase} angle`);
      largest_pu = Math.max(largest_pu, gap_pu);
      compared++;
    }
  }
  t.log(`${compared} voltages, largest difference ${largest_pu.toFixed(5)} pu`);
  t.is(compared, 35);
});

// `l652.A` of IEEE 13 is left out: the asserted value belongs to another cable (feeders/README.md).
for (const [folder, model, least] of [
  ['ieee13-original', 'ieee13.glm', 31],
  ['ieee123', 'ieee123.glm', 41],
] as const) {
  test(`${folder} by OpenDSS agrees with the voltages that GridLAB-D’s own tests assert`, async (t) => {
    const file = feeders(`${folder}/${model}`);
    const found = await voltagesOf(t, file);
    const text = readFileSync(feeders(`${folder}/reference.json`), 'utf8');
    const reference = JSON.parse(text) as Record<string, Record<string, [string, number]>>;
    const { objects } = new GlmReader(file, readFileSync(file, 'utf8'));
    let [compared, largest_V] = [0, 0];
    for (const [node, phases] of Object.entries(reference)) {
      for (const [property, [value, tolerance_V]] of Object.entries(phases)) {
        const at = `${node}.${property.slice(-1)}`;
        const expected = parseComplex(value, 'V');
        const voltage = found(at);
        if (expected === undefined || voltage === undefined) {
          t.fail(`${at}: ${value} and ${voltage}`);
          continue;
        }
        if (at === 'l652.A') continue;
        const nominal_V = objects.get(node)?.number('nominal_voltage', 'V') ?? Number.NaN;
        const distance_V = magnitude(subtract(polar(voltage[0] * nominal_V, voltage[1]), expected));
        t.true(distance_V <= tolerance_V, `${at}: ${distance_V.toFixed(2)} V off`);
        largest_V = Math.max(largest_V, distance_V);
        compared++;
      }
    }
    t.log(`${compared} voltages, largest difference ${largest_V.toFixed(2)} V`);
    t.true(compared >= least);
  });
}
