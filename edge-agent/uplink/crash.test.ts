/** 100 times kill -9 while records are written: whatever was acknowledged is there, whole and once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { build } from 'esbuild';
import { RecordQueue } from './record-queue.ts';

const SOURCE = fileURLToPath(new URL('../testing/append-forever.ts', import.meta.url));
/** Bundled once, because a hundred starts through tsx would take half a minute; beside the package it needs. */
const WRITER = fileURLToPath(
  new URL('../../node_modules/.cache/fieldbid/append-forever.mjs', import.meta.url),
);
const FILES = 4;
const KILLS_PER_FILE = 25;

test.before(async () => {
  const external = ['sqlite3'];
  await build({
    entryPoints: [SOURCE],
    outfile: WRITER,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external,
  });
});

for (let i = 0; i < FILES; i++) {
  test(
    `killed ${KILLS_PER_FILE} times while writing, nothing acknowledged is lost (file ${i + 1} of ${FILES})`,
    killed,
  );
}

async function killed(t: ExecutionContext): Promise<void> {
  t.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-crash-'));
  const file = join(folder, 'buffer.sqlite');
  const acknowledged: number[] = [];
  for (let kill = 0; kill < KILLS_PER_FILE; kill++) {
    const said = await runAndKill(file, 1 + 4 * (kill % 12));
    t.true(said.length > 0);
    acknowledged.push(...said);
  }
  const queue = await RecordQueue.open({ file, maxBytes: 64 * 1024 * 1024, drop: 'oldest' });
  const kept: number[] = [];
  for (;;) {
    const records = await queue.claim(1000);
    if (records.length === 0) break;
    for (const { message } of records) kept.push(JSON.parse(message).sequence);
  }
  await queue.close();
  // Written by one writer after the other: the numbers go on where the last commit ended, without gap or repetition.
  t.deepEqual(
    kept,
    kept.map((_, i) => i + 1),
  );
  const there = new Set(kept);
  t.deepEqual(
    acknowledged.filter((sequence) => !there.has(sequence)),
    [],
  );
  t.is(new Set(acknowledged).size, acknowledged.length);
  rmSync(folder, { recursive: true });
}

/** Kills the writer when it has acknowledged at least so many. @returns all that it had said until it was gone. */
async function runAndKill(file: string, after: number): Promise<number[]> {
  const child = spawn(process.execPath, [WRITER, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += String(chunk);
    if (said.split('\n').length > after) child.kill('SIGKILL');
  });
  await once(child, 'close');
  return said.split('\n').slice(0, -1).map(Number);
}
