import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@fieldbid/core/errors';
import test, { type ExecutionContext } from 'ava';
import { ensurePythonEnvironment } from '../../python-environment.ts';
import { IEEE13_FILE, powerFlowConformance } from '../conformance.ts';
import { type FeederModel, isSolved, type Solution } from '../power-flow.ts';
import { OpenDss } from './engine.ts';
import { findOpenDss } from './library-file.ts';

const { folder } = await ensurePythonEnvironment('engine', { quiet: true });
const library = findOpenDss(folder);
const bare = (file: string): FeederModel => ({ file, ders: [], scaledLoads: [] });
const AS_MODELLED = { loadFactors: {}, derPower_W: {} };

powerFlowConformance(test, 'opendss', (model) => OpenDss.open(model, { library }));

async function opened(t: ExecutionContext, model: FeederModel, solveDeadline_ms?: number): Promise<OpenDss> {
  const engine = await OpenDss.open(model, {
    library,
    ...(solveDeadline_ms === undefined ? {} : { solveDeadline_ms }),
  });
  t.teardown(() => engine.close());
  return engine;
}

/** The IEEE 13-bus feeder with more text, or one text replaced. */
function variant(t: ExecutionContext, edit: (glm: string) => string): string {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-variant-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'ieee13.glm');
  writeFileSync(file, edit(readFileSync(IEEE13_FILE, 'utf8')));
  return file;
}

test('what the translation does not know is refused by object and class', async (t) => {
  const cases: [edit: (glm: string) => string, message: RegExp][] = [
    [
      (glm) => `${glm}\nobject triplex_meter {\n\tname house;\n\tphases AS;\n}`,
      /class of triplex_meter house/,
    ],
    [
      (glm) => glm.replace('lower_taps 16;', 'lower_taps 16;\n\tshunt 3;'),
      /property shunt of regulator_configuration/,
    ],
    [
      (glm) => glm.replace('length 500;', 'length 500 parsec;'),
      /length 500 parsec of overhead_line line_632-645/,
    ],
    [
      (glm) => glm.replace('connect_type WYE_WYE', 'connect_type 5'),
      /connect_type 5 of transformer_configuration tc400/,
    ],
    [(glm) => `#include "more.glm"\n${glm}`, /#include "more.glm"/],
    [(glm) => `${glm}\nobject load {\n\tphases A;\n}`, /1 objects that have no name/],
    [
      (glm) => glm.replace('solver_method NR;', 'solver_method NR;\n\tall_powerflow_delta TRUE;'),
      /all_powerflow_delta/,
    ],
  ];
  for (const [edit, message] of cases) {
    const file = variant(t, edit);
    await t.throwsAsync(OpenDss.open(bare(file), { library }), { code: 'FEEDER_NOT_TRANSLATED', message });
  }
});

test('a DER, load or rating that the model lacks is refused by name', async (t) => {
  const wrong: [Partial<FeederModel>, RegExp][] = [
    [{ ders: [{ derId: 'pv', bus: 'l999', phases: ['A'] }] }, /pv.*l999/],
    [{ ders: [{ derId: 'pv', bus: 'l611', phases: ['A'] }] }, /l611.*phases among C/],
    [{ scaledLoads: ['nowhere'] }, /nowhere/],
    [{ ratings: new Map([['line_nowhere', { kind: 'current', rating: 1 }]]) }, /line_nowhere/],
    [
      { voltages: 'line-to-line', ders: [{ derId: 'pv', bus: 'l671', phases: ['A'] }] },
      /pv.*two or three phases/,
    ],
  ];
  for (const [part, message] of wrong) {
    await t.throwsAsync(OpenDss.open({ ...bare(IEEE13_FILE), ...part }, { library }), {
      instanceOf: InputError,
      message,
    });
  }
});

test('voltages between lines are those between their nodes, and a DER there injects between lines', async (t) => {
  const ders = [{ derId: 'pv', bus: 'l671', phases: ['A', 'B', 'C'] }] satisfies FeederModel['ders'];
  const lines = await opened(t, { ...bare(IEEE13_FILE), ders, voltages: 'line-to-line' });
  const ground = await opened(t, bare(IEEE13_FILE));
  t.true(lines.description.nodePhases.includes('n684.CA'));
  t.deepEqual(
    lines.description.nodePhases.filter((at) => at.startsWith('l671')),
    ['l671.AB', 'l671.BC', 'l671.CA'],
  );
  const [none, injecting] = await lines.solveAll([
    AS_MODELLED,
    { ...AS_MODELLED, derPower_W: { pv: 300e3 } },
  ]);
  const toGround = (await ground.solve(AS_MODELLED)) as Solution;
  const vector = (phase: string): [number, number] => {
    const at = ground.description.nodePhases.indexOf(`l671.${phase}`);
    const angle = (toGround.angle_deg[at]! * Math.PI) / 180;
    return [toGround.magnitude_pu[at]! * Math.cos(angle), toGround.magnitude_pu[at]! * Math.sin(angle)];
  };
  const [a, b] = [vector('A'), vector('B')];
  const at = lines.description.nodePhases.indexOf('l671.AB');
  const between_pu = Math.hypot(a[0] - b[0], a[1] - b[1]) / Math.sqrt(3);
  t.true(Math.abs((none as Solution).magnitude_pu[at]! - between_pu) < 1e-7);
  const [before, after] = [none as Solution, injecting as Solution];
  t.true(after.swing_W < before.swing_W - 300e3);
  for (const [i, name] of lines.description.nodePhases.entries()) {
    if (name.startsWith('l671')) t.true(after.magnitude_pu[i]! > before.magnitude_pu[i]!, name);
  }
});

test('an engine that is killed is started again, and the case is solved', async (t) => {
  const engine = await opened(t, bare(IEEE13_FILE));
  const [before] = await engine.solveMany([AS_MODELLED]);
  const pid = engine.pid;
  process.kill(pid ?? 0, 'SIGKILL');
  t.deepEqual(await engine.solveMany([AS_MODELLED, AS_MODELLED]), [before!, before!]);
  t.not(engine.pid, pid);
});

test('an engine that does not answer in time is a case without a solution, not a hang', async (t) => {
  const engine = await opened(t, bare(IEEE13_FILE), 500);
  process.kill(engine.pid ?? 0, 'SIGSTOP');
  const [stopped] = await engine.solveMany([AS_MODELLED]);
  t.like(stopped, { failure: 'TIMED_OUT' });
  t.true(isSolved((await engine.solveMany([AS_MODELLED]))[0]!));
});

test('an answer is the same to the last digit, also after a case without a solution', async (t) => {
  const ders = [{ derId: 'pv', bus: 'l675', phases: ['A', 'B', 'C'] }] satisfies FeederModel['ders'];
  const engine = await opened(t, { ...bare(IEEE13_FILE), ders });
  const at = (pv: number) => ({ loadFactors: {}, derPower_W: { pv } });
  const [first] = await engine.solveAll([at(5e5)]);
  const all = await engine.solveAll([at(-80e6), at(5e5), at(2e6), at(-80e6), at(5e5)]);
  t.deepEqual(all.map(isSolved), [false, true, true, false, true]);
  t.deepEqual(all[1], first);
  t.deepEqual(all[4], first);
});

test('without the library the engine is unavailable', async (t) => {
  await t.throwsAsync(OpenDss.open(bare(IEEE13_FILE), { library: '/nowhere/libdss_capi.so' }), {
    code: 'ENGINE_UNAVAILABLE',
  });
  t.throws(() => findOpenDss('/nowhere'), { code: 'ENGINE_UNAVAILABLE' });
});

test('a batch of thousands of cases is one exchange', async (t) => {
  const ders = [{ derId: 'pv', bus: 'l675', phases: ['A', 'B', 'C'] }] satisfies FeederModel['ders'];
  const engine = await opened(t, { ...bare(IEEE13_FILE), ders });
  const cases = Array.from({ length: 5000 }, (_, i) => ({ loadFactors: {}, derPower_W: { pv: i * 100 } }));
  const started = performance.now();
  const results = await engine.solveMany(cases);
  t.log(`${((performance.now() - started) / cases.length).toFixed(4)} ms per case`);
  t.true(results.every(isSolved));
});
