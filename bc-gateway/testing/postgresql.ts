/** A PostgreSQL of a test's own: the server that DATABASE_URL names, or one started from Debian's package. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

const DEBIAN = '/usr/lib/postgresql';
/** The account that the package makes; the server does not run as root. */
const ACCOUNT = 'postgres';
const OF_ENVIRONMENT = process.env.DATABASE_URL;

interface Installed {
  readonly bin: string;
  readonly account: { readonly uid: number; readonly gid: number } | undefined;
}

function installed(): Installed | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const bin = versions
    .map((version) => join(DEBIAN, version, 'bin'))
    .find((path) => existsSync(join(path, 'initdb')));
  if (bin === undefined) return undefined;
  if (process.getuid?.() !== 0) return { bin, account: undefined };
  const id = (flag: string): number => Number(spawnSync('id', [flag, ACCOUNT], { encoding: 'utf8' }).stdout);
  const account = { uid: id('-u'), gid: id('-g') };
  return account.uid > 0 ? { bin, account } : undefined;
}

/** Why the tests on PostgreSQL are skipped; undefined where there is one. */
export const WITHOUT_POSTGRESQL =
  OF_ENVIRONMENT === undefined && installed() === undefined
    ? 'PostgreSQL is not installed, and DATABASE_URL is not set'
    : undefined;

export interface TestServer {
  /** URL of a new, empty database. */
  database(): Promise<string>;
  /** Ends the server at once, as a power cut would, and starts it again. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startPostgresql(): Promise<TestServer> {
  if (OF_ENVIRONMENT !== undefined) {
    const url = OF_ENVIRONMENT;
    return {
      database: () => newDatabase(url),
      restart: async () => {
        throw new RangeError('a server of the environment is not ours to restart');
      },
      stop: async () => {},
    };
  }
  const found = installed();
  if (found === undefined) throw new RangeError(WITHOUT_POSTGRESQL);
  return ownServer(found);
}

async function ownServer({ bin, account }: Installed): Promise<TestServer> {
  const dir = mkdtempSync(join(tmpdir(), 'fieldbid-postgresql-'));
  const [data, passwordFile] = [join(dir, 'data'), join(dir, 'password')];
  const password = randomBytes(18).toString('hex');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (account !== undefined)
    for (const path of [dir, passwordFile]) chownSync(path, account.uid, account.gid);
  const access = ['--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--username=fieldbid'];
  execFileSync(join(bin, 'initdb'), ['-D', data, ...access, '--encoding=UTF8', '--locale=C'], {
    ...account,
    cwd: dir,
    stdio: 'pipe',
  });
  const port = await freePort();
  const url = `postgresql://fieldbid:${password}@127.0.0.1:${port}/postgres`;
  let server: ChildProcess | undefined;
  const begin = async (): Promise<void> => {
    const settings = [
      `port=${port}`,
      'listen_addresses=127.0.0.1',
      `unix_socket_directories=${dir}`,
      'fsync=off',
    ];
    const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
    server = spawn(join(bin, 'postgres'), args, { ...account, cwd: dir, stdio: 'ignore' });
    while (!(await answers(url))) {
      if (server.exitCode !== null) throw new RangeError('postgres ended before it answered');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server === undefined || server.exitCode !== null) return;
    server.kill(signal);
    await once(server, 'close');
  };
  await begin();
  return {
    database: () => newDatabase(url),
    restart: async () => {
      // SIGQUIT is "immediate": nothing is tidied up, recovery has to do it.
      await end('SIGQUIT');
      await begin();
    },
    stop: async () => {
      await end('SIGINT');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function newDatabase(url: string): Promise<string> {
  const name = `fieldbid_${randomBytes(6).toString('hex')}`;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name}`);
  } finally {
    await client.end();
  }
  const target = new URL(url);
  target.pathname = `/${name}`;
  return target.href;
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
