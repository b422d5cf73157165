import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FieldbidError, InputError } from '@fieldbid/core/errors';
import test, { type ExecutionContext } from 'ava';
import { ensurePythonEnvironment } from '../../python-environment.ts';
import { IEEE13_FILE, powerFlowConformance } from '../conformance.ts';
import { type FeederModel, isSolved, type Solution } from '../power-flow.ts';
import { GridLabD } from './engine.ts';

const { python } = await ensurePythonEnvironment('engine', { quiet: true });
const feeders = (path: string) => fileURLToPath(new URL(`../../../feeders/${path}`, import.meta.url));
const bare = (file: string): FeederModel => ({ file, ders: [], scaledLoads: [] });

powerFlowConformance(test, 'gridlabd', (model) => GridLabD.open(model, { python }));

interface Voltage {
  readonly magnitude_pu: number;
  readonly angle_deg: number;
  readonly nominal_V: number;
}

/** All voltages of a model as it stands, by `node.phase`. */
async function voltagesOf(file: string): Promise<Map<string, Voltage>> {
  const engine = await GridLabD.open(bare(file), { python });
  const { nodes, nodePhases } = engine.description;
  const nominal = new Map(nodes.map(({ name, nominal_V }) => [name, nominal_V]));
  const { magnitude_pu, angle_deg } = (await engine.solve({ loadFactors: {}, derPower_W: {} })) as Solution;
  await engine.close();
  return new Map(
    nodePhases.map((at, i) => {
      const nominal_V = nominal.get(at.slice(0, -2)) ?? Number.NaN;
      return [at, { magnitude_pu: magnitude_pu[i]!, angle_deg: angle_deg[i]!, nominal_V }];
    }),
  );
}

/** `2445.01-2.56d` as GridLAB-D writes a voltage: magnitude in V, angle in degrees. */
function polar(text: string): { magnitude_V: number; angle_deg: number } {
  const [, magnitude, angle = '0'] = /^\+?([\d.]+)([+-][\d.]+)?d?$/.exec(text) ?? [];
  return { magnitude_V: Number(magnitude), angle_deg: Number(angle) };
}

/** @returns the largest distance in the complex plane, V. */
async function compareReference(t: ExecutionContext, folder: string, model: string): Promise<number> {
  const found = await voltagesOf(feeders(`${folder}/${model}`));
  const reference = JSON.parse(readFileSync(feeders(`${folder}/reference.json`), 'utf8')) as Record<
    string,
    Record<string, [string, number]>
  >;
  let compared = 0;
  let largest_pu = 0;
  for (const [node, phases] of Object.entries(reference)) {
    for (const [property, [text, tolerance_V]] of Object.entries(phases)) {
      const at = `${node}.${property.slice(-1)}`;
      const voltage = found.get(at);
      if (voltage === undefined) {
        t.fail(`${at} is in the reference and not in the solution`);
        continue;
      }
      const expected = polar(text);
      const distance_V = distance(voltage.magnitude_pu * voltage.nominal_V, voltage.angle_deg, expected);
      // The value asserted for l652 belongs to another cable (feeders/README.md); the published one is checked below.
      if (at !== 'l652.A') t.true(distance_V <= tolerance_V, `${at}: ${distance_V.toFixed(2)} V off`);
      largest_pu = Math.max(
        largest_pu,
        Math.abs(voltage.magnitude_pu - expected.magnitude_V / voltage.nominal_V),
      );
      compared++;
    }
  }
  t.log(`${folder}: ${compared} voltages, largest difference ${largest_pu.toFixed(5)} pu`);
  return compared;
}

function distance(
  magnitude: number,
  angle_deg: number,
  to: { magnitude_V: number; angle_deg: number },
): number {
  const rad = Math.PI / 180;
  return Math.hypot(
    magnitude * Math.cos(angle_deg * rad) - to.magnitude_V * Math.cos(to.angle_deg * rad),
    magnitude * Math.sin(angle_deg * rad) - to.magnitude_V * Math.sin(to.angle_deg * rad),
  );
}

test('IEEE 13 agrees with the voltages that GridLAB-D’s own tests assert', async (t) => {
  t.is(await compareReference(t, 'ieee13-original', 'ieee13.glm'), 32);
});

test('IEEE 123 agrees with the voltages that GridLAB-D’s own tests assert', async (t) => {
  t.true((await compareReference(t, 'ieee123', 'ieee123.glm')) > 40);
});

test('IEEE 13 agrees with the published voltage profile within 0.0005 pu and 0.05 degrees', async (t) => {
  const found = await voltagesOf(IEEE13_FILE);
  const published = JSON.parse(readFileSync(feeders('ieee13-original/published.json'), 'utf8')) as Record<
    string,
    Record<string, [number, number]>
  >;
  let compared = 0;
  for (const [bus, phases] of Object.entries(published)) {
    if (bus === 'source') continue;
    const name =
      bus === 'RG60' ? 'n630' : found.has(`n${bus}.${Object.keys(phases)[0]}`) ? `n${bus}` : `l${bus}`;
    for (const [phase, [magnitude_pu, angle_deg]] of Object.entries(phases)) {
      const voltage = found.get(`${name}.${phase}`);
      t.true(Math.abs((voltage?.magnitude_pu ?? 0) - magnitude_pu) <= 0.0005, `${name}.${phase}`);
      t.true(Math.abs((voltage?.angle_deg ?? 999) - angle_deg) <= 0.05, `${name}.${phase} angle`);
      compared++;
    }
  }
  t.is(compared, 35);
});

test('a model that GridLAB-D cannot read is rejected with file, line and reason', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-broken-'));
  const file = join(folder, 'broken.glm');
  const lines = readFileSync(IEEE13_FILE, 'utf8').split('\n');
  lines[100] = '\tthis is not GLM';
  writeFileSync(file, lines.join('\n'));
  const error = await t.throwsAsync(GridLabD.open(bare(file), { python }), { code: 'FEEDER_REJECTED' });
  t.true(error instanceof FieldbidError && error.message.includes(file));
  const line = Number((error as FieldbidError).details.line);
  t.true(line >= 100 && line <= 103, `line ${line}`);
  rmSync(folder, { recursive: true });
  await t.throwsAsync(GridLabD.open(bare(join(folder, 'gone.glm')), { python }), { instanceOf: InputError });
});

test('a DER on a bus or phase that the model lacks is refused by name', async (t) => {
  const der = (bus: string, phases: 'A'[]): FeederModel => ({
    ...bare(IEEE13_FILE),
    ders: [{ derId: 'pv', bus, phases }],
  });
  await t.throwsAsync(GridLabD.open(der('l999', ['A']), { python }), { message: /l999/ });
  await t.throwsAsync(GridLabD.open(der('l611', ['A']), { python }), { message: /l611.*phases among C/ });
});

test('an engine that is killed is started again, and the case is solved', async (t) => {
  const engine = await GridLabD.open(bare(IEEE13_FILE), { python });
  const one = { loadFactors: {}, derPower_W: {} };
  const [before] = await engine.solveMany([one]);
  const pid = engine.pid;
  process.kill(pid ?? 0, 'SIGKILL');
  const [after] = await engine.solveMany([one]);
  t.deepEqual(after, before);
  t.not(engine.pid, pid);
  await engine.close();
});

test('an engine that does not answer in time is a case without a solution, not a hang', async (t) => {
  const engine = await GridLabD.open(bare(IEEE13_FILE), { python, solveDeadline_ms: 500 });
  process.kill(engine.pid ?? 0, 'SIGSTOP');
  const one = { loadFactors: {}, derPower_W: {} };
  const [stopped] = await engine.solveMany([one]);
  t.like(stopped, { failure: 'TIMED_OUT' });
  t.true(isSolved((await engine.solveMany([one]))[0]!));
  await engine.close();
});

test('without a Python that has GridLAB-D the engine is unavailable, and may be later', async (t) => {
  const error = await t.throwsAsync(GridLabD.open(bare(IEEE13_FILE), { python: '/nowhere/python3' }), {
    code: 'ENGINE_UNAVAILABLE',
  });
  t.true((error as FieldbidError).retryable);
});
