/** The uplink's buffer: how fast it writes beside plain SQLite, and how fast it replays beside real time. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MqttBus } from '@fieldbid/core/bus/mqtt-bus';
import { topics } from '@fieldbid/core/bus/topics';
import { silentLogger } from '@fieldbid/core/logging';
import { seededSigner } from '@fieldbid/core/signing-key';
import { SqliteDatabase } from '@fieldbid/core/sqlite/database';
import { signingStamp } from '@fieldbid/edge-agent/attestation/readings';
import { BufferedBus } from '@fieldbid/edge-agent/uplink/buffered-bus';
import { RecordQueue } from '@fieldbid/edge-agent/uplink/record-queue';
import { EmbeddedBroker } from '../broker/embedded-broker.ts';

const DEVICES = 10;
/** What an outage of a quarter of an hour leaves behind, at one measurement a second each. */
const OUTAGE_S = 900;
const ALONE = 500;
const COST_S = 300;
const AIM_TIMES_REAL = 20;

function measurement(device: number, second: number) {
  const known = { power_W: 4000 + device, available_W: 4200, limit_pct: null, energy_Wh: 123_456 + second };
  return { derId: `pv-${device}`, readAt_ms: second * 1000, voltages_V: [240.1, 239.8, 240.4], ...known };
}

export async function bufferFigures(): Promise<[string, string, string][]> {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-bench-buffer-'));
  try {
    return [...(await writes(folder)), ...(await cost(folder)), ...(await replay(folder))];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function writes(folder: string): Promise<[string, string, string][]> {
  const db = await SqliteDatabase.open(
    join(folder, 'plain.sqlite'),
    [['CREATE TABLE r (id INTEGER PRIMARY KEY, message TEXT)']],
    { durability: 'power' },
  );
  const text = JSON.stringify(measurement(1, 1));
  const plain = await perSecond(ALONE, async () => {
    for (let i = 0; i < ALONE; i++) await db.run('INSERT INTO r (message) VALUES (?)', text);
  });
  await db.close();
  const queue = await RecordQueue.open({ file: join(folder, 'w.sqlite'), maxBytes: 1 << 30, drop: 'oldest' });
  const append = (device: number, second: number) =>
    queue.append({
      ...{ kind: 'measurement', derId: `pv-${device}`, at_ms: second * 1000 },
      ...{ topic: topics.measurements(`pv-${device}`), message: measurement(device, second) },
    });
  const alone = await perSecond(ALONE, async () => {
    for (let i = 0; i < ALONE; i++) queue.release((await append(1, i)).record.id);
  });
  const together = await perSecond(ALONE * DEVICES, async () => {
    for (let i = 0; i < ALONE; i++) {
      const all = await Promise.all(Array.from({ length: DEVICES }, (_, device) => append(device, i)));
      queue.release(...all.map(({ record }) => record.id));
    }
  });
  await queue.close();
  const rate = (value: number): string => `${value.toFixed(0)} records/s`;
  return [
    ['buffer, records one by one, each on the disk', rate(alone), `plain SQLite inserts ${rate(plain)}`],
    [
      `buffer, ${DEVICES} devices at once, shared commits`,
      rate(together),
      `${(together / plain).toFixed(1)} × plain SQLite inserts; needed at 1 Hz: ${DEVICES}`,
    ],
  ];
}

/** What the edge's budget (5 % of one core at 10 devices × 1 Hz) is spent on here: buffer and signature. */
async function cost(folder: string): Promise<[string, string, string][]> {
  const signer = seededSigner(1, 'bench');
  const stamp = signingStamp(() => signer);
  const file = join(folder, 'signed.sqlite');
  const queue = await RecordQueue.open({ file, maxBytes: 1 << 30, drop: 'oldest', stamp });
  const before = process.cpuUsage();
  for (let second = 0; second < COST_S; second++) {
    const all = Array.from({ length: DEVICES }, (_, device) =>
      queue.append({
        ...{ kind: 'measurement', derId: `pv-${device}`, at_ms: second * 1000 },
        ...{ topic: topics.measurements(`pv-${device}`), message: measurement(device, second) },
      }),
    );
    queue.delivered(...(await Promise.all(all)).map(({ record }) => record.id));
  }
  const { user, system } = process.cpuUsage(before);
  await queue.close();
  const share_pct = ((user + system) / 1e6 / COST_S) * 100;
  return [
    [
      `buffer and signature, ${DEVICES} devices at 1 Hz`,
      `${share_pct.toFixed(1)} % of one core`,
      'budget of the whole agent 5 %',
    ],
  ];
}

async function replay(folder: string): Promise<[string, string, string][]> {
  const broker = await EmbeddedBroker.start();
  const file = join(folder, 'replay.sqlite');
  const openQueue = (): Promise<RecordQueue> => RecordQueue.open({ file, maxBytes: 1 << 30, drop: 'oldest' });
  const queue = await openQueue();
  for (let second = 0; second < OUTAGE_S; second++) {
    const all = Array.from({ length: DEVICES }, (_, device) =>
      queue.append({
        ...{ kind: 'measurement', derId: `pv-${device}`, at_ms: second * 1000 },
        ...{ topic: topics.measurements(`pv-${device}`), message: measurement(device, second) },
      }),
    );
    queue.release(...(await Promise.all(all)).map(({ record }) => record.id));
  }
  await queue.close();
  const records = OUTAGE_S * DEVICES;
  const listener = await MqttBus.connect({ url: broker.url, clientId: 'listener' });
  let arrived = 0;
  let done: () => void = () => {};
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  await listener.subscribe(topics.measurements('+'), () => {
    if (++arrived === records) done();
  });
  const bus = await MqttBus.connect({ url: broker.url, clientId: 'agent' });
  const began = performance.now();
  const uplink = await BufferedBus.open({
    bus,
    agentId: 'agent',
    deraId: 'dera',
    openQueue,
    log: silentLogger(),
  });
  await all;
  const took_s = (performance.now() - began) / 1000;
  await uplink.close();
  await listener.close();
  await broker.close();
  const times = OUTAGE_S / took_s;
  return [
    [
      `buffer, replay of 15 minutes of ${DEVICES} devices at 1 Hz`,
      `${(records / took_s).toFixed(0)} records/s, ${took_s.toFixed(0)} s`,
      `${times.toFixed(0)} × real time, aim ≥ ${AIM_TIMES_REAL}`,
    ],
  ];
}

async function perSecond(count: number, work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  return (count * 1000) / (performance.now() - from);
}
