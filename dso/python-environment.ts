/**
 * The project's own set-up of Python: the power-flow engine is a Python package, and a user should not have
 * to know. Makes a virtual environment beside the sources on first use; a second call costs a file read.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { codeOf, FieldbidError } from '@fieldbid/core/errors';

const run = promisify(execFile);

/** `engine`: GridLAB-D. `test`: independent peers that the tests compare with. */
export type PythonEnvironment = 'engine' | 'test';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const ENVIRONMENTS: Record<PythonEnvironment, { folder: string; requirements: string }> = {
  engine: { folder: join(PROJECT, '.venv'), requirements: join(PROJECT, 'dso/python/requirements.txt') },
  test: {
    folder: join(PROJECT, '.venv-test'),
    requirements: join(PROJECT, 'dso/python/requirements-test.txt'),
  },
};
const CANDIDATES = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python'];
const OLDEST: readonly [number, number] = [3, 10];
const INSTALL_DEADLINE_MS = 600_000;
/** A lock older than this belongs to a process that died while it installed. */
const STALE_LOCK_MS = 900_000;
const LOCK_POLL_MS = 200;

/**
 * The interpreter of the environment, made first where it is missing or its requirements have changed.
 * Several processes may ask at once: one installs, the others wait.
 * @param say told of progress; installing takes a while the first time.
 * @throws FieldbidError `PYTHON_MISSING`, `VENV_MISSING`, `PLATFORM_UNSUPPORTED` or `PIP_FAILED`, each saying
 * what to do.
 */
export async function ensurePythonEnvironment(
  kind: PythonEnvironment,
  say: (line: string) => void = () => {},
): Promise<{ python: string; created: boolean }> {
  const { folder, requirements } = ENVIRONMENTS[kind];
  const python = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const stampFile = join(folder, 'fieldbid-stamp');
  const stamp = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  const ready = (): boolean =>
    existsSync(python) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp;
  if (ready()) return { python, created: false };
  return withLock(`${folder}.lock`, async () => {
    if (ready()) return { python, created: false };
    const { path: base, version } = await findPython();
    say(`making the Python environment ${folder} with Python ${version} (once)`);
    rmSync(folder, { recursive: true, force: true });
    await makeEnvironment(base, folder);
    say(`installing ${packagesIn(requirements).join(', ')}`);
    await install(python, requirements);
    writeFileSync(stampFile, stamp);
    return { python, created: true };
  });
}

/** @throws FieldbidError `PYTHON_MISSING` naming what was tried. */
async function findPython(): Promise<{ path: string; version: string }> {
  const wanted = process.env.FIELDBID_PYTHON;
  const tried: string[] = [];
  for (const path of wanted === undefined ? CANDIDATES : [wanted]) {
    const version = await versionOf(path);
    if (version === undefined) continue;
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (major === OLDEST[0] && minor >= OLDEST[1]) return { path, version };
    tried.push(`${path} is ${version}`);
  }
  const found = tried.length === 0 ? 'none was found' : tried.join(', ');
  throw new FieldbidError(
    'PYTHON_MISSING',
    `Python ${OLDEST.join('.')} or newer is needed for the power-flow engine; ${found}. Install it (Debian: ` +
      'apt install python3 python3-venv; macOS: brew install python), or name one with FIELDBID_PYTHON=/path.',
  );
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(path, ['-c', 'import platform; print(platform.python_version())'], {
      timeout: 20_000,
    });
    return stdout.trim();
  } catch {
    return undefined; // not there, or no Python
  }
}

async function makeEnvironment(base: string, folder: string): Promise<void> {
  try {
    await run(base, ['-m', 'venv', folder], { timeout: INSTALL_DEADLINE_MS });
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true });
    throw new FieldbidError(
      'VENV_MISSING',
      `${base} cannot make a virtual environment (Debian: apt install python3-venv). It said: ${lastLines(cause)}`,
      { cause },
    );
  }
}

async function install(python: string, requirements: string): Promise<void> {
  const options = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
  try {
    await run(python, options, { timeout: INSTALL_DEADLINE_MS, maxBuffer: 16 * 1024 * 1024 });
  } catch (cause) {
    const said = lastLines(cause);
    if (process.arch !== 'x64' && process.platform === 'linux' && /gridlabd/.test(said)) {
      throw new FieldbidError(
        'PLATFORM_UNSUPPORTED',
        `GridLAB-D has no package for Linux on ${process.arch}: run the DSO and the bench on an x86-64 machine ` +
          '(the edge agent needs none of this).',
        { cause },
      );
    }
    throw new FieldbidError('PIP_FAILED', `pip could not install ${requirements}: ${said}`, {
      cause,
      retryable: true,
    });
  }
}

function packagesIn(requirements: string): string[] {
  const lines = readFileSync(requirements, 'utf8').split('\n');
  return [
    ...new Set(lines.map((line) => /^[A-Za-z0-9._-]+/.exec(line)?.[0]).filter((name) => name !== undefined)),
  ];
}

function lastLines(error: unknown): string {
  const said = typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr) : '';
  return (said.trim() === '' ? String(error) : said).trim().split('\n').slice(-4).join(' | ');
}

/** One installer at a time across processes: whoever makes the folder holds the lock. */
async function withLock<T>(lock: string, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      const age_ms = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age_ms > STALE_LOCK_MS) rmSync(lock, { recursive: true, force: true });
      else await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
    }
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}
