/** A replayed dump: what the models call writable reads back, the rest refuses, and a limit on it is never obeyed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '@fieldbid/core/errors';
import { openRegisterDevice } from '@fieldbid/edge-agent/device/open-device';
import { loadProfile } from '@fieldbid/edge-agent/profiles/profile';
import test from 'ava';
import { fieldbid, printed, startFieldbid } from '../testing/programs.ts';
import { replayDump } from './replay.ts';
import { serve } from './serve.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-replay-'));
test.after.always(() => rmSync(folder, { recursive: true }));

const dumpFile = (name: string): string =>
  fileURLToPath(new URL(`../../edge-agent/test/dumps/${name}.json`, import.meta.url));
const dump = (name: string): unknown => JSON.parse(readFileSync(dumpFile(name), 'utf8'));

// Model 123 of the SMA dump begins at 40343: ID, L, then by the definition Conn_WinTms +2, Conn_RvrtTms +3, Conn +4,
// WMaxLimPct +5, _WinTms +6, _RvrtTms +7, _RmpTms +8, WMaxLim_Ena +9; all writable. Model 101 begins at 40185.
const MODEL_101 = 40_185;
const MODEL_123 = 40_343;

test('SMA: a write is kept and read back whole or refused whole', async (t) => {
  const { registers, models, writable } = await replayDump(dump('sma_sb3.6_day'), 'dump');
  t.is(models.length, 17);
  t.true(writable > 20, `${writable}`);
  registers.writeRegisters(1, MODEL_123 + 4, [1, 5000], 16);
  t.deepEqual(registers.readRegisters(1, MODEL_123 + 4, 2, 3), [1, 5000]);
  t.throws(() => registers.writeRegisters(1, MODEL_101 + 14, [0], 6), {
    message: /40199.*cannot be written/,
  });
  // The model's ID stands before its first writable point.
  t.throws(() => registers.writeRegisters(1, MODEL_123 + 1, [9, 77], 16), { message: /cannot be written/ });
  t.deepEqual(registers.readRegisters(1, MODEL_123 + 2, 1, 3), [
    (dump('sma_sb3.6_day') as { registers: Record<string, number> }).registers[String(MODEL_123 + 2)] ?? -1,
  ]);
});

test('7xx emulator: a limit is taken, reads back, and power does not follow: refused', async (t) => {
  const program = startFieldbid(
    'edge',
    'replay',
    dumpFile('dersec_emulated_der_7xx'),
    '--listen',
    '127.0.0.1:0',
  );
  t.teardown(() => program.stop());
  await printed(program, 'Ctrl-C ends it');
  const endpoint = /answers at (\S+);/.exec(program.output())?.[1] ?? '';
  const profile = join(folder, 'quick.yaml');
  writeFileSync(profile, 'name: quick\nlimit: { settle_s: 1 }\n');
  // The dump delivers 9,800 W of 10,000 W.
  const options = ['--profile', profile, '--percent', '50', '--wait', '3', '--json'];
  const { code, stdout } = await fieldbid('edge', 'limit', endpoint, ...options);
  t.is(code, 1);
  const { result, verdict, reading } = JSON.parse(stdout);
  t.is(verdict, 'refused');
  t.like(result, { outcome: 'written', commanded_pct: 50, echoes: true });
  t.is(reading.power_W, 9800);
});

test('SMA: it has no revert timer, and is not limited unless its owner insists', async (t) => {
  const { registers } = await replayDump(dump('sma_sb3.6_day'), 'dump');
  const { endpoint, close } = await serve(registers, { scheme: 'tcp', host: '127.0.0.1', port: 0, unit: 1 });
  const open = (revertTimer: 'required' | 'optional') => {
    const profile = loadProfile();
    return openRegisterDevice({
      ...{ endpoint, now: () => 0, deadline_ms: 60_000 },
      profile: { ...profile, limit: { ...profile.limit, revertTimer } },
    }).device;
  };
  const command = { limit_W: 1840, revert_s: 600 };
  const careful = open('required');
  t.like(await careful.applyLimit(command), { outcome: 'refused', code: 'NO_REVERT_TIMER' });
  await careful.close();
  const insisting = open('optional');
  t.like(await insisting.applyLimit(command), { outcome: 'written', commanded_pct: 50, echoes: true });
  t.is((await insisting.read()).power_W, 3680);
  await insisting.close();
  await close();
});

test('a file that is no dump is refused, with what is wrong', async (t) => {
  const error = await t.throwsAsync(replayDump({ registers: { '40000': 70_000 } }, 'roof.json'), {
    instanceOf: InputError,
  });
  t.regex(error.message, /roof\.json at \/registers\/40000: found 70000/);
  const { code, output } = await fieldbid(
    'edge',
    'replay',
    fileURLToPath(import.meta.url),
    '--listen',
    '127.0.0.1:0',
  );
  t.is(code, 1);
  t.regex(output, /replay\.test\.ts: found no JSON/);
});
