import test from 'ava';
import fc from 'fast-check';
import { decodeRaw, encodeRaw, encodeScaled, exponentOf, type PointValue, scale } from './codec.ts';
import { decodeModel } from './decode.ts';
import type { PointDefinition, PointType } from './models.ts';

const point = (type: PointType, size: number): PointDefinition => ({
  name: type,
  type,
  size,
  offset: 0,
  sf: undefined,
  units: undefined,
  writable: false,
  mandatory: false,
  symbols: {},
});

// SunSpec Device Information Model Specification, "Data types": the pattern of "not implemented" by type.
const NOT_IMPLEMENTED: [PointType, number[]][] = [
  ['int16', [0x8000]],
  ['uint16', [0xffff]],
  ['acc16', [0]],
  ['enum16', [0xffff]],
  ['bitfield16', [0xffff]],
  ['sunssf', [0x8000]],
  ['int32', [0x8000, 0]],
  ['uint32', [0xffff, 0xffff]],
  ['acc32', [0, 0]],
  ['enum32', [0xffff, 0xffff]],
  ['bitfield32', [0xffff, 0xffff]],
  ['ipaddr', [0, 0]],
  ['int64', [0x8000, 0, 0, 0]],
  ['uint64', [0xffff, 0xffff, 0xffff, 0xffff]],
  ['acc64', [0, 0, 0, 0]],
  ['float32', [0x7fc0, 0]],
  ['string', [0, 0, 0]],
];

for (const [type, words] of NOT_IMPLEMENTED) {
  test(`${type}: ${words.map((w) => w.toString(16)).join(' ')} is not implemented, both ways`, (t) => {
    t.is(decodeRaw(type, words), null);
    t.deepEqual(encodeRaw(point(type, words.length), null), words);
  });
}

test('addresses that are not implemented', (t) => {
  t.is(decodeRaw('ipv6addr', [0, 0, 0, 0, 0, 0, 0, 0]), null);
  t.is(decodeRaw('eui48', [0, 0, 0, 0]), null);
  t.is(decodeRaw('eui48', [0, 0xffff, 0xffff, 0xffff]), null);
  t.is(decodeRaw('eui48', [0, 0x0011, 0x2233, 0x4455]), '00:11:22:33:44:55');
});

test('values by hand', (t) => {
  t.is(decodeRaw('int16', [0xffff]), -1);
  t.is(decodeRaw('uint32', [0x0001, 0x0002]), 65_538);
  t.is(decodeRaw('int32', [0xffff, 0xfffe]), -2);
  t.is(decodeRaw('acc64', [0, 463, 45_362, 0]), 463 * 2 ** 32 + 45_362 * 65_536);
  t.is(decodeRaw('uint64', [0x8000, 0, 0, 1]), 2n ** 63n + 1n);
  t.is(decodeRaw('float32', [0x3fc0, 0]), 1.5);
  t.is(decodeRaw('string', [0x534d, 0x4100]), 'SMA');
});

test('a value scaled down is the decimal number that was meant', (t) => {
  t.is(scale(151, -1), 15.1);
  t.is(scale(4999, -2), 49.99);
  t.is(scale(368, 1), 3680);
  t.is(exponentOf(-11), null);
  t.is(exponentOf(null), null);
});

const INTEGERS: [PointType, number, bigint, bigint][] = [
  ['int16', 1, -32_767n, 32_767n],
  ['uint16', 1, 0n, 65_534n],
  ['enum16', 1, 0n, 65_534n],
  ['acc16', 1, 1n, 65_535n],
  ['int32', 2, -(2n ** 31n) + 1n, 2n ** 31n - 1n],
  ['uint32', 2, 0n, 2n ** 32n - 2n],
  ['acc32', 2, 1n, 2n ** 32n - 1n],
  ['int64', 4, -(2n ** 63n) + 1n, 2n ** 63n - 1n],
  ['uint64', 4, 0n, 2n ** 64n - 2n],
];
for (const [type, size, lowest, highest] of INTEGERS) {
  test(`${type}: what is encoded is decoded`, (t) => {
    fc.assert(
      fc.property(fc.bigInt(lowest, highest), (value) => {
        const words = encodeRaw(point(type, size), value);
        t.is(words.length, size);
        t.is(BigInt(decodeRaw(type, words) as number | bigint), value);
      }),
    );
  });

  test(`${type}: what does not fit, or would read as "not implemented", is refused`, (t) => {
    const outside = fc.oneof(
      fc.bigInt(highest + 1n, highest * 4n),
      fc.bigInt(-(2n ** 66n), type.startsWith('acc') ? -1n : lowest - 1n),
    );
    fc.assert(
      fc.property(outside, (value) => {
        t.throws(() => encodeRaw(point(type, size), value), { code: 'SUNSPEC_RANGE' });
      }),
    );
  });
}

test('every word pattern decodes to null or to a value that encodes to the same words', (t) => {
  const types: [PointType, number][] = INTEGERS.map(([type, size]) => [type, size]);
  fc.assert(
    fc.property(
      fc.constantFrom(...types),
      fc.array(fc.nat(0xffff), { minLength: 4, maxLength: 4 }),
      (typed, w) => {
        const [type, size] = typed;
        const words = w.slice(0, size);
        t.deepEqual(encodeRaw(point(type, size), decodeRaw(type, words)), words);
      },
    ),
  );
});

test('text: what fits is read back', (t) => {
  const text = fc.string({ unit: fc.constantFrom(...'ABCxyz019-. '), minLength: 1, maxLength: 16 });
  fc.assert(
    fc.property(text, (value) => {
      const words = encodeRaw(point('string', 8), value);
      t.is(decodeRaw('string', words), value);
    }),
  );
  t.throws(() => encodeRaw(point('string', 2), 'ABCDE'), { code: 'SUNSPEC_RANGE' });
});

test('a scaled value is at most half a step off', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: -3, max: 3 }),
      fc.double({ min: -30, max: 30, noNaN: true }),
      (sf, value) => {
        const words = encodeScaled(point('int16', 1), value, sf);
        const raw = decodeRaw('int16', words) as number;
        t.true(Math.abs(scale(raw, sf) - value) <= 0.5 * 10 ** sf * (1 + 1e-9));
      },
    ),
  );
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, 40_000]) {
    t.throws(() => encodeScaled(point('int16', 1), wrong, 0), { code: 'SUNSPEC_RANGE' });
  }
});

test('a value whose scale factor is not implemented is shown as it stands, one out of range not at all', (t) => {
  const words: number[] = Array.from({ length: 28 }, () => 0xffff);
  words.splice(0, 5, 120, 26, 4, 368, 0x8000);
  const known = (more: readonly number[]): PointValue | undefined =>
    decodeModel(120, [...words.slice(0, 4), ...more])?.points.get('WRtg')?.value;
  t.is(known([0x8000]), 368);
  t.is(known([1]), 3680);
  t.is(known([11]), null);
});

test('model 160: a block for each input, repeated as often as N says', (t) => {
  const input = (id: number, watts: number): number[] => [
    id,
    ...Array.from({ length: 8 }, () => 0),
    ...[0xffff, 0xffff, watts, 0, 1, 0xffff, 0xffff, 0x8000, 4, 0, 0],
  ];
  // ID, L, DCA_SF, DCV_SF, DCW_SF, DCWH_SF, Evt (2), N, TmsPer
  const words = [160, 48, 0, 0, 1, 0, 0, 0, 2, 0, ...input(1, 150), ...input(2, 151)];
  const model = decodeModel(160, words);
  t.is(model?.groups.length, 2);
  t.deepEqual(
    model?.groups.map((group) => group.points.get('DCW')?.value),
    [1500, 1510],
  );
});
