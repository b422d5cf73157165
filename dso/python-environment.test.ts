import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { findOpenDss } from './power-flow/opendss/library-file.ts';
import { ensurePythonEnvironment, platformNote } from './python-environment.ts';

test('the engine environment is made once and holds GridLAB-D and OpenDSS', async (t) => {
  const { python, folder } = await ensurePythonEnvironment('engine', { quiet: true });
  t.false((await ensurePythonEnvironment('engine', { quiet: true })).created);
  const version = execFileSync(python, [
    '-c',
    'from importlib.metadata import version; print(version("gridlabd"))',
  ]);
  t.is(version.toString().trim(), '6.0.0');
  t.true(existsSync(findOpenDss(folder)));
});

test('a platform without GridLAB-D has OpenDSS alone, one without either is refused', (t) => {
  t.is(platformNote('engine', 'linux', 'x64'), undefined);
  t.is(platformNote('engine', 'darwin', 'arm64'), undefined);
  t.is(platformNote('test', 'linux', 'arm'), undefined);
  t.regex(platformNote('engine', 'linux', 'arm64') ?? '', /OpenDSS alone/);
  t.throws(() => platformNote('engine', 'linux', 'arm'), { code: 'PLATFORM_UNSUPPORTED' });
});

test.serial('a Python that is none is named, with what to do', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'fieldbid-python-'));
  process.env.FIELDBID_PYTHON = '/nowhere/python3';
  try {
    await t.throwsAsync(ensurePythonEnvironment('test', { quiet: true, root }), {
      code: 'PYTHON_MISSING',
      message: /FIELDBID_PYTHON=\/nowhere\/python3.*apt install python3 python3-venv/,
    });
  } finally {
    delete process.env.FIELDBID_PYTHON;
    rmSync(root, { recursive: true });
  }
});
