import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ensurePythonEnvironment } from './python-environment.ts';

test('the engine environment is made once and holds GridLAB-D', async (t) => {
  const { python } = await ensurePythonEnvironment('engine', { quiet: true });
  t.false((await ensurePythonEnvironment('engine', { quiet: true })).created);
  const version = execFileSync(python, [
    '-c',
    'from importlib.metadata import version; print(version("gridlabd"))',
  ]);
  t.is(version.toString().trim(), '6.0.0');
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
