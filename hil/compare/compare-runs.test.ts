import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { compareRuns, DETERMINED_FILES } from './compare-runs.ts';

function folder(more: Record<string, string> = {}): string {
  const path = mkdtempSync(join(tmpdir(), 'run-'));
  for (const file of DETERMINED_FILES) writeFileSync(join(path, file), more[file] ?? `header\n${file}\n`);
  return path;
}

test('equal runs have no differences; the first one of each file is named', (t) => {
  t.deepEqual(compareRuns(folder(), folder()), []);
  t.deepEqual(
    compareRuns(folder(), folder({ 'awards.csv': 'header\nother\n', 'voltages.csv': 'header\n' })),
    [
      { file: 'awards.csv', line: 2, a: 'awards.csv', b: 'other' },
      { file: 'voltages.csv', line: 2, a: 'voltages.csv', b: '' },
    ],
  );
});

test('a folder that is no run is named', (t) => {
  t.throws(() => compareRuns(tmpdir(), folder()), { message: /expected the folder of a run/ });
});
