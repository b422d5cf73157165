import { busConformance } from '@fieldbid/core/bus/conformance';
import test, { type TestFn } from 'ava';
import { openTestFederation } from '../testing.ts';

// One after the other: each federate that waits for its time holds a thread of the process.
busConformance(test.serial as TestFn, 'HELICS, two federates', async () => {
  const { federation, close } = await openTestFederation([{ name: 'first' }, { name: 'second' }]);
  const [a, b] = federation.federates.map((federate) => federate.connect());
  return { a: a!, b: b!, close };
});

busConformance(test.serial as TestFn, 'HELICS, two clients of one federate', async () => {
  const { federation, close } = await openTestFederation([{ name: 'only' }]);
  const [only] = federation.federates;
  return { a: only!.connect(), b: only!.connect(), close };
});

test.serial('a federate that has left is told nothing more, and keeps nobody waiting', async (t) => {
  const { federation, close } = await openTestFederation([{ name: 'first' }, { name: 'second' }]);
  const [a, b] = federation.federates.map((federate) => federate.connect());
  await b!.subscribe('lab/#', () => {});
  await a!.publish('lab/one', 1);
  await close();
  t.like(await t.throwsAsync(a!.publish('lab/two', 2)), { code: 'BUS_UNAVAILABLE', retryable: true });
});
