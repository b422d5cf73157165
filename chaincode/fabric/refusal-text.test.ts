/** A refusal survives the way through Fabric, and nothing else is taken for one. */
import test from 'ava';
import fc from 'fast-check';
import { CONTRACT_REFUSALS } from '../transactions/refusal.ts';
import { refusalIn, refusalText } from './refusal-text.ts';

test('what a peer says around a refusal does not change it', (t) => {
  const refusal = fc.record({
    code: fc.constantFrom(...CONTRACT_REFUSALS),
    message: fc.string({ unit: 'grapheme' }),
    details: fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      fc.oneof(fc.string(), fc.integer()),
      { noNullPrototype: true },
    ),
  });
  fc.assert(
    fc.property(refusal, (sent) => {
      t.deepEqual(refusalIn(`chaincode response 500, ${refusalText(sent)}`), sent);
    }),
  );
});

for (const text of [
  '',
  'chaincode response 500, Expected 1 parameters, but 2 have been supplied',
  'failed to endorse, {not json}',
  '} {',
  '{"code":"SOMETHING_ELSE","message":"","details":{}}',
  '{"code":"REPLAY","message":"","details":{"a":{}}}',
]) {
  test(`no refusal of the contract: ${text === '' ? 'nothing' : text}`, (t) => {
    t.is(refusalIn(text), undefined);
  });
}
