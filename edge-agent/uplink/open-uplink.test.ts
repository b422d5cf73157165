import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topics } from '@fieldbid/core/bus/topics';
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { ManualBus } from '../testing/manual-bus.ts';
import { openUplink } from './open-uplink.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-open-uplink-'));
test.after.always(() => rmSync(folder, { recursive: true }));
const DEFAULTS = { maxBytes: 1 << 20, drop: 'oldest' } as const;
const configFile = join(folder, 'edge.yaml');

test('a damaged buffer is set aside, and a new one is begun', async (t) => {
  const file = join(folder, 'roof-1.buffer.sqlite');
  const garbage = 'this was a database before the power was cut. '.repeat(100);
  writeFileSync(file, garbage);
  const bus = new ManualBus(false);
  const parts = { bus, agentId: 'roof-1', deraId: 'dera-1', log: silentLogger() };
  const uplink = await openUplink(DEFAULTS, configFile, parts);
  await uplink.publish(topics.measurements('pv-1'), { derId: 'pv-1', readAt_ms: 7 });
  bus.automatic = true;
  bus.setConnected(true);
  await bus.reached(1);
  t.like(bus.sent[0]?.message, { readAt_ms: 7, sequence: 1, historical: true });
  await uplink.close();
  const aside = readdirSync(folder).find((name) => name.includes('.damaged-'));
  t.is(readFileSync(join(folder, aside ?? ''), 'utf8'), garbage);
});

test('without a file the bus is the bus', async (t) => {
  const bus = new ManualBus(true);
  const parts = { bus, agentId: 'roof-1', deraId: 'dera-1', log: silentLogger() };
  t.is(await openUplink({ ...DEFAULTS, bufferFile: null }, configFile, parts), bus);
});
