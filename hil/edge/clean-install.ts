/**
 * `npm run check:edge-install`: what somebody gets who installs the agent alone. A clean clone in a temporary folder,
 * `npm ci --omit=dev -w edge-agent`, then scan, doctor and the built agent against simulated inverters; and what the
 * installation weighs. Fails when a server of another room came along, or a command does not work.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FieldbidError } from '@fieldbid/core/errors';
import { NODE_FLAGS } from '@fieldbid/edge-agent/service/unit';
import { openEdgeSite } from '../testing/edge-site.ts';
import { printed, start } from '../testing/programs.ts';

/** Belong to rooms that an agent's machine does not have. */
const FOREIGN = [
  'fastify',
  'aedes',
  'node-opcua-server',
  '@hyperledger/fabric-gateway',
  'fabric-shim',
  'ava',
];
/** What is large, and why it is there. */
const WEIGHED = ['node-opcua', 'sqlite3', 'esbuild', 'serialport', 'mqtt', 'systeminformation', 'typescript'];

const repository = fileURLToPath(new URL('../..', import.meta.url));
const clone = mkdtempSync(join(tmpdir(), 'fieldbid-install-'));
const npm = (...args: string[]): string => execFileSync('npm', args, { cwd: clone, encoding: 'utf8' });

try {
  execFileSync('git', ['clone', '--quiet', repository, clone]);
  npm('ci', '--omit=dev', '-w', 'edge-agent', '--no-audit', '--no-fund');
  const modules = join(clone, 'node_modules');
  const foreign = FOREIGN.filter((name) => existsSync(join(modules, name)));
  if (foreign.length > 0) fail(`the agent's installation has ${foreign.join(', ')}`);
  npm('run', 'build:edge');
  const site = await openEdgeSite({ devices: 2 });
  try {
    await tryOut(site.configFile, `tcp://127.0.0.1:${site.inverters[0]?.port}?unit=1`, site.measured);
  } finally {
    await site.close();
  }
  weigh(modules);
} finally {
  rmSync(clone, { recursive: true, force: true });
}

async function tryOut(
  configFile: string,
  endpoint: string,
  measured: (count: number) => Promise<void>,
): Promise<void> {
  const command = async (...args: string[]): Promise<void> => {
    const program = start(process.execPath, [join(clone, 'core/bin/fieldbid.js'), ...args]);
    if ((await program.ended) !== 0) fail(`fieldbid ${args.join(' ')}\n${program.output()}`);
    console.log(`fieldbid ${args.join(' ')}: works`);
  };
  await command('edge', 'scan', endpoint);
  await command('edge', 'read', endpoint);
  await command('edge', 'plan', endpoint, '--watts', '2000');
  await command('edge', 'limit', endpoint, '--watts', '2000', '--revert', '60');
  await command('edge', 'release', endpoint);
  await command('edge', 'install-service');
  const built = join(clone, 'edge-agent/dist/fieldbid-edge.js');
  const agent = start(process.execPath, [...NODE_FLAGS, built, 'edge', 'run', '--config', configFile]);
  await printed(agent, 'the agent is running');
  await measured(6);
  await agent.stop();
  console.log('the built agent: runs, and measures');
}

function weigh(modules: string): void {
  console.log(`installed: ${megabytes(sizeOf(modules))} MB in node_modules`);
  for (const name of WEIGHED) {
    const parts = readdirSync(modules).filter((entry) => entry === name || entry.startsWith(`${name}-`));
    const scoped = readdirSync(modules).filter((entry) => entry === `@${name}`);
    const bytes = [...parts, ...scoped].reduce((sum, part) => sum + sizeOf(join(modules, part)), 0);
    if (bytes > 0) console.log(`  of it ${name}: ${megabytes(bytes)} MB`);
  }
}

function sizeOf(folder: string): number {
  const { stdout } = spawnSync('du', ['-s', '-B1', folder], { encoding: 'utf8' });
  return Number(stdout.split('\t')[0]) || statSync(folder).size;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function fail(text: string): never {
  throw new FieldbidError('EDGE_INSTALL', text);
}
