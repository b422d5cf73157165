/** Files of one JSON object a line that are only ever appended to, and are their owner's alone. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { codeOf, InputError } from '@fieldbid/core/errors';

const OWNER_ONLY = 0o600;

/** On the disk when it returns; a last line without its end is dropped. @throws InputError when the file cannot be written. */
export function appendLine(file: string, line: string): void {
  let fd: number;
  try {
    fd = openSync(file, 'a+', OWNER_ONLY);
  } catch (error) {
    throw unusable(file, error, 'a writable file');
  }
  try {
    requirePrivate(file, fstatSync(fd).mode);
    dropTornLine(fd);
    // One write of a short line to a file opened for appending: others' lines are not mixed into it.
    writeSync(fd, `${line}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A power cut may leave half a line: nobody was answered for it. */
function dropTornLine(fd: number): void {
  const { size } = fstatSync(fd);
  const tail = Buffer.alloc(Math.min(size, 4096));
  readSync(fd, tail, 0, tail.length, size - tail.length);
  const end = tail.lastIndexOf(0x0a) + 1;
  if (end < tail.length) ftruncateSync(fd, size - tail.length + end);
}

export function requirePrivate(file: string, mode: number): void {
  if ((mode & 0o077) === 0) return;
  throw new InputError({
    source: file,
    path: '',
    found: `a file that others may use (mode ${(mode & 0o777).toString(8)})`,
    expected: `mode 600 (chmod 600 ${file})`,
  });
}

export function unusable(file: string, error: unknown, expected: string): InputError {
  const fault = { source: file, path: '', found: `it cannot be opened (${codeOf(error)})`, expected };
  return new InputError(fault, { cause: error });
}
