import test from 'ava';
import { FieldbidError } from './errors.ts';
import { pause, whileStarting, withRetries } from './retry.ts';

const down = () => new FieldbidError('DOWN', 'not there', { retryable: true });
const wrong = () => new FieldbidError('WRONG', 'never');

function answers(...list: (string | FieldbidError)[]) {
  let calls = 0;
  return {
    calls: () => calls,
    work: async () => {
      const answer = list[calls++]!;
      if (typeof answer === 'string') return answer;
      throw answer;
    },
  };
}

test('what is starting is waited for, and that is said once', async (t) => {
  const told: unknown[] = [];
  const { work, calls } = answers(down(), down(), 'up');
  t.is(await whileStarting(work, (error) => told.push(error)), 'up');
  t.is(calls(), 3);
  t.is(told.length, 1);
});

test('what waiting cannot mend is thrown at once', async (t) => {
  const never = answers(wrong());
  t.like(await t.throwsAsync(whileStarting(never.work, () => t.fail('waits'))), { code: 'WRONG' });
  const once = answers(down(), wrong());
  t.like(await t.throwsAsync(withRetries(once.work, new AbortController().signal, () => {})), {
    code: 'WRONG',
  });
});

test('trying again ends after the last try, and when it is told to', async (t) => {
  const many = answers(down(), down(), down(), down(), down(), 'too late');
  const stopping = new AbortController();
  const told: unknown[] = [];
  const tries = withRetries(many.work, stopping.signal, (error) => {
    told.push(error);
    if (told.length === 2) stopping.abort();
  });
  t.like(await t.throwsAsync(tries), { code: 'DOWN' });
  t.is(many.calls(), 3);
});

test('a pause ends early when it is told to', async (t) => {
  const stopping = new AbortController();
  const waiting = pause(3_600_000, stopping.signal);
  stopping.abort();
  await waiting;
  t.pass();
});
