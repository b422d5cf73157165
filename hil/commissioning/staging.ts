/** A folder that appears whole or not at all: made beside its place, moved there at the end. */
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from '@fieldbid/core/errors';

export interface Staging {
  /** Where the files are written for now. */
  readonly folder: string;
  /** Moves it to its place. */
  keep(): void;
  /** Removes what is not kept; harmless after `keep`. */
  discard(): void;
}

/** @throws InputError for a folder that holds something, unless `force` and a scenario lies in it. */
export function checkPlace(out: string, force: boolean): void {
  if (!existsSync(out) || readdirSync(out).length === 0) return;
  const found = `${out}, which is not empty`;
  if (!force) {
    throw new InputError({
      ...{ source: '--out', path: '', found },
      expected: 'a new folder, or --force to write a scenario anew',
    });
  }
  // Nobody's home folder is replaced by a slip of the finger.
  if (existsSync(join(out, 'scenario.yaml'))) return;
  throw new InputError({
    ...{ source: '--out', path: '', found: `${found} and holds no scenario.yaml` },
    expected: 'a folder that bench init has written',
  });
}

/** @throws InputError as `checkPlace`, or where nothing can be written. */
export function stage(out: string, force: boolean): Staging {
  checkPlace(out, force);
  const place = resolve(out);
  let folder: string;
  try {
    folder = mkdtempSync(join(dirname(place), `.${basename(place)}-`));
  } catch (cause) {
    throw new InputError(
      { source: '--out', path: '', found: out, expected: 'a folder whose parent exists and can be written' },
      { cause },
    );
  }
  const remove = (path: string): void => rmSync(path, { recursive: true, force: true });
  return {
    folder,
    keep: () => {
      const before = `${folder}.before`;
      if (existsSync(place)) renameSync(place, before);
      renameSync(folder, place);
      remove(before);
    },
    discard: () => remove(folder),
  };
}
