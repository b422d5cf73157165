/** One process at a time: whoever makes the lock folder holds it. Works on every platform and file system. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { codeOf, DeadlineError } from '@fieldbid/core/errors';

const POLL_MS = 100;
/** A holder writes its name at once after making the folder; without one this long it died in between. */
const NAMELESS_MS = 5000;

/**
 * Runs `work` while holding the lock. A lock whose holder no longer lives is taken over.
 * @param patience_ms how long to wait for a living holder.
 * @throws DeadlineError when it does not let go; whatever `work` throws.
 */
export async function withFolderLock<T>(
  folder: string,
  patience_ms: number,
  work: () => Promise<T>,
): Promise<T> {
  const until = Date.now() + patience_ms;
  while (!tryLock(folder)) {
    if (isAbandoned(folder)) rmSync(folder, { recursive: true, force: true });
    else if (Date.now() > until) throw new DeadlineError(`the holder of ${folder}`, patience_ms);
    else await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  try {
    return await work();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tryLock(folder: string): boolean {
  try {
    mkdirSync(folder);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  writeFileSync(join(folder, 'holder.json'), JSON.stringify({ pid: process.pid, host: hostname() }));
  return true;
}

function isAbandoned(folder: string): boolean {
  try {
    const holder = JSON.parse(readFileSync(join(folder, 'holder.json'), 'utf8')) as Record<string, unknown>;
    // Another host's processes cannot be asked (a shared file system): then only patience helps.
    if (holder.host !== hostname() || typeof holder.pid !== 'number') return false;
    return !isAlive(holder.pid);
  } catch {
    const made_ms = statSync(folder, { throwIfNoEntry: false })?.mtimeMs;
    return made_ms !== undefined && Date.now() - made_ms > NAMELESS_MS;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM'; // somebody else's, but alive
  }
}
