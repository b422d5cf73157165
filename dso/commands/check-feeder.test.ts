import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { ensurePythonEnvironment } from '../python-environment.ts';

await ensurePythonEnvironment('engine', { quiet: true });
const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

async function checkFeeder(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = [path('core/bin/fieldbid.js'), 'dso', 'check-feeder', ...args];
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, command)) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

test('the original IEEE 13 with PV: not feasible without DER, said with node and value', async (t) => {
  const { code, stdout } = await checkFeeder(path('feeders/ieee13-original/feeder.yaml'));
  t.is(code, 1);
  t.regex(stdout, /NOT feasible without DER/);
  t.regex(stdout, /n630\.C +1\.0687 pu/);
  t.regex(stdout, /transformer_633-634 +\d+\.\d % of 500 kVA/);
  t.regex(stdout, /hosting headroom: none anywhere/);
});

test('a bare model, for machines: base case, headroom, and a diagram', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-check-'));
  const svg = join(folder, 'ieee37.svg');
  const { code, stdout } = await checkFeeder(path('feeders/ieee37/ieee37.glm'), '--json', '--svg', svg);
  t.is(code, 0);
  const found = JSON.parse(stdout);
  t.is(found.feeder.voltages, 'line-to-line');
  t.true(found.feasible);
  t.is(found.day, undefined);
  t.is(found.hosting.length, found.description.nodes.length - 1);
  const headroom = Object.fromEntries(
    found.hosting.map((one: { bus: string; headroom_kW: number }) => [one.bus, one.headroom_kW]),
  );
  t.true(headroom.n775 > 490 && headroom.n775 <= 500, 'the transformer of 500 kVA binds there');
  t.true(headroom.l724 < headroom.n702, 'less at the end of the feeder than near its head');
  t.regex(readFileSync(svg, 'utf8'), /^<svg /);
  rmSync(folder, { recursive: true });
});

test('what is wrong is said with its place', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-check-'));
  const broken = join(folder, 'broken.glm');
  const lines = readFileSync(path('feeders/ieee37/ieee37.glm'), 'utf8').split('\n');
  lines[99] = '\tthis is not GLM';
  writeFileSync(broken, lines.join('\n'));
  const model = path('feeders/ieee37/ieee37.glm');
  for (const [args, message] of [
    [[broken], /broken\.glm\(100\)/],
    [[join(folder, 'gone.glm')], /gone\.glm.*no readable file/],
    [[path('feeders/ieee37/feeder.yaml'), '--low-pu', '0.9'], /--low-pu.*the limits stand in/],
    [[model, '--high-pu', 'high'], /--high-pu: found NaN, expected a number 1 … 1\.5/],
    [[model, '--at', '25:00'], /--at: found 25:00/],
    [
      [model, '--no-hosting', '--svg', join(folder, 'none', 'x.svg')],
      /--svg: found no file that can be written/,
    ],
  ] as const) {
    const { code, stderr } = await checkFeeder(...args);
    t.not(code, 0);
    t.regex(stderr, message);
  }
  rmSync(folder, { recursive: true });
});
