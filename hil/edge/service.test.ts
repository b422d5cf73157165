/**
 * The built agent as systemd would start it: it says that it is ready and alive on systemd's socket, is scraped, and
 * ends on SIGTERM; and the unit, as systemd itself judges it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensurePythonEnvironment } from '@fieldbid/dso/python-environment';
import { BUILT_AGENT, NODE_FLAGS, unitText } from '@fieldbid/edge-agent/service/unit';
import test from 'ava';
import { openEdgeSite } from '../testing/edge-site.ts';
import { fieldbid, printed, start } from '../testing/programs.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-service-'));
test.after.always(() => rmSync(folder, { recursive: true }));

const installed = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;

test.before(async () => {
  const build = start(process.execPath, [
    ...['--import', 'tsx'],
    fileURLToPath(import.meta.resolve('@fieldbid/edge-agent/service/build')),
  ]);
  if ((await build.ended) !== 0) throw new Error(build.output());
});

test('the built agent has the edge commands and nothing else', async (t) => {
  const help = start(process.execPath, [...NODE_FLAGS, BUILT_AGENT, '--help']);
  t.is(await help.ended, 0);
  t.regex(help.output(), /\bedge\b/);
  t.notRegex(help.output(), /\bsim\b|gateway|aggregator/);
  const profiles = start(process.execPath, [BUILT_AGENT, 'edge', 'profiles', 'generic-1xx']);
  t.is(await profiles.ended, 0, profiles.output());
  t.is(JSON.parse(profiles.stdout()).name, 'generic-1xx');
});

if (installed('systemd-notify')) {
  test('the built agent tells systemd that it is ready, alive and stopping, and is scraped', async (t) => {
    const site = await openEdgeSite({ devices: 2, more: 'metrics: { listen: "127.0.0.1:0" }\n' });
    t.teardown(() => site.close());
    const { python } = await ensurePythonEnvironment('test', { quiet: true });
    const socket = join(folder, 'notify');
    const peer = fileURLToPath(new URL('../peers/notify_socket.py', import.meta.url));
    const systemd = start(python, [peer, socket]);
    t.teardown(() => systemd.stop());
    await printed(systemd, 'listening');
    const args = [...NODE_FLAGS, BUILT_AGENT, 'edge', 'run', '--config', site.configFile];
    const agent = start(process.execPath, args, {
      env: { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: '1500000' },
    });
    t.teardown(() => agent.stop());
    await printed(systemd, 'READY=1');
    await site.measured(6);
    const url = /"url":"(http:[^"]+)"/.exec(agent.output())?.[1] ?? '';
    const text = await (await fetch(url)).text();
    t.regex(text, /^fieldbid_device_reads_total\{der="pv-1",outcome="ok"\} [1-9]/m);
    while (systemd.output().split('WATCHDOG=1').length < 4) await new Promise((r) => setTimeout(r, 50));
    await agent.stop();
    t.is(await agent.ended, 0, agent.output());
    t.regex(systemd.output(), /STOPPING=1/);
  });
} else test.skip('what systemd is told: the program systemd-notify is not installed', () => {});

if (installed('systemd-analyze')) {
  test('the unit is sound, and exposed by 2.0 at most', async (t) => {
    const { code, stdout, output } = await fieldbid('edge', 'install-service');
    t.is(code, 0, output);
    t.is(stdout, unitText());
    t.true(stdout.includes(`ExecStart=${process.execPath} ${NODE_FLAGS.join(' ')} ${BUILT_AGENT} edge run`));
    const file = join(folder, 'fieldbid-edge@roof.service');
    writeFileSync(file, stdout);
    const verified = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
    t.is(verified.status, 0, verified.stderr);
    // Other units of this machine may be complained about: ours must not.
    t.notRegex(verified.stderr, /fieldbid/);
    const judged = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', file], {
      encoding: 'utf8',
    });
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(judged.stdout)?.[1]);
    t.true(exposure <= 2, judged.stdout);
  });
} else test.skip('the unit as systemd judges it: the program systemd-analyze is not installed', () => {});

test('a path with blanks and percent signs reaches systemd as it is', (t) => {
  const text = unitText('/opt/node 20/bin/node', '/srv/100%/fieldbid/');
  t.true(text.includes('ExecStart=/opt/node\\x2020/bin/node --max'));
  t.true(text.includes(' /srv/100%%/fieldbid/edge-agent/dist/fieldbid-edge.js edge run'));
});
