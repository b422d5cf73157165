import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { withPatience } from './patience.ts';

/** Holds up the whole process. */
function hold(duration_ms: number): void {
  const until = performance.now() + duration_ms;
  while (performance.now() < until);
}

test('what never comes is a deadline, what fails is its own failure', async (t) => {
  t.like(await t.throwsAsync(withPatience(new Promise(() => {}), 5, 'nobody')), {
    code: 'DEADLINE',
    message: 'nobody did not answer within 5 ms',
  });
  await t.throwsAsync(withPatience(Promise.reject(new RangeError('mine')), 5, 'it'), { message: 'mine' });
});

test('a process held up beyond the deadline still takes an answer of the next turns', async (t) => {
  const answer = (async () => {
    for (let turn = 0; turn < 4; turn++) await nextTurn();
    return 'in time';
  })();
  const waiting = withPatience(answer, 20, 'the device');
  hold(60);
  t.is(await waiting, 'in time');
});
