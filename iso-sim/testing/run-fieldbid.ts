/** For tests: the program as a user starts it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const FIELDBID = fileURLToPath(import.meta.resolve('@fieldbid/core/package.json'));

export async function fieldbid(
  args: readonly string[],
  input = '',
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [FIELDBID.replace('package.json', 'bin/fieldbid.js'), ...args]);
  const streams = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  child.stdin.on('error', () => {}); // it may end before it has read all
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await streams;
  return { code: code as number | null, stdout, stderr };
}
