/**
 * Peers as clients: pysunspec2 and mbpoll read, limit and release the simulated devices as they would a real one.
 * What is right is told by the true power at the terminals, on a clock that the test moves.
 */
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ensurePythonEnvironment } from '@fieldbid/dso/python-environment';
import test, { type ExecutionContext } from 'ava';
import { type Quirks, SimulatedInverter } from '../devices/simulated-inverter.ts';
import type { FamilyName } from '../devices/twins/families.ts';

const run = promisify(execFile);
const DRIVE = fileURLToPath(new URL('./drive_device.py', import.meta.url));
const RATING_W = 10_000;
const SUN_W = 8000;

async function bench(t: ExecutionContext, family: FamilyName, quirks: Quirks = {}) {
  let now_ms = Date.parse('2026-06-21T12:00:00Z');
  const inverter = new SimulatedInverter({
    ...{ serial: 'PEER-1', phases: 'ABC', rating_W: RATING_W, nominal_V: 230, family, quirks },
    now: () => now_ms,
    available_W: () => SUN_W,
  });
  const { port } = await inverter.listen('127.0.0.1', 0);
  t.teardown(() => inverter.close());
  return {
    ...{ inverter, port },
    pass: (seconds: number): void => {
      now_ms += seconds * 1000;
      inverter.terminalPower_W();
    },
  };
}

type Step = ['write', number, Record<string, number>] | ['read', number, string[]];

async function pysunspec2(port: number, steps: readonly Step[]): Promise<(number | null)[][]> {
  const { python } = await ensurePythonEnvironment('test');
  const { stdout } = await run(python, [DRIVE, '127.0.0.1', String(port), '1', JSON.stringify(steps)]);
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as number[]]));
}

test('pysunspec2 limits by model 123, sees the power follow, and sees it revert', async (t) => {
  const { inverter, port, pass } = await bench(t, 'generic-1xx');
  const limit = { WMaxLimPct: 40, WMaxLimPct_RvrtTms: 60, WMaxLim_Ena: 1 };
  const state: Step = ['read', 123, Object.keys(limit)];
  const power: Step = ['read', 103, ['W']];
  t.deepEqual(await pysunspec2(port, [power, state, ['write', 123, limit], state]), [
    [SUN_W],
    [100, 0, 0],
    [40, 60, 1],
  ]);
  pass(30);
  t.is(inverter.terminalPower_W(), 4000);
  t.deepEqual(await pysunspec2(port, [power, state]), [[4000], [40, 60, 1]]);
  pass(31 + 5);
  t.is(inverter.terminalPower_W(), SUN_W);
  t.deepEqual(await pysunspec2(port, [power, state]), [[SUN_W], [40, 60, 0]]);
  // By hand back on, and off again.
  await pysunspec2(port, [['write', 123, { WMaxLimPct: 25, WMaxLim_Ena: 1 }]]);
  pass(10);
  t.is(inverter.terminalPower_W(), 2500);
  await pysunspec2(port, [['write', 123, { WMaxLim_Ena: 0 }]]);
  pass(10);
  t.is(inverter.terminalPower_W(), SUN_W);
});

test('pysunspec2 limits by model 704, and sees it revert to the limit that it named', async (t) => {
  const { inverter, port, pass } = await bench(t, 'generic-7xx');
  const limit = { WMaxLimPct: 30, WMaxLimPctRvrtTms: 60, WMaxLimPctEna: 1 };
  const fallback = { WMaxLimPctRvrt: 50, WMaxLimPctEnaRvrt: 1 };
  const state: Step = ['read', 704, ['WMaxLimPct', 'WMaxLimPctEna', 'WMaxLimPctRvrtRem']];
  const power: Step = ['read', 701, ['W']];
  const [before, held] = await pysunspec2(port, [power, ['write', 704, { ...fallback, ...limit }], state]);
  t.deepEqual([before, held], [[SUN_W], [30, 1, 60]]);
  pass(45);
  t.is(inverter.terminalPower_W(), 3000);
  t.deepEqual(await pysunspec2(port, [power, state]), [[3000], [30, 1, 15]]);
  pass(16 + 5);
  t.is(inverter.terminalPower_W(), 5000);
  t.deepEqual(await pysunspec2(port, [power, state]), [[5000], [50, 1, 0]]);
  await pysunspec2(port, [['write', 704, { WMaxLimPctEna: 0 }]]);
  pass(10);
  t.is(inverter.terminalPower_W(), SUN_W);
});

test('pysunspec2 gives a battery a set point, which reverts to zero', async (t) => {
  const { inverter, port, pass } = await bench(t, 'generic-storage');
  const point = { WSetMod: 1, WSet: 6000, WSetRvrt: 0, WSetEnaRvrt: 1, WSetRvrtTms: 60, WSetEna: 1 };
  await pysunspec2(port, [['write', 704, point]]);
  pass(30);
  t.is(inverter.terminalPower_W(), 6000);
  pass(31 + 5);
  t.is(inverter.terminalPower_W(), 0);
  t.deepEqual(await pysunspec2(port, [['read', 704, ['WSet', 'WSetEna']]]), [[0, 1]]);
});

// Model 123 of the plain twin lies at 40228: ID, L, Conn_WinTms, Conn_RvrtTms, Conn, then WMaxLimPct and its times.
const LIMIT = 40_233;
const ENABLE = 40_237;
/** 103.W of a chain 1 (66), 103 (50): 40000 + 2 + 68 + offset 14. */
const POWER = 40_084;

if (spawnSync('mbpoll', ['-V']).error === undefined) {
  test('mbpoll reads by function 3, limits by 16 and by 6, and sees the limit revert', async (t) => {
    const { inverter, port, pass } = await bench(t, 'generic-1xx');
    const pollAt = async (port: number, register: number, ...values: number[]): Promise<number[]> => {
      const count = values.length === 0 ? ['-c', '1', '-1'] : [];
      const target = ['-m', 'tcp', '-p', String(port), '-a', '1', '-0', '-t', '4', '-o', '10'];
      const args = [...target, '-r', String(register), ...count, '127.0.0.1', ...values.map(String)];
      const { stdout } = await run('mbpoll', args);
      return [...stdout.matchAll(/^\[\d+\]:\s+(\d+)/gm)].map(([, word]) => Number(word));
    };
    const poll = (...request: [number, ...number[]]): Promise<number[]> => pollAt(port, ...request);
    t.deepEqual(await poll(POWER), [SUN_W]);
    // Function 16: 30.00 % now, for 60 s, no ramp, in force.
    await poll(LIMIT, 3000, 0, 60, 0, 1);
    pass(30);
    t.is(inverter.terminalPower_W(), 3000);
    t.deepEqual(await poll(POWER), [3000]);
    // Function 6: one register, which starts the timer anew.
    await poll(LIMIT, 5000);
    pass(50);
    t.is(inverter.terminalPower_W(), 5000);
    t.deepEqual(await poll(ENABLE), [1]);
    pass(11 + 5);
    t.is(inverter.terminalPower_W(), SUN_W);
    t.deepEqual([await poll(POWER), await poll(ENABLE)], [[SUN_W], [0]]);
    // More than 100.00 % is not taken: exception 3, and nothing changes.
    await t.throwsAsync(poll(LIMIT, 10_001));
    t.deepEqual(await poll(LIMIT), [5000]);
    t.is(inverter.writes.get('123.WMaxLimPct'), 2);
    // Which function it was is told by devices that know only the other one.
    const only6 = await bench(t, 'generic-1xx', { refusesWriteMultiple: true });
    const only16 = await bench(t, 'generic-1xx', { refusesWriteSingle: true });
    await pollAt(only6.port, LIMIT, 5000);
    await t.throwsAsync(pollAt(only6.port, LIMIT, 5000, 0));
    await pollAt(only16.port, LIMIT, 5000, 0);
    await t.throwsAsync(pollAt(only16.port, LIMIT, 5000));
  });
} else {
  test.skip('mbpoll drives the simulated inverter: the program mbpoll is not installed', () => {});
}
