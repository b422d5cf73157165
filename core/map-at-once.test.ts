import test from 'ava';
import { mapAtOnce } from './map-at-once.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('no more than so many are at work, all of them are done, in their order', async (t) => {
  let working = 0;
  let most = 0;
  const items = Array.from({ length: 100 }, (_, i) => i);
  const squares = await mapAtOnce(items, 7, async (i) => {
    most = Math.max(most, ++working);
    for (let left = i % 5; left >= 0; left--) await turn();
    working--;
    return i * i;
  });
  t.is(most, 7);
  t.deepEqual(
    squares,
    items.map((i) => i * i),
  );
  t.deepEqual(await mapAtOnce([], 7, async () => 1), []);
});

test('after a failure nothing further is begun', async (t) => {
  const begun: number[] = [];
  const work = async (i: number): Promise<void> => {
    begun.push(i);
    await turn();
    if (i === 1) throw new RangeError('one');
  };
  await t.throwsAsync(mapAtOnce([0, 1, 2, 3, 4, 5, 6, 7], 2, work), { message: 'one' });
  await turn();
  t.true(begun.length <= 4, `${begun}`);
});
