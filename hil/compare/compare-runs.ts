/**
 * Are two runs of one scenario and seed the same? Compares, byte by byte, what must not differ: tables and
 * ledger payloads. Says in which file and line they part.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@fieldbid/core/errors';

/** Files of a run that the scenario and the seed determine. */
export const DETERMINED_FILES = [
  'intervals.csv',
  'awards.csv',
  'verdicts.csv',
  'voltages.csv',
  'devices.csv',
  'day-ahead.csv',
  'settlement.csv',
  'statements.csv',
  'faults.csv',
  'emulators.csv',
  'ledger-payloads.ndjson',
] as const;

export interface Difference {
  readonly file: string;
  /** 1-based line of the first difference. */
  readonly line: number;
  readonly a: string;
  readonly b: string;
}

/** @throws InputError when a folder is no run's. */
export function compareRuns(a: string, b: string): Difference[] {
  const differences: Difference[] = [];
  for (const file of DETERMINED_FILES) {
    const [left, right] = [linesOf(a, file), linesOf(b, file)];
    const length = Math.max(left.length, right.length);
    for (let i = 0; i < length; i++) {
      if (left[i] === right[i]) continue;
      differences.push({ file, line: i + 1, a: left[i] ?? '(end)', b: right[i] ?? '(end)' });
      break;
    }
  }
  return differences;
}

function linesOf(folder: string, file: string): string[] {
  const path = join(folder, file);
  if (!existsSync(path)) {
    throw new InputError({
      source: folder,
      path: `/${file}`,
      found: 'no such file',
      expected: 'the folder of a run',
    });
  }
  return readFileSync(path, 'utf8').split('\n');
}
