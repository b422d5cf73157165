import { setTimeout as delay } from 'node:timers/promises';
import type { FieldbidError } from '@fieldbid/core/errors';
import test from 'ava';
import { openTestFederation, START_MS } from '../testing.ts';
import { watchStandstill } from './watch-standstill.ts';

const QUICK = { patience_ms: 400, look_ms: 20 };

test.serial('where all federates here wait and nothing is granted, the run is ended', async (t) => {
  const { federation, far, close } = await openTestFederation([{ name: 'here' }], {
    far: [{ name: 'elsewhere' }],
  });
  const waits = federation.federate('here').join('waits');
  const holds = far!.federate('elsewhere').join('holds');
  const failure = new Promise<FieldbidError>((resolve) => {
    watchStandstill(federation, resolve, QUICK);
  });
  const granted = waits.requestTime(START_MS + 1000);
  t.is((await failure).code, 'HELICS_STALLED');
  holds.close();
  t.is(await granted, START_MS + 1000);
  await close();
});

test.serial('it is not ended while somebody here is at work, nor while time moves', async (t) => {
  const { federation, close } = await openTestFederation([{ name: 'one' }, { name: 'two' }]);
  const [one, two] = ['one', 'two'].map((name) => federation.federate(name).join('participant'));
  const timer = watchStandstill(federation, (error) => t.fail(error.message), QUICK);
  const waiting = two!.requestTime(START_MS + 5000).then(() => two!.close());
  await one!.requestTime(START_MS + 1);
  await delay(3 * QUICK.patience_ms);
  const began = performance.now();
  for (let i = 2; performance.now() - began < 3 * QUICK.patience_ms; i++) {
    await one!.requestTime(START_MS + i);
    await delay(10);
  }
  one!.close();
  await waiting;
  clearInterval(timer);
  await close();
  t.pass();
});
