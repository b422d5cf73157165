import { FieldbidError } from '@fieldbid/core/errors';
import test from 'ava';
import { writeOnce } from './write-once.ts';

const lost = () =>
  new FieldbidError('GATEWAY_UNAVAILABLE', 'no answer', {
    retryable: true,
    details: { outcomeUnknown: true },
  });
const busy = () => new FieldbidError('RATE_LIMITED', 'later', { retryable: true });
const duplicate = () => new FieldbidError('DUPLICATE', 'submitted already');

async function attempt(...answers: (string | FieldbidError)[]) {
  let calls = 0;
  const work = async (): Promise<string> => {
    const answer = answers[calls++]!;
    if (answer instanceof FieldbidError) throw answer;
    return answer;
  };
  const retries: unknown[] = [];
  const result = await writeOnce(work, ['DUPLICATE'], new AbortController().signal, (error) =>
    retries.push(error),
  );
  return { result, calls, retries: retries.length };
}

test('a gateway that comes back is asked again', async (t) => {
  t.deepEqual(await attempt(busy(), 'done'), { result: 'done', calls: 2, retries: 1 });
});

test('a change whose answer was lost counts as made when the ledger says so', async (t) => {
  t.deepEqual(await attempt(lost(), duplicate()), { result: undefined, calls: 2, retries: 1 });
});

test('a refusal that no lost answer explains stays a refusal', async (t) => {
  t.like(await t.throwsAsync(attempt(duplicate())), { code: 'DUPLICATE' });
  t.like(await t.throwsAsync(attempt(busy(), duplicate())), { code: 'DUPLICATE' });
  t.like(await t.throwsAsync(attempt(lost(), new FieldbidError('CLAIMED', 'by another'))), {
    code: 'CLAIMED',
  });
});
