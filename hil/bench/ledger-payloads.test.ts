import test from 'ava';
import { comparable } from './ledger-payloads.ts';

const line = (transaction: string, deraId: string, intervalId?: string): string =>
  JSON.stringify({ payload: JSON.stringify({ deraId, intervalId }), transaction });

test('what DERAs do for one interval at an instant has one order, and everything else keeps its own', (t) => {
  const [north, south] = [line('submitBids', 'north', 'T1'), line('submitBids', 'south', 'T1')];
  const decided = line('decideInterval', 'dso', 'T1');
  const later = [line('submitBids', 'south', 'T2'), line('submitBids', 'north', 'T2')];
  const registered = [line('registerDer', 'south'), line('registerDer', 'north')];
  const one = comparable([...registered, south, north, decided, ...later]);
  t.deepEqual(one, [...registered, north, south, decided, ...later.toReversed()]);
  t.deepEqual(comparable([...registered, north, south, decided, ...later.toReversed()]), one);
  // What depends on the order is not hidden: the same transactions around a decision are another ledger.
  t.notDeepEqual(comparable([...registered, south, decided, north, ...later]), one);
  t.deepEqual(comparable([]), []);
});
