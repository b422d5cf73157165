import test from 'ava';
import fc from 'fast-check';
import { ReceivedNumbers } from './received-numbers.ts';

test('a number is new once, whatever the order, and the gaps are counted', (t) => {
  const numbers = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 120 });
  fc.assert(
    fc.property(numbers, (stream) => {
      const received = new ReceivedNumbers();
      const seen = new Set<number>();
      for (const number of stream) {
        if (received.add(number) !== !seen.has(number)) return false;
        seen.add(number);
      }
      const span = seen.size === 0 ? 0 : Math.max(...seen) - Math.min(...seen) + 1;
      return received.missing() === span - seen.size;
    }),
  );
  t.pass();
});

test('a stream that is all gaps does not grow without bound', (t) => {
  const received = new ReceivedNumbers();
  for (let number = 1; number < 10_000; number += 2) t.true(received.add(number));
  t.is(received.missing(), 999); // of the 1,000 ranges that are kept
});
