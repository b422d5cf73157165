/** Federations that go over to another broker while they run: nobody in them notices. */
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { HelicsBroker } from '../broker/helics-broker.ts';
import { findHelics } from '../library/find-helics.ts';
import { openTestFederation, START_MS } from '../testing.ts';
import type { Federation } from './federation.ts';
import { Renewal } from './renewal.ts';

const VALUE = 'far/steps';

test.serial(
  'requests, messages and values between two processes, over three brokers: as over one',
  async (t) => {
    const { broker: program } = await helics();
    const { federation, far, broker, close } = await openTestFederation([{ name: 'near', inputs: [VALUE] }], {
      far: [{ name: 'far', publications: { [VALUE]: '' } }],
    });
    const [near, remote] = [federation.federate('near'), far!.federate('far')];
    const [nearTime, farTime] = [near.join('asks'), remote.join('answers')];
    const [nearBus, farBus] = [near.connect(), remote.connect()];
    const notes: string[] = [];
    await farBus.respond('lab/add', async ({ message }) => Number(message) + 1);
    await nearBus.subscribe(
      'lab/note',
      ({ message }) => void notes.push(`${message} at ${near.now() - START_MS}`),
    );
    const brokers: HelicsBroker[] = [];
    const renewals = [6, 13];
    const seen: number[] = [];
    const asks = async (): Promise<void> => {
      for (let i = 1; i <= 20; i++) {
        await nearTime.requestTime(START_MS + i * 1000);
        if (renewals.includes(i)) {
          const next = await HelicsBroker.start({ program, federates: 2 });
          brokers.push(next);
          await federation.renew(next.port);
        }
        t.is(await nearBus.request('lab/add', i, 10_000), i + 1);
        t.is(near.now(), START_MS + i * 1000);
        await near.gather([VALUE]);
        seen.push(near.input(VALUE)?.value ?? 0);
      }
      nearTime.close();
    };
    const answers = async (): Promise<void> => {
      for (let i = 1; i <= 20; i++) {
        await farTime.requestTime(START_MS + i * 1000);
        await remote.publish({ [VALUE]: i });
        await farBus.publish('lab/note', i);
      }
      farTime.close();
    };
    await Promise.all([asks(), answers()]);
    const steps = Array.from({ length: 20 }, (_, i) => i + 1);
    t.deepEqual(seen, steps);
    t.deepEqual(
      notes,
      steps.map((i) => `${i} at ${i * 1000}`),
    );
    t.is(brokers.length, 2);
    // A broker whose members have gone over ends by itself.
    for (const done of [broker, brokers[0]]) t.regex(await within(done!.ended), /^code 0/);
    await close();
    t.regex(await within(brokers[1]!.ended), /^code 0/);
  },
);

test.serial('more instants than HELICS can count rounds for with one broker', async (t) => {
  t.timeout(240_000);
  const { broker: program } = await helics();
  const brokers: HelicsBroker[] = [];
  let opened: Federation | undefined;
  let renewed = 0;
  const renewal: Renewal = new Renewal({
    federation: () => opened,
    nextBroker: async () => {
      const next = await HelicsBroker.start({ program, federates: 1 });
      brokers.push(next);
      renewed++;
      return next.port;
    },
    announce: async () => {},
    afterInstants: 10_000,
    observers: 0,
    now_ms: () => opened?.federate('only').now() ?? START_MS,
    fail: (error) => t.fail(String(error)),
  });
  const { federation, close } = await openTestFederation([{ name: 'only' }], {
    onInstant: (instants) => renewal.count(instants),
  });
  opened = federation;
  const only = federation.federate('only');
  const time = only.join('walker');
  // 65,536 rounds, three an instant.
  const last = 24_000;
  for (let i = 1; i <= last; i++) await time.requestTime(START_MS + i);
  t.is(only.now(), START_MS + last);
  t.is(renewed, 2);
  time.close();
  await close();
});

const helics = () => findHelics({ quiet: true });

const within = <T>(promise: Promise<T>): Promise<T | 'too late'> =>
  Promise.race([promise, delay(10_000, 'too late' as const, { ref: false })]);
