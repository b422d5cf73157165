/** A store of the agent that turns out to be damaged is set aside and made anew: no agent stands still for it. */
import { existsSync, renameSync } from 'node:fs';
import { FieldbidError } from '@fieldbid/core/errors';

/** @param onDamaged told of what was wrong with the file, and where it is now. @throws what `open` throws otherwise. */
export async function openOrSetAside<T>(
  file: string,
  open: () => Promise<T>,
  onDamaged: (error: unknown, aside: string) => void,
): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!isDamaged(error)) throw error;
    onDamaged(error, setAside(file));
    return open();
  }
}

/** What SQLite calls a file that it cannot make sense of: nobody can wait that out. */
function isDamaged(error: unknown): boolean {
  return (
    error instanceof FieldbidError &&
    ['SQLITE_CORRUPT', 'SQLITE_NOTADB'].includes(String(error.details.system))
  );
}

/** Kept for who can still read it. @returns where it is now. */
function setAside(file: string): string {
  const aside = `${file}.damaged-${Date.now()}`;
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  }
  return aside;
}
