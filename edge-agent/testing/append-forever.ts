/** Appends records to a queue until it is killed, and says each number once the queue has acknowledged it. */
import { writeSync } from 'node:fs';
import { RecordQueue } from '../uplink/record-queue.ts';

const [file = ''] = process.argv.slice(2);
const queue = await RecordQueue.open({ file, maxBytes: 64 * 1024 * 1024, drop: 'oldest' });
for (let i = 1; ; i += 4) {
  // Four at once: commits are shared, and the kill falls into them too.
  const appended = await Promise.all(
    [0, 1, 2, 3].map((j) =>
      queue.append({
        kind: 'measurement',
        derId: 'pv-1',
        at_ms: i + j,
        topic: 't',
        message: { derId: 'pv-1', filler: 'x'.repeat(200) },
      }),
    ),
  );
  writeSync(1, appended.map(({ record }) => `${JSON.parse(record.message).sequence}\n`).join(''));
}
