import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { bareFeeder } from './bare-feeder.ts';
import { baseCase } from './base-case.ts';
import { Feeder } from './feeder.ts';
import { hostingHeadroom, withProbes } from './hosting.ts';
import { openPowerFlow } from './open-feeder.ts';

const NOMINAL_V = 2400;

/** A source and one bus behind one ohm per phase, wye-connected; the bus draws `load_W` per phase. */
function oneBus(load_W: number): { file: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-hosting-'));
  const file = join(folder, 'one-bus.glm');
  const zeros = ['12', '13', '21', '23', '31', '32'].map((ij) => `z${ij} 0+0j;`).join(' ');
  writeFileSync(
    file,
    `clock { timezone UTC0; starttime '2000-01-01 00:00:00'; stoptime '2100-01-01 00:00:00'; }
module powerflow { solver_method NR; }
object node { name source; phases ABCN; bustype SWING; nominal_voltage ${NOMINAL_V};
 voltage_A ${NOMINAL_V}; voltage_B -1200-2078.46097j; voltage_C -1200+2078.46097j; }
object load { name far; phases ABCN; nominal_voltage ${NOMINAL_V};
 constant_power_A ${load_W}+0j; constant_power_B ${load_W}+0j; constant_power_C ${load_W}+0j; }
object line_configuration { name lc; z11 1+0j; z22 1+0j; z33 1+0j; ${zeros} }
object overhead_line { name line; phases ABCN; from source; to far; length 5280; configuration lc; continuous_rating_A 300 A; continuous_rating_B 310 A; }
`,
  );
  return { file, remove: () => rmSync(folder, { recursive: true }) };
}

/** Power that lifts the bus from `from_V` at the source to `to_V`: V (V - V0) / R on each of three phases. */
const lifting_kW = (to_V: number) => (3 * to_V * (to_V - NOMINAL_V)) / 1000;

async function headroomOf(feeder: Feeder) {
  const powerFlow = await openPowerFlow(feeder, silentLogger(), true);
  const probed = withProbes(feeder, powerFlow.description, new Set(['source', 'far']));
  await powerFlow.close();
  const engine = await openPowerFlow(probed, silentLogger(), true);
  const found = await hostingHeadroom(probed, engine, 720);
  await engine.close();
  return found;
}

test('headroom of a bus behind a resistance, by hand: to the voltage limit, and what the load takes', async (t) => {
  const { file, remove } = oneBus(20_000);
  const found = await headroomOf(bareFeeder(file, { low_pu: 0.95, high_pu: 1.05 }));
  t.is(found?.length, 1, 'not at the source');
  const [far] = found ?? [];
  const expected_kW = lifting_kW(1.05 * NOMINAL_V) + 60;
  t.true((far?.headroom_kW ?? 0) <= expected_kW);
  t.true((far?.headroom_kW ?? 0) > expected_kW * 0.995, `${far?.headroom_kW} kW, not ${expected_kW}`);
  t.like(far, { bus: 'far', phases: 'ABC', binding: { limit: 'high_pu' } });
  remove();
});

test('a rating and an export limit bind before the voltage does', async (t) => {
  const { file, remove } = oneBus(0);
  const feeder = bareFeeder(file, { low_pu: 0.9, high_pu: 1.2 });
  t.deepEqual(feeder.data.ratings.get('line'), { kind: 'current', rating: 300, nameplate: true });
  const [rated] = (await headroomOf(feeder)) ?? [];
  // 300 A lift the bus by 300 V.
  const expected_kW = (3 * 300 * (NOMINAL_V + 300)) / 1000;
  t.true(Math.abs((rated?.headroom_kW ?? 0) / expected_kW - 1) < 0.005, `${rated?.headroom_kW} kW`);
  t.like(rated?.binding, { limit: 'rating', at: 'line' });
  const data = { ...feeder.data, limits: { ...feeder.data.limits, export_W: 500_000 } };
  const [exported] = (await headroomOf(new Feeder(data))) ?? [];
  t.is(exported?.binding?.limit, 'export_W');
  // What arrives is 500 kW; the line takes R I² on the way.
  const current_A = 500_000 / 3 / NOMINAL_V;
  const sent_kW = 500 + (3 * current_A ** 2) / 1000;
  t.true(Math.abs((exported?.headroom_kW ?? 0) / sent_kW - 1) < 0.005, `${exported?.headroom_kW} kW`);
  remove();
});

test('a base case that breaks a limit leaves no headroom, and says what it breaks', async (t) => {
  const { file, remove } = oneBus(150_000);
  const feeder = bareFeeder(file, { low_pu: 0.99, high_pu: 1.05 });
  t.is(await headroomOf(feeder), undefined);
  const powerFlow = await openPowerFlow(feeder, silentLogger(), true);
  const base = await baseCase(feeder, powerFlow, 720);
  await powerFlow.close();
  t.false('failure' in base);
  if ('failure' in base) return;
  t.false(base.feasible);
  const expected_pu = (1 + Math.sqrt(1 - (4 * 150_000) / NOMINAL_V ** 2)) / 2;
  t.deepEqual(base.violations.map(({ at }) => at).sort(), ['far.A', 'far.B', 'far.C']);
  t.true(Math.abs((base.violations[0]?.voltage_pu ?? 0) - expected_pu) < 1e-5);
  t.true(Math.abs(base.swing_W - 3 * 150_000 - 3 * (150_000 / (expected_pu * NOMINAL_V)) ** 2) < 5);
  t.is(base.loadings[0]?.rating, '300 A');
  remove();
});
