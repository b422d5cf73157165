import test from 'ava';
import fc from 'fast-check';
import { numberOf, textOf, toWire } from './values.ts';

const [BOOLEAN, INT16, INT64, UINT64, DOUBLE, STRING, DATE, LOCALIZED] = [1, 4, 8, 9, 11, 12, 13, 21];

test('numbers: 64-bit ones come in two words, and what is no number is none', (t) => {
  t.is(numberOf(DOUBLE, 4.5), 4.5);
  t.is(numberOf(UINT64, [1, 5]), 4_294_967_301); // 2^32 + 5
  t.is(numberOf(INT64, [0xffff_ffff, 0xffff_fffe]), -2);
  t.is(numberOf(DOUBLE, Number.NaN), null);
  t.is(numberOf(STRING, '5'), null);
  t.is(numberOf(INT16, undefined), null);
});

test('texts: localized ones by their text, everything else as one would write it in a mapping', (t) => {
  t.is(textOf(LOCALIZED, { text: 'ACME', locale: 'en' }), 'ACME');
  t.is(textOf(INT16, 4), '4');
  t.is(textOf(BOOLEAN, false), 'false');
  t.is(textOf(DATE, new Date(0)), '1970-01-01T00:00:00.000Z');
  t.is(textOf(STRING, null), null);
});

test('what is written can be read again', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      fc.constantFrom(INT64, UINT64),
      (value, type) => t.is(numberOf(type, toWire(type, value)), value),
    ),
  );
  t.deepEqual([toWire(BOOLEAN, 1), toWire(BOOLEAN, false), toWire(STRING, 7)], [true, false, '7']);
  t.is(toWire(INT16, true), 1);
});
