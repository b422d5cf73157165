import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf } from '@fieldbid/core/errors';
import test from 'ava';
import fc from 'fast-check';
import type { Loss, NewRecord, QueuedRecord, RecordKind } from './record.ts';
import { type Appended, RecordQueue, type RecordQueueOptions } from './record-queue.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-queue-'));
test.after.always(() => rmSync(folder, { recursive: true }));

let files = 0;
function options(more: Partial<RecordQueueOptions> = {}): RecordQueueOptions {
  return { file: join(folder, `${++files}.sqlite`), maxBytes: 64 * 1024, drop: 'oldest', ...more };
}

function recordOf(kind: RecordKind, at_ms: number, filler = 300): NewRecord {
  const message = { derId: 'pv-1', filler: 'x'.repeat(filler) };
  return { kind, derId: 'pv-1', at_ms, topic: `t/${kind}`, message };
}

/** Appends while the broker is away. */
async function keep(queue: RecordQueue, record: NewRecord): Promise<Appended> {
  const appended = await queue.append(record);
  if (appended.stored) queue.release(appended.record.id);
  else queue.countLost(record.kind, record.at_ms);
  return appended;
}

async function kept(queue: RecordQueue): Promise<QueuedRecord[]> {
  const all: QueuedRecord[] = [];
  for (;;) {
    const some = await queue.claim(100);
    if (some.length === 0) return all;
    all.push(...some);
  }
}

const names = (records: readonly QueuedRecord[]): string[] =>
  records.map(({ kind, at_ms }) => `${kind[0]}${at_ms}`);

test('records come back in order, numbered per stream, and stay until they are delivered, also over a restart', async (t) => {
  const where = options();
  const first = await RecordQueue.open(where);
  await Promise.all([1, 2, 3].map((at_ms) => keep(first, recordOf('measurement', at_ms))));
  await keep(first, recordOf('verdict', 4));
  await keep(first, { ...recordOf('measurement', 5), derId: 'pv-2' });
  await first.close();
  const second = await RecordQueue.open(where);
  const two = await second.claim(2);
  t.deepEqual(names(two), ['m1', 'm2']);
  second.delivered(...two.map(({ id }) => id));
  await second.commit();
  await keep(second, recordOf('measurement', 6));
  const rest = await kept(second);
  t.deepEqual(names(rest), ['m3', 'v4', 'm5', 'm6']);
  t.deepEqual(
    rest.map(({ message }) => JSON.parse(message).sequence),
    [3, 1, 1, 4],
  );
  await second.close();
});

test('full: the oldest measurements go, verdicts stay, and the loss is counted to the record, with its times', async (t) => {
  const where = options({ maxBytes: 16 * 1024 });
  let told = 0;
  const onLoss = (losses: readonly Loss[]): void => {
    told += losses.reduce((sum, { count }) => sum + count, 0);
  };
  const queue = await RecordQueue.open({ ...where, onLoss });
  for (let at_ms = 1; at_ms <= 100; at_ms++) {
    await keep(queue, recordOf(at_ms <= 5 ? 'verdict' : 'measurement', at_ms));
  }
  t.true(queue.bytes <= 16 * 1024);
  const records = await kept(queue);
  const measured = records.filter(({ kind }) => kind === 'measurement').map(({ at_ms }) => at_ms);
  t.deepEqual(names(records.slice(0, 5)), ['v1', 'v2', 'v3', 'v4', 'v5']);
  const oldest = measured[0] ?? 0;
  t.deepEqual(
    measured,
    Array.from({ length: 101 - oldest }, (_, i) => oldest + i),
  );
  const lost = { count: oldest - 6, from_ms: 6, until_ms: oldest - 1 };
  t.is(told, lost.count);
  t.deepEqual(await queue.losses(), [{ sequence: 1, kind: 'measurement', ...lost }]);
  await queue.close();
  // Not yet reported: it is still known after a restart. What is lost later has a number of its own.
  const again = await RecordQueue.open(where);
  await keep(again, recordOf('measurement', 101));
  const both = await again.losses();
  t.deepEqual(
    both.map(({ count }) => count),
    [lost.count, 1],
  );
  t.true((both[1]?.sequence ?? 0) > 1);
  for (const loss of both) await again.lossReported(loss);
  t.deepEqual(await again.losses(), []);
  await again.close();
});

test('full, with the policy newest: what comes is given up, a verdict takes the place of the newest measurement', async (t) => {
  const queue = await RecordQueue.open(options({ maxBytes: 16 * 1024, drop: 'newest' }));
  const ends: boolean[] = [];
  for (let at_ms = 1; at_ms <= 50; at_ms++)
    ends.push((await keep(queue, recordOf('measurement', at_ms))).stored);
  const room = ends.indexOf(false);
  t.deepEqual(
    ends,
    ends.map((_, i) => i < room),
  );
  t.true((await keep(queue, recordOf('verdict', 51))).stored);
  await queue.commit();
  t.deepEqual(names(await kept(queue)), [...Array.from({ length: room - 1 }, (_, i) => `m${i + 1}`), 'v51']);
  const [loss] = await queue.losses();
  t.like(loss, { kind: 'measurement', count: 50 - room + 1, from_ms: room, until_ms: 50 });
  await queue.close();
});

test('whatever comes and goes, each record is kept, delivered or counted as lost, and the cap holds', async (t) => {
  const step = fc.record({
    kind: fc.constantFrom<RecordKind>('measurement', 'verdict'),
    filler: fc.integer({ min: 0, max: 6000 }),
    deliver: fc.boolean(),
  });
  const scripts = fc.array(step, { minLength: 1, maxLength: 40 });
  const drops = fc.constantFrom<'oldest' | 'newest'>('oldest', 'newest');
  await fc.assert(
    fc.asyncProperty(scripts, drops, async (script, drop) => {
      const queue = await RecordQueue.open(options({ maxBytes: 16 * 1024, drop }));
      let delivered = 0;
      for (const [i, { kind, filler, deliver }] of script.entries()) {
        const appended = await queue.append(recordOf(kind, i + 1, filler));
        if (deliver) {
          delivered++;
          if (appended.stored) queue.delivered(appended.record.id);
        } else if (appended.stored) queue.release(appended.record.id);
        else queue.countLost(kind, i + 1);
        if (queue.bytes > 16 * 1024) return false;
      }
      await queue.commit();
      const losses = await queue.losses();
      const records = await kept(queue);
      await queue.close();
      const lost = losses.reduce((sum, { count }) => sum + count, 0);
      return records.length + delivered + lost === script.length;
    }),
    { numRuns: 40 },
  );
  t.pass();
});

test('a full disk: the append is refused, nothing of it is kept, and it goes on when there is room again', async (t) => {
  // SQLite itself refuses to let the file grow, as it does when the disk is full.
  const where = options({ maxBytes: 1024 * 1024, ceilingBytes: 80 * 1024 });
  const queue = await RecordQueue.open(where);
  const ends: string[] = [];
  for (let at_ms = 1; at_ms <= 200; at_ms++) {
    try {
      await keep(queue, recordOf('measurement', at_ms, 1000));
      ends.push('kept');
    } catch (error) {
      ends.push(codeOf(error));
    }
  }
  const room = ends.indexOf('STORE_FAILED');
  t.true(room > 10);
  t.true(statSync(where.file).size <= 80 * 1024);
  const records = await queue.claim(room);
  t.deepEqual(
    records.slice(0, 10).map(({ message }) => JSON.parse(message).sequence),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  queue.delivered(...records.map(({ id }) => id));
  await queue.commit();
  const { record } = await keep(queue, recordOf('measurement', 999, 1000));
  // No number was given out for what was refused.
  t.is(JSON.parse(record.message).sequence, ends.filter((end) => end === 'kept').length + 1);
  await queue.close();
});

test('a full store stays near its cap on the disk', async (t) => {
  const where = options({ maxBytes: 256 * 1024 });
  const queue = await RecordQueue.open(where);
  for (let i = 0; i < 2000; i += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, j) => keep(queue, recordOf('measurement', i + j))));
  }
  t.true(queue.bytes > 240 * 1024);
  await queue.close();
  t.true(statSync(where.file).size < 1.25 * 256 * 1024, `${statSync(where.file).size} bytes`);
});

test('a file that cannot be used is named with the reason', async (t) => {
  const where = options();
  mkdirSync(where.file);
  t.like(await t.throwsAsync(RecordQueue.open(where)), { code: 'STORE_FAILED' });
  const shared = options();
  const holder = await RecordQueue.open(shared);
  t.like(await t.throwsAsync(RecordQueue.open(shared)), { code: 'STORE_IN_USE' });
  await holder.close();
});
