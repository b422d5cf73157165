import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { withFolderLock } from './folder-lock.ts';

test('one holder at a time, and nothing is left behind', async (t) => {
  const folder = join(mkdtempSync(join(tmpdir(), 'fieldbid-lock-')), 'lock');
  let inside = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    inside++;
    most = Math.max(most, inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside--;
  };
  await Promise.all(Array.from({ length: 4 }, () => withFolderLock(folder, 60_000, work)));
  t.is(most, 1);
  t.false(existsSync(folder));
});

test('the lock of a process that has died is taken over; that of a living one is respected', async (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'fieldbid-lock-'));
  const folder = join(parent, 'lock');
  const heldBy = (pid: number): void => {
    mkdirSync(folder);
    writeFileSync(join(folder, 'holder.json'), JSON.stringify({ pid, host: hostname() }));
  };
  // 2^22 is the largest process id that Linux gives, and no process has it as long as others are free.
  heldBy(4_194_304);
  t.is(await withFolderLock(folder, 60_000, async () => 'done'), 'done');
  heldBy(process.pid);
  await t.throwsAsync(
    withFolderLock(folder, 0, async () => 'never'),
    { code: 'DEADLINE' },
  );
  rmSync(parent, { recursive: true });
});

test('what the work throws comes out, and the lock is free again', async (t) => {
  const folder = join(mkdtempSync(join(tmpdir(), 'fieldbid-lock-')), 'lock');
  await t.throwsAsync(
    withFolderLock(folder, 1000, () => Promise.reject(new RangeError('no'))),
    { instanceOf: RangeError },
  );
  t.is(await withFolderLock(folder, 1000, async () => 1), 1);
});
