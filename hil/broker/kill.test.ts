import { MqttBus } from '@fieldbid/core/bus/mqtt-bus';
import test from 'ava';
import { EmbeddedBroker } from './embedded-broker.ts';

const credentials = { username: 'test', password: 'of this test alone' };

test('a client that is dropped: its will is told, and it sends nothing any more', async (t) => {
  const broker = await EmbeddedBroker.start({ credentials });
  const options = { url: broker.url, ...credentials };
  const other = await MqttBus.connect({ ...options, clientId: 'other' });
  const wills: unknown[] = [];
  await other.subscribe('will', ({ message }) => void wills.push(message));
  const will = { topic: 'will', message: 'gone' };
  const client = await MqttBus.connect({ ...options, clientId: 'client', will });
  await client.publish('any', 1);
  await client.drop();
  while (wills.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.deepEqual(wills, ['gone']);
  t.like(await t.throwsAsync(client.publish('any', 2)), { code: 'BUS_CLOSED' });
  await other.close();
  await broker.close();
});

test('a broker that is killed and started again on its port: clients are back with what they had subscribed', async (t) => {
  const broker = await EmbeddedBroker.start({ credentials });
  const options = { url: broker.url, ...credentials, reconnectDeadline_ms: 50 };
  const [a, b] = [
    await MqttBus.connect({ ...options, clientId: 'a' }),
    await MqttBus.connect({ ...options, clientId: 'b' }),
  ];
  const heard: unknown[] = [];
  await b.subscribe('news', ({ message }) => void heard.push(message));
  await a.publish('news', 1);
  await b.caughtUp();
  t.deepEqual(heard, [1]);
  await broker.kill();
  await until(a, false);
  t.like(await t.throwsAsync(a.publish('news', 2)), { code: 'BUS_UNAVAILABLE', retryable: true });
  const again = await EmbeddedBroker.start({ credentials, port: Number(new URL(broker.url).port) });
  await Promise.all([until(a, true), until(b, true)]);
  await b.caughtUp();
  await a.publish('news', 3);
  await b.caughtUp();
  t.deepEqual(heard, [1, 3]);
  await a.close();
  await b.close();
  await again.close();
});

/** Until a client has its connection, or has noticed that it has none. */
function until(bus: MqttBus, wanted: boolean): Promise<void> {
  return new Promise((resolve) => {
    bus.watchConnection((connected) => {
      if (connected === wanted) resolve();
    });
  });
}
