/** The buffer between an agent and a broker that the test plays: orders of events, never times. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topics } from '@fieldbid/core/bus/topics';
import { type Logger, silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { ManualBus } from '../testing/manual-bus.ts';
import { BufferedBus, type BufferedBusOptions } from './buffered-bus.ts';
import { RecordQueue } from './record-queue.ts';
import { BATCH } from './replay.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-uplink-'));
test.after.always(() => rmSync(folder, { recursive: true }));

let files = 0;
const newFile = (): string => join(folder, `${++files}.sqlite`);

function open(bus: ManualBus, file: string, more: Partial<BufferedBusOptions> = {}): Promise<BufferedBus> {
  return BufferedBus.open({
    bus,
    agentId: 'roof-1',
    deraId: 'dera-1',
    openQueue: () => RecordQueue.open({ file, maxBytes: 16 * 1024, drop: 'oldest' }),
    log: silentLogger(),
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    ...more,
  });
}

const MEASUREMENTS = topics.measurements('pv-1');
const measurement = (readAt_ms: number) => ({ derId: 'pv-1', readAt_ms, power_W: 1000 });
const verdict = (decidedAt_ms: number) => ({ derId: 'pv-1', decidedAt_ms, verdict: 'verified' });
const times = (bus: ManualBus): unknown[] =>
  bus.sent.map(({ message }) => message.readAt_ms ?? message.decidedAt_ms ?? message.kind ?? message);

test('away, kept; back, replayed in order as history, with the original times; then nothing is left', async (t) => {
  const file = newFile();
  const away = new ManualBus(false);
  const first = await open(away, file);
  for (let i = 1; i <= 25; i++) await first.publish(MEASUREMENTS, measurement(i));
  await first.publish(topics.verdicts('pv-1'), verdict(26));
  await first.close(); // the agent is started again meanwhile
  t.is(away.sent.length, 0);
  const bus = new ManualBus(false);
  bus.automatic = true;
  const second = await open(bus, file);
  bus.setConnected(true);
  await bus.reached(26);
  t.deepEqual(
    times(bus),
    Array.from({ length: 26 }, (_, i) => i + 1),
  );
  t.true(bus.sent.every(({ message }) => message.historical === true));
  t.deepEqual(
    bus.sent.map(({ message }) => message.sequence),
    [...Array.from({ length: 25 }, (_, i) => i + 1), 1],
  );
  await second.close();
  const third = await RecordQueue.open({ file, maxBytes: 16 * 1024, drop: 'oldest' });
  t.deepEqual(await third.claim(100), []);
  await third.close();
});

test('live goes first: at most the batch under way is before a live message or a command, and replay waits for it', async (t) => {
  const bus = new ManualBus(false);
  const uplink = await open(bus, newFile());
  for (let i = 1; i <= 3 * BATCH; i++) await uplink.publish(topics.verdicts('pv-1'), verdict(i));
  bus.setConnected(true);
  await bus.reached(BATCH);
  // The first batch is under way and not acknowledged. Now something live, and a command of the agent.
  await uplink.publish(MEASUREMENTS, measurement(1_000));
  const bid = uplink.request(topics.bids('dera-1'), { bid: true }, 1000);
  await bus.reached(BATCH + 2);
  t.deepEqual(times(bus).slice(BATCH), [1_000, { bid: true }]);
  t.is(bus.sent[BATCH]?.message.historical, undefined);
  for (const { take } of bus.sent.slice(0, BATCH)) take();
  // The batch is through; the live message is not: history stays where it is.
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.is(bus.sent.length, BATCH + 2);
  for (const { take } of bus.sent.slice(BATCH)) take();
  await bid;
  bus.automatic = true;
  await bus.reached(3 * BATCH + 2);
  t.deepEqual(
    times(bus).filter((at) => typeof at === 'number' && at < 1_000),
    Array.from({ length: 3 * BATCH }, (_, i) => i + 1),
  );
  await uplink.close();
});

test('a batch that breaks off is sent again from where it broke, in order', async (t) => {
  const bus = new ManualBus(false);
  const uplink = await open(bus, newFile());
  for (let i = 1; i <= 4; i++) await uplink.publish(MEASUREMENTS, measurement(i));
  bus.setConnected(true);
  await bus.reached(4);
  bus.sent[0]?.take();
  bus.setConnected(false);
  for (const { fail } of bus.sent.slice(1)) fail();
  bus.automatic = true;
  bus.setConnected(true);
  await bus.reached(7);
  t.deepEqual(times(bus), [1, 2, 3, 4, 2, 3, 4]);
  await uplink.close();
});

test('a live message that the broker did not take becomes history', async (t) => {
  const bus = new ManualBus(true);
  const uplink = await open(bus, newFile());
  await uplink.publish(MEASUREMENTS, measurement(1));
  await bus.reached(1);
  bus.setConnected(false);
  bus.sent[0]?.fail();
  bus.automatic = true;
  bus.setConnected(true);
  await bus.reached(2);
  t.like(bus.sent[1]?.message, { readAt_ms: 1, historical: true, sequence: 1 });
  await uplink.close();
});

test('what a broker will never take does not stop the rest, and is reported as lost', async (t) => {
  const bus = new ManualBus(false);
  const uplink = await open(bus, newFile());
  for (let i = 1; i <= 3; i++) await uplink.publish(MEASUREMENTS, measurement(i));
  bus.setConnected(true);
  await bus.reached(3);
  bus.sent[0]?.take();
  bus.sent[1]?.fail('BUS_REFUSED');
  bus.sent[2]?.take();
  bus.automatic = true;
  await bus.reached(4);
  t.is(bus.sent[3]?.topic, topics.uplinkLosses('dera-1'));
  t.like(bus.sent[3]?.message, { kind: 'measurement', lost: { count: 1, from_ms: 2, until_ms: 2 } });
  await uplink.close();
});

test('over the cap: what is kept and what is reported as lost make up the whole, and it is reported once', async (t) => {
  const bus = new ManualBus(false);
  const uplink = await open(bus, newFile());
  const count = 200;
  for (let i = 1; i <= count; i++) await uplink.publish(MEASUREMENTS, measurement(i));
  bus.automatic = true;
  bus.setConnected(true);
  while (bus.sent.at(-1)?.message.lost === undefined) await bus.reached(bus.sent.length + 1);
  const replayed = bus.sent.filter(({ message }) => message.historical === true).length;
  const report = bus.sent.at(-1)?.message;
  t.true(replayed > 0 && replayed < count);
  t.deepEqual(report, {
    agentId: 'roof-1',
    sequence: 1,
    kind: 'measurement',
    lost: { count: count - replayed, from_ms: 1, until_ms: count - replayed },
  });
  bus.setConnected(false);
  bus.setConnected(true);
  await uplink.close();
  t.is(bus.sent.filter(({ message }) => message.lost !== undefined).length, 1);
});

test('a store that cannot be used: said once, live messages go out, what is lost is counted and reported', async (t) => {
  const file = newFile();
  mkdirSync(file); // no file can be made here
  const errors: string[] = [];
  const error = (_: unknown, sentence: string): void => void errors.push(sentence);
  const log = Object.assign(silentLogger(), { error }) as Logger;
  let now_ms = 0;
  const bus = new ManualBus(true);
  bus.automatic = true;
  const uplink = await open(bus, file, { log, monotonic: () => now_ms });
  await uplink.publish(MEASUREMENTS, measurement(1));
  t.like(bus.sent[0]?.message, { readAt_ms: 1 });
  t.is(bus.sent[0]?.message.sequence, undefined); // numbers that could not be kept would be given out twice
  bus.setConnected(false);
  for (let i = 2; i <= 4; i++) await uplink.publish(MEASUREMENTS, measurement(i));
  await uplink.publish(topics.verdicts('pv-1'), verdict(5));
  t.is(bus.sent.length, 1);
  bus.setConnected(true);
  await bus.reached(3);
  t.deepEqual(
    bus.sent.slice(1).map(({ message }) => [message.kind, message.lost]),
    [
      ['measurement', { count: 3, from_ms: 2, until_ms: 4 }],
      ['verdict', { count: 1, from_ms: 5, until_ms: 5 }],
    ],
  );
  t.is(errors.length, 1);
  t.regex(errors[0] ?? '', /cannot be used/);
  // Somebody makes room: it is tried again after a minute, and then it is kept.
  rmSync(file, { recursive: true });
  now_ms = 61_000;
  bus.setConnected(false);
  await uplink.publish(MEASUREMENTS, measurement(6));
  bus.setConnected(true);
  await bus.reached(4);
  t.like(bus.sent[3]?.message, { readAt_ms: 6, historical: true, sequence: 1 });
  await uplink.close();
  t.true(bus.closed);
});
