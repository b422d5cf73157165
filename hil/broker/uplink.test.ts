/** An agent's uplink over a real broker that goes away and comes back. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Telemetry } from '@fieldbid/aggregator/telemetry';
import type { Bus } from '@fieldbid/core/bus/bus';
import { MqttBus } from '@fieldbid/core/bus/mqtt-bus';
import { topics } from '@fieldbid/core/bus/topics';
import { silentLogger } from '@fieldbid/core/logging';
import { Calendar } from '@fieldbid/core/market/calendar';
import { AgentState, Measurement } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import { WallClock } from '@fieldbid/core/time/wall-clock';
import { agentWill, EdgeAgent } from '@fieldbid/edge-agent/agent/agent';
import { openUplink } from '@fieldbid/edge-agent/uplink/open-uplink';
import test, { type ExecutionContext } from 'ava';
import { startMosquitto } from '../testing/mosquitto.ts';
import { findMosquitto } from '../testing/programs.ts';
import { startProxy } from '../testing/tcp-proxy.ts';
import { EmbeddedBroker } from './embedded-broker.ts';

const START_MS = Date.UTC(2026, 5, 21, 12);

function measurement(second: number): Measurement {
  const readAt_ms = START_MS + second * 1000;
  const unknown = { available_W: null, limit_pct: null, voltages_V: [240.1], energy_Wh: null };
  return { derId: 'pv-7', readAt_ms, power_W: 4000 + second, ...unknown };
}

/** Resolves at the next change to `wanted`, or at once. */
function connection(bus: Bus, wanted: boolean): Promise<void> {
  return new Promise((resolve) => {
    bus.watchConnection((connected) => {
      if (connected === wanted) resolve();
    });
  });
}

/** Cut off for 50 measurements, of which the last ones come when the line is whole again. */
async function cutOff(t: ExecutionContext, url: string, port: number, protocolVersion: 4 | 5): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-uplink-'));
  const listener = await MqttBus.connect({ url, clientId: 'dera-1', protocolVersion });
  const telemetry = new Telemetry(() => true);
  const counted: Measurement[] = [];
  let complete: () => void = () => {};
  const all = new Promise<void>((resolve) => {
    complete = resolve;
  });
  await listener.subscribe(topics.measurements('+'), (received) => {
    if (telemetry.takeMeasurement(received))
      counted.push(parse(Measurement, received.message, received.topic));
    if (counted.length === 60) complete();
  });
  const line = await startProxy(port);
  const bus = await MqttBus.connect({
    url: `mqtt://127.0.0.1:${line.port}`,
    clientId: 'roof-7',
    protocolVersion,
  });
  const config = { maxBytes: 1024 * 1024, drop: 'oldest' as const };
  const parts = { bus, agentId: 'roof-7', deraId: 'dera-1', log: silentLogger() };
  const uplink = await openUplink(config, join(folder, 'edge.yaml'), parts);
  const send = async (from: number, to: number): Promise<void> => {
    for (let second = from; second < to; second++)
      await uplink.publish(topics.measurements('pv-7'), measurement(second));
  };
  await send(0, 5);
  line.cut();
  await connection(bus, false);
  await send(5, 50);
  line.mend();
  await connection(bus, true);
  await send(50, 60);
  await all;
  const history = counted.filter(({ historical }) => historical === true).map(({ readAt_ms }) => readAt_ms);
  t.deepEqual(
    history,
    [...history].sort((a, b) => a - b),
  );
  const seconds = counted.map(({ readAt_ms }) => (readAt_ms - START_MS) / 1000).sort((a, b) => a - b);
  t.deepEqual(
    seconds,
    Array.from({ length: 60 }, (_, i) => i),
  );
  // What was measured while the line was cut can only have come as history.
  for (const { readAt_ms, historical } of counted) {
    const second = (readAt_ms - START_MS) / 1000;
    if (second >= 5 && second < 50) t.true(historical, `second ${second}`);
    if (second >= 50) t.is(historical, undefined, `second ${second}`);
  }
  await uplink.close();
  await line.close();
  await listener.close();
  rmSync(folder, { recursive: true });
}

test('cut off from the embedded broker: all arrives once, as history and in order, beside what is live', async (t) => {
  const broker = await EmbeddedBroker.start();
  await cutOff(t, broker.url, Number(new URL(broker.url).port), 4);
  await broker.close();
});

test('an agent whose connection broke says that it lives, after the broker has told its death', async (t) => {
  const broker = await EmbeddedBroker.start();
  const watcher = await MqttBus.connect({ url: broker.url, clientId: 'dera-1' });
  const told: boolean[] = [];
  let thrice: () => void = () => {};
  const all = new Promise<void>((resolve) => {
    thrice = resolve;
  });
  await watcher.subscribe(topics.agents('roof-7'), ({ topic, message }) => {
    told.push(parse(AgentState, message, topic).alive);
    if (told.length === 2) line.mend();
    if (told.length === 3) thrice();
  });
  const line = await startProxy(Number(new URL(broker.url).port));
  const will = agentWill('roof-7', []);
  const bus = await MqttBus.connect({ url: `mqtt://127.0.0.1:${line.port}`, clientId: 'roof-7', will });
  const agent = new EdgeAgent({
    ...{ agentId: 'roof-7', deraId: 'dera-1', bus, timeFor: () => new WallClock(), devices: [] },
    ...{ calendar: parse(Calendar, { start: '2026-06-21T12:00Z', intervals: 1 }, 'test'), cycle_ms: 60_000 },
    ...{ forecast: { at: () => undefined }, log: silentLogger() },
  });
  await agent.start();
  line.cut();
  await all;
  t.deepEqual(told, [true, false, true]);
  await agent.stop();
  await bus.close();
  await line.close();
  await watcher.close();
  await broker.close();
});

const mosquitto = findMosquitto();
const NAME =
  'cut off from Mosquitto (MQTT 5): all arrives once, as history and in order, beside what is live';
if (mosquitto === undefined) {
  test.skip(`${NAME}: the program mosquitto is not installed`, () => {});
} else {
  const program = mosquitto;
  test(NAME, async (t) => {
    const broker = await startMosquitto(program);
    await cutOff(t, broker.url, broker.port, 5);
    await broker.stop();
  });
}
