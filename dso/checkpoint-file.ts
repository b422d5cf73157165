/** The last handled event, in a file: written whole or not at all. */
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { readText } from '@fieldbid/core/config';
import { describeFound, InputError } from '@fieldbid/core/errors';

/** @throws InputError when the file holds something else than a checkpoint. */
export function readCheckpoint(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  const found = readText(file).trim();
  if (/^\d+(\.\d+)?$/.test(found)) return found;
  throw new InputError({ source: file, path: '', found: describeFound(found), expected: 'a checkpoint' });
}

export function writeCheckpoint(file: string, checkpoint: string): void {
  writeFileSync(`${file}.next`, `${checkpoint}\n`);
  renameSync(`${file}.next`, file);
}
