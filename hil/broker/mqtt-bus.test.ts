import { busConformance } from '@fieldbid/core/bus/conformance';
import { LARGEST_MESSAGE_BYTES } from '@fieldbid/core/bus/envelope';
import { MqttBus } from '@fieldbid/core/bus/mqtt-bus';
import { messageOf } from '@fieldbid/core/errors';
import test from 'ava';
import { connectAsync } from 'mqtt';
import { findMosquitto, freePorts, printed, start } from '../testing/programs.ts';
import { EmbeddedBroker } from './embedded-broker.ts';

async function twoBuses(url: string, protocolVersion: 4 | 5, close: () => Promise<void>) {
  const a = await MqttBus.connect({ url, clientId: 'a', protocolVersion });
  const b = await MqttBus.connect({ url, clientId: 'b', protocolVersion });
  return {
    a,
    b,
    close: async () => {
      await Promise.all([a.close(), b.close()]);
      await close();
    },
  };
}

busConformance(test, 'MQTT 3.1.1 on the embedded broker', async () => {
  const broker = await EmbeddedBroker.start();
  return twoBuses(broker.url, 4, () => broker.close());
});

// A peer's broker. Where it is not installed the suite is listed as skipped, by name.
const mosquitto = findMosquitto();
if (mosquitto === undefined) {
  test.skip('MQTT 5 on Mosquitto: the program mosquitto is not installed', () => {});
} else {
  const program = mosquitto;
  busConformance(test, 'MQTT 5 on Mosquitto', async () => {
    const port = await freePorts(1);
    const broker = start(program, ['-p', String(port)]);
    await printed(broker, 'running');
    return twoBuses(`mqtt://127.0.0.1:${port}`, 5, () => broker.stop());
  });
}

test('the broker refuses wrong credentials, and the error says so', async (t) => {
  const broker = await EmbeddedBroker.start({ credentials: { username: 'agent', password: 'right' } });
  const error = await t.throwsAsync(
    MqttBus.connect({ url: broker.url, clientId: 'x', username: 'agent', password: 'wrong' }),
  );
  t.like(error, { code: 'BUS_REFUSED', retryable: false });
  t.notRegex(messageOf(error), /wrong/);
  const good = await MqttBus.connect({
    url: broker.url,
    clientId: 'x',
    username: 'agent',
    password: 'right',
  });
  await good.close();
  await broker.close();
});

test('the will is announced when a client dies without closing', async (t) => {
  const broker = await EmbeddedBroker.start();
  const watcher = await MqttBus.connect({ url: broker.url, clientId: 'watcher' });
  const seen = new Promise((resolve) => void watcher.subscribe('wills/#', ({ message }) => resolve(message)));
  const mortal = await connectAsync(broker.url, {
    clientId: 'mortal',
    will: { topic: 'wills/mortal', payload: Buffer.from('{"body":{"alive":false}}'), qos: 1, retain: true },
  });
  mortal.stream.destroy();
  t.deepEqual(await seen, { alive: false });
  await mortal.endAsync(true);
  await watcher.close();
  await broker.close();
});

test('plain text to another machine is refused unless allowed; a URL that is none is named', async (t) => {
  await t.throwsAsync(MqttBus.connect({ url: 'mqtt://192.0.2.1:1883', clientId: 'x' }), {
    message: /mqtts:\/\//,
  });
  await t.throwsAsync(MqttBus.connect({ url: 'http://127.0.0.1', clientId: 'x' }), {
    message: /mqtt:\/\/HOST:PORT/,
  });
});

test('what is no envelope is reported, not handled, and what follows is', async (t) => {
  const broker = await EmbeddedBroker.start();
  const faults: string[] = [];
  const bus = await MqttBus.connect({
    url: broker.url,
    clientId: 'robust',
    onFault: ({ error }) => faults.push(messageOf(error)),
  });
  const good = new Promise((resolve) => void bus.subscribe('in', ({ message }) => resolve(message)));
  const raw = await connectAsync(broker.url, { clientId: 'raw' });
  await raw.publishAsync('in', 'not json', { qos: 1 });
  await raw.publishAsync('in', '[1]', { qos: 1 });
  await raw.publishAsync('in', Buffer.alloc(LARGEST_MESSAGE_BYTES + 1, 32), { qos: 1 });
  await raw.publishAsync('in', '{"body":"good"}', { qos: 1 });
  t.is(await good, 'good');
  t.is(faults.length, 3);
  t.regex(faults[0] ?? '', /not JSON/);
  t.regex(faults[2] ?? '', /at most 8388608 bytes/);
  await raw.endAsync();
  await bus.close();
  await broker.close();
});
