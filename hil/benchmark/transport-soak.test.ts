import test from 'ava';
import { FAULTS } from '../faults/rules.ts';
import { soak } from './transport-soak.ts';

test('20,000 reads through all faults: no value reaches another request, and every promise settles', async (t) => {
  const { reads, right, wrong, failed, unsettled, faults } = await soak({
    reads: 20_000,
    connections: 16,
    seed: 7,
  });
  t.is(reads, 20_000);
  t.is(wrong, 0);
  t.is(unsettled, 0);
  t.is(right + failed, reads);
  t.true(right > failed);
  for (const fault of FAULTS) t.true(faults[fault] > 0, `${fault} did not happen`);
});
