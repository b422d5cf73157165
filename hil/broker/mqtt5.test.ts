/**
 * What MQTT 5 and TLS add to the bus, against a broker that is not ours: Mosquitto. Where it is not installed the
 * tests are listed as skipped, by name.
 */

import { MqttBus, type MqttBusOptions } from '@fieldbid/core/bus/mqtt-bus';
import type { FieldbidError } from '@fieldbid/core/errors';
import test, { type ExecutionContext } from 'ava';
import { makeAuthority } from '../testing/certificates.ts';
import { type Mosquitto, startMosquitto } from '../testing/mosquitto.ts';
import { findMosquitto } from '../testing/programs.ts';
import { startProxy } from '../testing/tcp-proxy.ts';
import { EmbeddedBroker } from './embedded-broker.ts';

const path = findMosquitto();

function withMosquitto(
  name: string,
  config: readonly string[],
  body: (t: ExecutionContext, broker: Mosquitto) => Promise<void>,
  files: Readonly<Record<string, string>> = {},
): void {
  if (path === undefined) {
    test.skip(`${name}: the program mosquitto is not installed`, () => {});
    return;
  }
  test(name, async (t) => {
    const broker = await startMosquitto(path, config, files);
    try {
      await body(t, broker);
    } finally {
      await broker.stop();
    }
  });
}

const connect = (url: string, clientId: string, more: Partial<MqttBusOptions> = {}): Promise<MqttBus> =>
  MqttBus.connect({ url, clientId, protocolVersion: 5, ...more });

/** Resolves when the bus next says so. */
function connection(bus: MqttBus, wanted: boolean): Promise<void> {
  return new Promise((resolve) => {
    const watch = bus.watchConnection((connected) => {
      if (connected !== wanted) return;
      resolve();
      void Promise.resolve().then(() => watch.close());
    });
  });
}

const ANYBODY = ['allow_anonymous true'];

withMosquitto(
  'MQTT 5: a request that nobody took in time is not delivered later; an award is',
  ANYBODY,
  async (t, broker) => {
    const asker = await connect(broker.url, 'asker');
    const line = await startProxy(broker.port);
    const device = await connect(`mqtt://127.0.0.1:${line.port}`, 'device');
    const taken: unknown[] = [];
    let last: () => void = () => {};
    const all = new Promise<void>((resolve) => {
      last = resolve;
    });
    await device.respond('commands', async ({ message }) => {
      taken.push(message);
      if (message === 'last') last();
      return null;
    });
    line.cut();
    await connection(device, false);
    // The least that MQTT 5 can express is a second: the first is worth that, the others longer than this test.
    const expired = asker.request('commands', 'worth a second', 1);
    const kept = asker.request('commands', 'worth an interval', 1, { worth_ms: 900_000 });
    t.like(await t.throwsAsync(expired), { code: 'DEADLINE' });
    t.like(await t.throwsAsync(kept), { code: 'DEADLINE' });
    // Mosquitto counts whole seconds; it says itself when it has dropped something, by not delivering it.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    line.mend();
    await connection(device, true);
    await asker.request('commands', 'last', 10_000);
    await all;
    t.deepEqual(taken, ['worth an interval', 'last']);
    await Promise.all([asker.close(), device.close()]);
    await line.close();
  },
);

withMosquitto(
  'MQTT 5: a short break is no death; a long one is, and the session ends with it',
  ANYBODY,
  async (t, broker) => {
    const watcher = await connect(broker.url, 'watcher');
    const seen: unknown[] = [];
    const line = await startProxy(broker.port);
    let told: () => void = () => {};
    const death = new Promise<void>((resolve) => {
      told = resolve;
    });
    await watcher.subscribe('state/#', ({ topic, message }) => {
      seen.push([topic, message]);
      if (topic === 'state/mortal') told();
    });
    const will = (name: string, delay_s: number) => ({
      topic: `state/${name}`,
      message: { alive: false },
      delay_s,
    });
    const url = `mqtt://127.0.0.1:${line.port}`;
    const patient = await connect(url, 'patient', { will: will('patient', 3600) });
    const mortal = await connect(url, 'mortal', { will: will('mortal', 0) });
    line.cut();
    await death;
    line.mend();
    await Promise.all([connection(patient, true), connection(mortal, true)]);
    await patient.publish('state/patient', { alive: true });
    await watcher.request('nobody', null, 1).catch(() => {});
    t.deepEqual(seen[0], ['state/mortal', { alive: false }]);
    t.false(seen.some((entry) => JSON.stringify(entry) === '["state/patient",{"alive":false}]'));
    await Promise.all([patient.close(), mortal.close(), watcher.close()]);
    await line.close();
  },
);

withMosquitto(
  'MQTT 5: what the broker does not allow is refused with its reason, and the connection lives on',
  ['allow_anonymous true', 'acl_file FOLDER/acl'],
  async (t, broker) => {
    const bus = await connect(broker.url, 'agent-1');
    const error = await t.throwsAsync<FieldbidError>(bus.publish('der/of-another/bids', 1));
    t.like(error, { code: 'BUS_REFUSED', retryable: false, details: { reasonCode: 0x87 } });
    t.regex(error?.message ?? '', /der\/of-another\/bids.*not authorised/);
    await bus.publish('der/agent-1/bids', 1);
    await bus.close();
  },
  { acl: 'topic read #\ntopic readwrite fieldbid/v1/replies/#\npattern write der/%c/bids\n' },
);

withMosquitto(
  'MQTT 5: wrong credentials are refused by name, and never repeated in the error',
  ['allow_anonymous false', 'password_file FOLDER/passwords'],
  async (t, broker) => {
    const error = await t.throwsAsync(
      connect(broker.url, 'x', { username: 'agent', password: 'guessed-wrong' }),
    );
    t.like(error, { code: 'BUS_REFUSED', retryable: false });
    t.notRegex(error?.message ?? '', /guessed/);
  },
  { passwords: '' },
);

withMosquitto(
  'MQTT 5: a burst beyond the receive maximum arrives whole and in order',
  ANYBODY,
  async (t, broker) => {
    const [a, b] = [await connect(broker.url, 'a'), await connect(broker.url, 'b')];
    const count = 500;
    const got: unknown[] = [];
    let done: () => void = () => {};
    const all = new Promise<void>((resolve) => {
      done = resolve;
    });
    await b.subscribe('burst', ({ message }) => {
      got.push(message);
      if (got.length === count) done();
    });
    await Promise.all(Array.from({ length: count }, (_, i) => a.publish('burst', i)));
    await all;
    t.deepEqual(
      got,
      Array.from({ length: count }, (_, i) => i),
    );
    t.regex(broker.program.output(), /New client connected from .* as b \(p5/);
    await Promise.all([a.close(), b.close()]);
  },
);

test('MQTT 5 at a broker that speaks 3.1.1 only: refused, naming the setting', async (t) => {
  const broker = await EmbeddedBroker.start();
  const error = await t.throwsAsync(connect(broker.url, 'x'));
  t.like(error, { code: 'BUS_REFUSED', retryable: false });
  t.regex(error?.message ?? '', /protocolVersion/);
  await broker.close();
});

if (path === undefined) {
  test.skip('TLS with client certificates: the program mosquitto is not installed', () => {});
} else {
  const program = path;
  test('TLS with client certificates: the right one is let in, all others are told why not', async (t) => {
    const [ours, theirs] = [await makeAuthority('ours'), await makeAuthority('theirs')];
    const server = await ours.issue('broker', '127.0.0.1');
    const [device, stranger] = [await ours.issue('roof-7'), await theirs.issue('stranger')];
    const elsewhere = await ours.issue('broker', '192.0.2.9');
    const config = (cert: string): string[] => [
      ...['allow_anonymous true', 'require_certificate true', 'cafile FOLDER/ca.pem'],
      ...[`certfile FOLDER/${cert}.pem`, `keyfile FOLDER/${cert}.key`],
    ];
    const files = {
      'ca.pem': ours.ca,
      ...{ 'server.pem': server.cert, 'server.key': server.key },
      ...{ 'elsewhere.pem': elsewhere.cert, 'elsewhere.key': elsewhere.key },
    };
    const broker = await startMosquitto(program, config('server'), files);
    for (const protocolVersion of [4, 5] as const) {
      const attempt = (more: Partial<MqttBusOptions>) =>
        connect(broker.url, 'roof-7', { protocolVersion, ...more });
      const bus = await attempt({ ca: ours.ca, ...device });
      await bus.publish('x', 1);
      await bus.close();
      const refusals: [Partial<MqttBusOptions>, RegExp][] = [
        [{ ca: theirs.ca, ...device }, /certificate is not vouched for by caFile/],
        [device, /certificate is not vouched for by caFile/],
        [{ ca: ours.ca }, /client certificate/],
        [{ ca: ours.ca, ...stranger }, /client certificate/],
      ];
      for (const [options, message] of refusals) {
        const error = await t.throwsAsync(attempt(options), { message });
        t.like(error, { code: 'BUS_REFUSED', retryable: false });
      }
    }
    await broker.stop();
    const impostor = await startMosquitto(program, config('elsewhere'), files);
    await t.throwsAsync(connect(impostor.url, 'roof-7', { ca: ours.ca, ...device }), {
      message: /names another host/,
    });
    await impostor.stop();
  });
}
