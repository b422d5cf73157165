/**
 * The project's own set-up of Python: the power-flow engines come as Python packages, and nobody should have to
 * know. Makes a virtual environment in the project's root on first use; a later call costs two file reads.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sha256Hex } from '@fieldbid/core/digest';
import { FieldbidError } from '@fieldbid/core/errors';
import { withFolderLock } from './folder-lock.ts';

const run = promisify(execFile);

/** `engine`: GridLAB-D (not on Linux on ARM) and OpenDSS. `test`: independent peers that the tests compare with. */
export type EnvironmentKind = 'engine' | 'test';

export interface PythonEnvironment {
  /** The environment's interpreter. */
  readonly python: string;
  readonly folder: string;
  /** True when this call made it. */
  readonly created: boolean;
}

export interface EnvironmentOptions {
  /** No progress lines on standard error. */
  quiet?: boolean;
  /** Project root, where `.venv` and `.venv-test` go; this checkout by default. */
  root?: string;
}

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const REQUIREMENTS: Record<EnvironmentKind, string> = {
  engine: fileURLToPath(new URL('python/requirements.txt', import.meta.url)),
  test: fileURLToPath(new URL('python/requirements-test.txt', import.meta.url)),
};
const FOLDERS: Record<EnvironmentKind, string> = { engine: '.venv', test: '.venv-test' };
const CANDIDATES = [
  'python3',
  'python3.14',
  'python3.13',
  'python3.12',
  'python3.11',
  'python3.10',
  'python',
];
const OLDEST: readonly [number, number] = [3, 10];
const PROBE = 'import platform, sys; print(platform.python_version(), sys.executable)';
const PROBE_DEADLINE_MS = 20_000;
const INSTALL_DEADLINE_MS = 600_000;

interface Interpreter {
  readonly path: string;
  readonly version: string;
}

/** What an environment was made from: when it changes, the environment is made again. */
interface Stamp {
  readonly requirements: string;
  readonly interpreter: string;
}

/**
 * The interpreter of the environment, made first where it is missing, broken, or made from something else.
 * Several processes may ask at once: one installs, the others wait.
 * @throws FieldbidError `PYTHON_MISSING`, `VENV_MISSING`, `PLATFORM_UNSUPPORTED` or `PIP_FAILED` (retryable),
 * each saying what to do.
 */
export async function ensurePythonEnvironment(
  kind: EnvironmentKind,
  options: EnvironmentOptions = {},
): Promise<PythonEnvironment> {
  const say = (line: string): void => {
    if (options.quiet !== true) process.stderr.write(`${line}\n`);
  };
  const folder = join(options.root ?? PROJECT, FOLDERS[kind]);
  const python = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const stampFile = join(folder, 'fieldbid.json');
  const requirements = sha256Hex(readFileSync(REQUIREMENTS[kind]));
  const ready = (): boolean => isReady(python, stampFile, requirements);
  if (ready()) return { python, folder, created: false };
  return withFolderLock(`${folder}.lock`, INSTALL_DEADLINE_MS, async () => {
    if (ready()) return { python, folder, created: false };
    const note = platformNote(kind, process.platform, process.arch);
    if (note !== undefined) say(note);
    const base = await findPython();
    say(`setting up ${folder} with Python ${base.version} (once)`);
    rmSync(folder, { recursive: true, force: true });
    await makeEnvironment(base, folder);
    say(`installing ${packagesIn(REQUIREMENTS[kind]).join(', ')}`);
    await install(python, REQUIREMENTS[kind]);
    const stamp: Stamp = { requirements, interpreter: interpreterKey(base) };
    writeFileSync(stampFile, JSON.stringify(stamp));
    say(`${folder} is ready`);
    return { python, folder, created: true };
  });
}

function isReady(python: string, stampFile: string, requirements: string): boolean {
  // existsSync follows the link: an interpreter that has been uninstalled since is not ready.
  if (!existsSync(python) || !existsSync(stampFile)) return false;
  try {
    const stamp = JSON.parse(readFileSync(stampFile, 'utf8')) as Partial<Stamp>;
    const asked = process.env.FIELDBID_PYTHON;
    // Only an interpreter asked for by name can differ: the search would find the same one again.
    const sameInterpreter = asked === undefined || stamp.interpreter?.split(' ')[0] === asked;
    return stamp.requirements === requirements && sameInterpreter;
  } catch {
    return false; // a torn stamp: make it anew
  }
}

function interpreterKey({ path, version }: Interpreter): string {
  return `${process.env.FIELDBID_PYTHON ?? path} ${version}`;
}

/** What the requirements leave out here: better said than found out from a compiler's page of errors. */
export function platformNote(kind: EnvironmentKind, platform: string, arch: string): string | undefined {
  if (kind !== 'engine' || platform !== 'linux' || arch === 'x64') return undefined;
  if (arch !== 'arm64') {
    throw new FieldbidError(
      'PLATFORM_UNSUPPORTED',
      `neither GridLAB-D nor OpenDSS has a package for Linux on ${arch}: the DSO and the bench belong on an x86-64 ` +
        'host (the edge agent needs none of this and runs here).',
    );
  }
  return 'GridLAB-D has no package for Linux on arm64: this environment has OpenDSS alone';
}

async function findPython(): Promise<Interpreter> {
  const asked = process.env.FIELDBID_PYTHON;
  const tooOld: string[] = [];
  for (const path of asked === undefined ? CANDIDATES : [asked]) {
    const version = await versionOf(path);
    if (version === undefined) continue;
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (major === OLDEST[0] && minor >= OLDEST[1]) return { path, version };
    tooOld.push(`${path} is ${version}`);
  }
  const nothing = asked === undefined ? 'none was found' : `FIELDBID_PYTHON=${asked} is no working Python`;
  throw new FieldbidError(
    'PYTHON_MISSING',
    `Python ${OLDEST.join('.')} or newer is needed; ${tooOld.length === 0 ? nothing : tooOld.join(', ')}. ` +
      'Install it (Debian and Ubuntu: apt install python3 python3-venv; macOS: brew install python), ' +
      'or name one with FIELDBID_PYTHON=/path/to/python3.',
  );
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(path, ['-c', PROBE], { timeout: PROBE_DEADLINE_MS });
    return stdout.trim().split(' ')[0];
  } catch {
    return undefined; // not there, or no Python
  }
}

async function makeEnvironment({ path, version }: Interpreter, folder: string): Promise<void> {
  try {
    await run(path, ['-m', 'venv', folder], { timeout: INSTALL_DEADLINE_MS });
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true });
    throw new FieldbidError(
      'VENV_MISSING',
      `${path} (Python ${version}) cannot make a virtual environment (Debian and Ubuntu: ` +
        `apt install python3-venv). It said: ${lastLines(cause)}`,
      { cause },
    );
  }
}

async function install(python: string, requirements: string): Promise<void> {
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:'];
  try {
    await run(python, [...args, '-r', requirements], {
      timeout: INSTALL_DEADLINE_MS,
      maxBuffer: 16 * 1024 * 1024,
    });
  } catch (cause) {
    throw new FieldbidError(
      'PIP_FAILED',
      `pip could not install ${requirements} (is the package index reachable?). It said: ${lastLines(cause)}`,
      { cause, retryable: true },
    );
  }
}

function packagesIn(requirements: string): string[] {
  const names = readFileSync(requirements, 'utf8')
    .split('\n')
    .flatMap((line) => /^[A-Za-z0-9._-]+/.exec(line)?.[0] ?? []);
  return [...new Set(names)];
}

/** What a failed child said last, on one line. */
function lastLines(error: unknown): string {
  const streams = typeof error === 'object' && error !== null ? (error as Record<string, unknown>) : {};
  const said = [streams.stdout, streams.stderr].filter((s) => typeof s === 'string').join('\n');
  const text = said.trim() === '' ? String(error) : said;
  return text.trim().split('\n').slice(-5).join(' | ');
}

/** Where an environment may keep its packages, on Linux, macOS and Windows. */
export function packageFolders(environment: string): string[] {
  const lib = join(environment, 'lib');
  const versions = existsSync(lib) ? readdirSync(lib).filter((name) => name.startsWith('python')) : [];
  return [
    ...versions.map((name) => join(lib, name, 'site-packages')),
    join(environment, 'Lib', 'site-packages'),
  ];
}
