/** A peer reads the simulated inverter: pysunspec2, the SunSpec Alliance's own client. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ensurePythonEnvironment } from '@fieldbid/dso/python-environment';
import test from 'ava';
import { SimulatedInverter } from './simulated-inverter.ts';

interface PeerReading {
  base: number;
  models: { id: number; address: number; points: Record<string, number | string | null> }[];
}

const SCRIPT = fileURLToPath(new URL('./read_device.py', import.meta.url));

async function readWithPeer(port: number): Promise<PeerReading> {
  const { python } = await ensurePythonEnvironment('test');
  const { stdout } = await promisify(execFile)(python, [SCRIPT, '127.0.0.1', String(port), '3']);
  return JSON.parse(stdout) as PeerReading;
}

for (const [phases, measurement, rating_W] of [
  ['C', 101, 7600],
  ['ABC', 103, 100_000],
] as const) {
  test(`pysunspec2 reads the simulated inverter on ${phases} as it is`, async (t) => {
    let now_ms = Date.parse('2026-06-21T12:00:00Z');
    const inverter = new SimulatedInverter({
      serial: 'PEER-7',
      phases,
      rating_W,
      nominal_V: 277,
      unit: 3,
      now: () => now_ms,
      available_W: () => 0.7 * rating_W,
      lifetime_Wh: 123_456,
    });
    now_ms += 3_600_000;
    inverter.setVoltages_pu(Array.from({ length: phases.length }, (_, i) => 1.02 + 0.01 * i));
    const { port } = await inverter.listen('127.0.0.1', 0);
    const peer = await readWithPeer(port);
    t.is(peer.base, 40_000);
    t.deepEqual(
      peer.models.map(({ id }) => id),
      [1, measurement, 120, 121, 122, 123],
    );
    const value = (id: number, name: string) => peer.models.find((model) => model.id === id)?.points[name];
    const near = (found: unknown, expected: number, tolerance: number) =>
      t.true(
        typeof found === 'number' && Math.abs(found - expected) <= tolerance,
        `${found}, not ${expected}`,
      );
    t.is(value(1, 'Mn'), 'fieldbid');
    t.is(value(1, 'SN'), 'PEER-7');
    const step_W = rating_W > 30_000 ? 10 : 1;
    const power_W = inverter.terminalPower_W();
    near(power_W, 0.7 * rating_W, 1e-9);
    near(value(measurement, 'W'), power_W, step_W / 2);
    near(value(measurement, 'PhVphA'), 1.02 * 277, 0.05);
    if (phases === 'ABC') near(value(103, 'PhVphC'), 1.04 * 277, 0.05);
    else t.is(value(101, 'PhVphB'), null);
    near(value(measurement, 'AphA'), power_W / phases.length / (1.02 * 277), 0.05);
    near(value(measurement, 'Hz'), 60, 0.005);
    near(value(measurement, 'WH'), 123_456 + 0.7 * rating_W, 1);
    near(value(measurement, 'DCW'), power_W / 0.97, step_W / 2);
    t.is(value(measurement, 'St'), 4);
    near(value(120, 'WRtg'), rating_W, step_W / 2);
    near(value(121, 'WMax'), rating_W, step_W / 2);
    near(value(122, 'WAval'), 0.7 * rating_W, step_W / 2);
    t.is(value(123, 'WMaxLimPct'), 100);
    t.is(value(123, 'WMaxLim_Ena'), 0);
    await inverter.close();
  });
}
