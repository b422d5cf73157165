import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Measurement } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import { seededSigner } from '@fieldbid/core/signing-key';
import test from 'ava';
import { RecordQueue } from '../uplink/record-queue.ts';
import { signingStamp, verifyReadings } from './readings.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-readings-'));
test.after.always(() => rmSync(folder, { recursive: true }));
const device = seededSigner(1, 'roof-1');
const KEYS = [device.publicKey];

let files = 0;
const newFile = (): string => join(folder, `${++files}.sqlite`);

/** Readings as they go out, the queue opened anew for each part of `parts`. */
async function signedReadings(
  parts: readonly number[],
  file = newFile(),
  power_W = 4000,
): Promise<Measurement[]> {
  const out: Measurement[] = [];
  for (const count of parts) {
    const stamp = signingStamp(() => device);
    const queue = await RecordQueue.open({ file, maxBytes: 1 << 20, drop: 'oldest', stamp });
    for (let i = 0; i < count; i++) {
      const readAt_ms = Date.UTC(2026, 5, 21, 12) + out.length * 1000;
      const message = {
        ...{ derId: 'pv-1', readAt_ms, power_W: power_W + out.length, available_W: null, limit_pct: null },
        ...{
          voltages_V: [240.1],
          energy_Wh: -0,
          raw: [{ address: 40_072, words: [4000, 0xffff], readAt_ms }],
        },
      };
      const { record } = await queue.append({
        kind: 'measurement',
        derId: 'pv-1',
        at_ms: readAt_ms,
        topic: 't',
        message,
      });
      out.push(parse(Measurement, JSON.parse(record.message), 'test'));
    }
    await queue.close();
  }
  return out;
}

test('readings are one chain, over restarts, in any order, twice or as history', async (t) => {
  const readings = await signedReadings([3, 1, 4]);
  t.is(readings[0]?.previousHash, null);
  t.deepEqual(verifyReadings(readings, KEYS), { holds: true, readings: 8, derIds: ['pv-1'] });
  const mixed = [
    ...readings.slice(4),
    ...readings.slice(0, 5).map((one) => ({ ...one, historical: true as const })),
  ];
  t.deepEqual(verifyReadings(mixed, KEYS), { holds: true, readings: 8, derIds: ['pv-1'] });
  t.like(verifyReadings(readings.slice(2, 5), KEYS), { holds: true, readings: 3 });
});

test('the first gap, alteration, fork is named', async (t) => {
  const readings = await signedReadings([6]);
  const changed = (index: number, more: Partial<Measurement>): Measurement[] =>
    readings.map((reading, i) => (i === index ? { ...reading, ...more } : reading));
  const without = (...indices: number[]): Measurement[] => readings.filter((_, i) => !indices.includes(i));
  // The same key, another file: what a second life of the device would say under the same numbers.
  const other = await signedReadings([6], newFile(), 9000);
  const raw = [{ address: 40_072, words: [4001, 0xffff], readAt_ms: readings[2]!.readAt_ms }];
  const { signature: _, ...unsigned } = readings[3]!;
  const faults: [what: string, readings: Measurement[], kind: string, sequence: number][] = [
    ['one removed', without(2), 'gap', 3],
    ['two gaps: the first', without(2, 4), 'gap', 3],
    ['power changed', changed(3, { power_W: 1 }), 'alteration', 4],
    ['a register changed', changed(2, { raw }), 'alteration', 3],
    ['the hash changed', changed(2, { previousHash: '0'.repeat(64) }), 'alteration', 3],
    ['renumbered', changed(5, { sequence: 7 }), 'alteration', 7],
    ['unsigned', [...without(3), unsigned], 'unsigned', 4],
    ['another one under the number', [...readings, other[3]!], 'fork', 4],
    ['one put in the place of another', [...without(3), other[3]!], 'fork', 4],
    ['a second life', [...readings.slice(0, 3), ...other.slice(3)], 'fork', 4],
  ];
  for (const [what, list, kind, sequence] of faults) {
    t.like(verifyReadings(list, KEYS), { holds: false, derId: 'pv-1', kind, sequence }, what);
  }
  const stranger = seededSigner(2, 'x').publicKey;
  t.like(verifyReadings(readings, [stranger]), { holds: false, kind: 'alteration', sequence: 1 });
});
