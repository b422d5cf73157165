/** The suite that every Bus passes: `busConformance(test, 'name', open)`; `open` gives two clients of one bus. */
import type { TestFn } from 'ava';
import type { Json } from '../canonical-json.ts';
import type { Bus, Received } from './bus.ts';

export interface BusesUnderTest {
  readonly a: Bus;
  readonly b: Bus;
  close(): Promise<void>;
}

const DEADLINE_MS = 5000;

export function busConformance(test: TestFn, name: string, open: () => Promise<BusesUnderTest>): void {
  test(`${name}: a message reaches the subscribers of a matching filter, unchanged`, async (t) => {
    const { a, b, close } = await open();
    const message: Json = { text: 'Größe ∆', list: [1, -2.5, null, true], nested: { empty: {} } };
    const seen = collector(3);
    await b.subscribe('conformance/one', seen.push);
    await b.subscribe('conformance/+', seen.push);
    await b.subscribe('conformance/#', seen.push);
    await b.subscribe('other/#', () => t.fail('a filter that does not match'));
    await a.publish('conformance/one', message);
    for (const { topic, message: got } of await seen.all) {
      t.is(topic, 'conformance/one');
      t.deepEqual(got, message);
    }
    await close();
  });

  test(`${name}: one publisher's messages arrive in order, slow handlers included`, async (t) => {
    const { a, b, close } = await open();
    const seen = collector(100);
    await b.subscribe('conformance/order', async (received) => {
      if (Number(received.message) % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      seen.push(received);
    });
    await Promise.all(Array.from({ length: 100 }, (_, i) => a.publish('conformance/order', i)));
    t.deepEqual(
      (await seen.all).map(({ message }) => message),
      Array.from({ length: 100 }, (_, i) => i),
    );
    await close();
  });

  test(`${name}: a retained message reaches who subscribes later`, async (t) => {
    const { a, b, close } = await open();
    await a.publish('conformance/retained', { version: 1 }, { retain: true });
    await a.publish('conformance/retained', { version: 2 }, { retain: true });
    const seen = collector(1);
    await b.subscribe('conformance/retained', seen.push);
    t.deepEqual((await seen.all)[0]?.message, { version: 2 });
    await close();
  });

  test(`${name}: requests get their own answers, out of order and many at once`, async (t) => {
    const { a, b, close } = await open();
    await b.respond('conformance/double/+', async ({ topic, message }) => {
      if (topic.endsWith('0')) await new Promise((resolve) => setImmediate(resolve));
      return Number(message) * 2;
    });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => a.request(`conformance/double/${i}`, i, DEADLINE_MS)),
    );
    t.deepEqual(
      answers,
      Array.from({ length: 50 }, (_, i) => i * 2),
    );
    await close();
  });

  test(`${name}: what the responder throws reaches the requester with its code`, async (t) => {
    const { a, b, close } = await open();
    await b.respond('conformance/fails', async () => {
      throw new RangeError('too much');
    });
    const error = await t.throwsAsync(a.request('conformance/fails', null, DEADLINE_MS));
    t.like(error, { code: 'BUS_REMOTE_ERROR' });
    t.regex(error?.message ?? '', /too much/);
    await close();
  });

  test(`${name}: a request that nobody answers ends with its deadline`, async (t) => {
    const { a, close } = await open();
    t.like(await t.throwsAsync(a.request('conformance/nobody', null, 50)), {
      code: 'DEADLINE',
      retryable: true,
    });
    await close();
  });

  test(`${name}: a handler that fails does not stop the messages after it`, async (t) => {
    const { a, b, close } = await open();
    const seen = collector(1);
    await b.subscribe('conformance/fragile', (received) => {
      if (received.message === 'bad') throw new RangeError('cannot handle this');
      seen.push(received);
    });
    await a.publish('conformance/fragile', 'bad');
    await a.publish('conformance/fragile', 'good');
    t.is((await seen.all)[0]?.message, 'good');
    await close();
  });

  test(`${name}: says at once that it is connected`, async (t) => {
    const { a, close } = await open();
    const told: boolean[] = [];
    await a.watchConnection((connected) => told.push(connected)).close();
    t.deepEqual(told, [true]);
    await close();
  });

  test(`${name}: a closed subscription is silent`, async (t) => {
    const { a, b, close } = await open();
    const subscription = await b.subscribe('conformance/closed', () => t.fail('delivered after closing'));
    await subscription.close();
    const marker = collector(1);
    await b.subscribe('conformance/marker', marker.push);
    await a.publish('conformance/closed', 1);
    await a.publish('conformance/marker', 1);
    await marker.all;
    await close();
    t.pass();
  });
}

function collector(count: number): { push: (received: Received) => void; all: Promise<Received[]> } {
  const seen: Received[] = [];
  let done: (all: Received[]) => void = () => {};
  const all = new Promise<Received[]>((resolve) => {
    done = resolve;
  });
  return {
    all,
    push: (received) => {
      seen.push(received);
      if (seen.length === count) done(seen);
    },
  };
}
