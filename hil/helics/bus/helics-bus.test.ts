import { isDeepStrictEqual } from 'node:util';
import { busConformance } from '@fieldbid/core/bus/conformance';
import { LARGEST_MESSAGE_BYTES } from '@fieldbid/core/bus/envelope';
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

test.serial('a message of a megabyte arrives whole over HELICS, between two cores', async (t) => {
  const { federation, far, close } = await openTestFederation([{ name: 'near' }], { far: [{ name: 'far' }] });
  try {
    const [a, b] = [federation.federate('near').connect(), far!.federate('far').connect()];
    const long = { text: 'ü€😀"'.repeat(90_000) };
    const arrived: unknown[] = [];
    await b.subscribe('lab/+', ({ topic, message }) => {
      arrived.push([topic, isDeepStrictEqual(message, long)]);
    });
    await a.publish('lab/kept', long, { retain: true });
    await a.publish('lab/long', long);
    const answered = await b.respond('echo', async ({ message }) => message);
    t.true(isDeepStrictEqual(await a.request('echo', long, 30_000), long));
    t.deepEqual(arrived, [
      ['lab/kept', true],
      ['lab/long', true],
    ]);
    await answered.close();
    const tooLong = await t.throwsAsync(
      a.publish('lab/long', 'x'.repeat(LARGEST_MESSAGE_BYTES), { retain: true }),
    );
    t.like(tooLong, { code: 'BUS_MESSAGE_TOO_LARGE' });
  } finally {
    await close();
  }
});
