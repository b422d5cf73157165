import test from 'ava';
import fc from 'fast-check';
import { canonicalJson } from './canonical-json.ts';

test('the worked example of RFC 8785, section 3.2.3 (sorting) and 3.2.2.3 (numbers)', (t) => {
  // Values of the RFC's own examples; its expected text is quoted byte for byte.
  t.is(
    canonicalJson({
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
    }),
    '{"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}',
  );
  t.is(
    canonicalJson({
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '1': 'One',
      '\ud83d\ude00': 'Emoji',
      '\u00f6': 'o',
    }),
    '{"\\r":"Carriage Return","1":"One","ö":"o","€":"Euro Sign","😀":"Emoji"}',
  );
});

test('the order in which keys were set does not matter, and the text parses back to the value', (t) => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const plain = JSON.parse(JSON.stringify(value));
      t.deepEqual(JSON.parse(canonicalJson(plain)), plain);
      t.is(canonicalJson(reversed(plain)), canonicalJson(plain));
    }),
  );
});

test('what JSON would lose or change is refused, with its path', (t) => {
  for (const bad of [
    undefined,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -0,
    () => 1,
    new Date(),
    10n,
    '\ud800',
  ]) {
    const error = t.throws(() => canonicalJson({ a: [1, bad] }), { instanceOf: TypeError });
    t.regex(error?.message ?? '', /\/a\/1/);
  }
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  );
}
