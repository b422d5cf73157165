/** Where a run's results go: a new folder per run, named on screen. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@fieldbid/core/errors';
import type { RunRecord } from '../recorder/run-record.ts';
import { reportHtml } from '../report/html.ts';
import { type RunSummary, summarize } from '../report/summary.ts';
import { tables } from '../report/tables.ts';

/**
 * Makes the folder of a run: `out` when given, else `runs/<scenario>-<time>`.
 * @throws InputError when `out` exists and holds something: results are never mixed or overwritten.
 */
export function makeRunFolder(scenario: string, out: string | undefined): string {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-');
  const folder = out ?? join('runs', `${scenario.toLowerCase().replace(/[^a-z0-9]+/g, '-')}-${stamp}`);
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new InputError({
      source: '--out',
      path: '',
      found: `${folder}, which is not empty`,
      expected: 'a new or empty folder',
    });
  }
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Writes report, tables and summary. */
export function writeResults(folder: string, run: RunRecord): RunSummary {
  const summary = summarize(run);
  for (const [name, content] of Object.entries(tables(run))) writeFileSync(join(folder, name), content);
  writeFileSync(join(folder, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  writeFileSync(join(folder, 'report.html'), reportHtml(run, summary));
  return summary;
}
