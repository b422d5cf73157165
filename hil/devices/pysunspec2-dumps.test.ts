/**
 * Every point of real devices' dumps, served by an independent server (pymodbus), as `fieldbid edge read --json`
 * and as pysunspec2 read it; and a dump taken by `fieldbid edge dump`, served again, reads the same.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ensurePythonEnvironment } from '@fieldbid/dso/python-environment';
import type { DeviceJson, GroupJson } from '@fieldbid/edge-agent/drivers/sunspec/device-json';
import test, { type ExecutionContext } from 'ava';
import { fieldbid } from '../testing/programs.ts';

interface PeerGroup {
  points: Record<string, { raw: number | string | null; value: number | string | null }>;
  groups: Record<string, PeerGroup | PeerGroup[]>;
}
interface PeerDevice {
  base: number;
  models: (PeerGroup & { id: number; address: number; length: number })[];
}

const PEERS = fileURLToPath(new URL('../peers/', import.meta.url));
const dumpFile = (name: string): string =>
  fileURLToPath(new URL(`../../edge-agent/test/dumps/${name}.json`, import.meta.url));

/** A pymodbus server with a dump's registers, and the requests that it has answered. */
async function servePymodbus(
  t: ExecutionContext,
  file: string,
): Promise<{ port: number; requests: string[]; stop: () => Promise<void> }> {
  const { python } = await ensurePythonEnvironment('test', { quiet: true });
  const child: ChildProcess = spawn(python, [join(PEERS, 'serve_dump.py'), file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const requests: string[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`pymodbus ended with ${code}`)));
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (line.startsWith('port ')) resolve(Number(line.slice(5)));
      else requests.push(line);
    });
  });
  const stop = async (): Promise<void> => {
    child.removeAllListeners('exit');
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  t.teardown(stop);
  return { port, requests, stop };
}

async function readWithPeer(port: number): Promise<PeerDevice> {
  const { python } = await ensurePythonEnvironment('test', { quiet: true });
  const args = [join(PEERS, 'read_all.py'), '127.0.0.1', String(port), '1'];
  const { stdout } = await promisify(execFile)(python, args, { maxBuffer: 32 * 1024 * 1024 });
  return JSON.parse(stdout) as PeerDevice;
}

async function readWithOurs(port: number): Promise<DeviceJson> {
  const { code, stdout, output } = await fieldbid('edge', 'read', '--json', `tcp://127.0.0.1:${port}?unit=1`);
  if (code !== 0) throw new Error(output);
  return JSON.parse(stdout) as DeviceJson;
}

function differences(path: string, peer: PeerGroup, ours: GroupJson): string[] {
  const found: string[] = [];
  const names = new Set([...Object.keys(peer.points), ...Object.keys(ours.points)]);
  for (const name of names) {
    for (const key of ['raw', 'value'] as const) {
      const [a, b] = [peer.points[name]?.[key], ours.points[name]?.[key]];
      const same =
        typeof a === 'number' && typeof b === 'number' ? Math.abs(a - b) <= 1e-9 * Math.abs(a) : a === b;
      if (!same) found.push(`${path}.${name}.${key}: pysunspec2 ${a}, ours ${b}`);
    }
  }
  for (const name of new Set([...Object.keys(peer.groups), ...Object.keys(ours.groups)])) {
    const [theirs, own] = [peer.groups[name], ours.groups[name]].map((g) => (Array.isArray(g) ? g : [g]));
    if (theirs?.length !== own?.length)
      found.push(`${path}.${name}: ${theirs?.length} groups, ours ${own?.length}`);
    theirs?.forEach((group, i) => {
      found.push(...differences(`${path}.${name}[${i}]`, group as PeerGroup, own?.[i] as GroupJson));
    });
  }
  return found;
}

for (const [name, models, points] of [
  ['sma_sb3.6_day', 17, 400],
  ['dersec_emulated_der_7xx', 16, 500],
] as const) {
  test(`${name}: every point as pysunspec2 reads it, in fewer requests; a dump of it reads the same`, async (t) => {
    const server = await servePymodbus(t, dumpFile(name));
    const peer = await readWithPeer(server.port);
    const peerRequests = server.requests.length;
    const ours = await readWithOurs(server.port);
    const ourRequests = server.requests.length - peerRequests;
    t.is(ours.base, peer.base);
    t.is(ours.models.length, models);
    const where = (m: { id: number; address: number; length: number }) => `${m.id}@${m.address}+${m.length}`;
    t.deepEqual(ours.models.map(where), peer.models.map(where));
    const all = ours.models.flatMap((model, i) => differences(String(model.id), peer.models[i]!, model));
    t.deepEqual(all, []);
    t.true(JSON.stringify(ours).split('"raw":').length - 1 >= points, 'too few points were compared');
    t.true(ourRequests < peerRequests / 2, `${ourRequests} requests, pysunspec2 ${peerRequests}`);

    const { registers } = JSON.parse(readFileSync(dumpFile(name), 'utf8')) as {
      registers: Record<string, number>;
    };
    for (const { id, address, length, registers: own } of ours.models) {
      if (id < 64_000) continue;
      t.deepEqual(
        own,
        Array.from({ length }, (_, i) => registers[String(address + 2 + i)]),
      );
    }

    const copy = join(mkdtempSync(join(tmpdir(), 'fieldbid-dump-')), 'copy.json');
    const endpoint = `tcp://127.0.0.1:${server.port}?unit=1`;
    t.is((await fieldbid('edge', 'dump', endpoint, '--keep-serials', '--out', copy)).code, 0);
    await server.stop();
    const again = await servePymodbus(t, copy);
    t.deepEqual(await readWithOurs(again.port), ours);
    await again.stop();
  });
}

test('a dump to be shared has no serial number', async (t) => {
  const server = await servePymodbus(t, dumpFile('sma_sb3.6_day'));
  const { stdout } = await fieldbid('edge', 'dump', `tcp://127.0.0.1:${server.port}?unit=1`);
  const { registers } = JSON.parse(stdout) as { registers: Record<string, number> };
  // Model 1 starts at 40002; SN is its registers 50 to 65.
  t.true(Array.from({ length: 16 }, (_, i) => registers[String(40_052 + i)]).every((word) => word === 0));
  t.is(registers['40187'], 151); // 101.A
  await server.stop();
});
