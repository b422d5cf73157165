import { timeSourceConformance } from '@fieldbid/core/time/conformance';
import type { TimeSource } from '@fieldbid/core/time/time-source';
import test, { type TestFn } from 'ava';
import { openTestFederation, START_MS } from '../testing.ts';

/** Later than any test asks for. */
const FAR_MS = 10 * 365 * 86_400_000;

// One after the other: each federate that waits for its time holds a thread of the process.
timeSourceConformance(test.serial as TestFn, 'HELICS', async () => {
  const { federation, close } = await openTestFederation([{ name: 'first' }, { name: 'second' }]);
  const [first, second] = federation.federates;
  // The participants are in turn in one federate and in the other, where somebody waits for a time that never comes.
  const idle: TimeSource[] = [first!, second!].map((federate) => federate.join('idle'));
  for (const time of idle) time.requestTime(START_MS + FAR_MS).catch(() => {});
  let joined = 0;
  return {
    start_ms: START_MS,
    join: (name) => (joined++ % 2 === 0 ? first! : second!).join(name),
    close,
  };
});

test.serial('time stands still for all federates while somebody is at work in one', async (t) => {
  const { federation, close } = await openTestFederation([{ name: 'first' }, { name: 'second' }]);
  const [worker, other] = federation.federates.map((federate, i) => federate.join(`participant ${i}`));
  const log: string[] = [];
  const waiting = other!.requestTime(START_MS + 1000).then(() => log.push('other at +1 s'));
  await worker!.requestTime(START_MS);
  await new Promise((resolve) => setTimeout(resolve, 50));
  log.push('worker done');
  const next = worker!.requestTime(START_MS + 2000);
  await waiting;
  other!.close();
  t.is(await next, START_MS + 2000);
  t.deepEqual(log, ['worker done', 'other at +1 s']);
  worker!.close();
  await close();
});

test.serial('who is at work when time stands still is named', async (t) => {
  let hung: (names: string[]) => void = () => {};
  const names = new Promise<string[]>((resolve) => {
    hung = resolve;
  });
  const { federation, close } = await openTestFederation([{ name: 'only' }], {
    hangGuard_ms: 50,
    onHang: (who) => hung(who),
  });
  const [only] = federation.federates;
  only!.join('stuck');
  only!
    .join('waiting')
    .requestTime(START_MS + 1000)
    .catch(() => {});
  t.deepEqual(await names, ['stuck']);
  await close();
});

test.serial('values that others publish at an instant are gathered at that instant, exact', async (t) => {
  const power_W = 123_456.789_012_345_67;
  const { federation, close } = await openTestFederation([
    { name: 'der', publications: { 'der/a/power_W': 'W' } },
    { name: 'grid', inputs: ['der/a/power_W'] },
  ]);
  const [der, grid] = [federation.federate('der'), federation.federate('grid')];
  const [derTime, gridTime] = [der.join('terminals'), grid.join('plant')];
  await Promise.all([
    derTime.requestTime(START_MS + 30_000).then(async () => {
      await der.publish({ 'der/a/power_W': power_W });
      derTime.requestTime(START_MS + 90_000).catch(() => {});
    }),
    gridTime.requestTime(START_MS + 30_000).then(() => grid.gather(['der/a/power_W'])),
  ]);
  t.deepEqual(grid.input('der/a/power_W'), { value: power_W, at_ms: START_MS + 30_000 });
  t.is(grid.now(), START_MS + 30_000);
  await close();
});
