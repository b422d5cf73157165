import { InputError } from '@fieldbid/core/errors';
import { endpointText } from '@fieldbid/edge-agent/drivers/modbus/endpoint';
import test from 'ava';
import { placesAt } from './addresses.ts';

function endpointsOf(...texts: string[]): string[] {
  return placesAt(texts).map((place) => {
    if (place.kind === 'modbus') return endpointText(place.endpoint).replace(/\?unit=1$/, '');
    return place.kind === 'dump' ? place.file : place.endpoint;
  });
}

test('single addresses, ranges and networks become endpoints, in the order in which they were named', (t) => {
  t.deepEqual(endpointsOf('tcp://192.0.2.7', 'rtu+tcp://h:4001', 'opc.tcp://h:4840/x', 'dump:roof.json'), [
    'tcp://192.0.2.7:502',
    'rtu+tcp://h:4001',
    'opc.tcp://h:4840/x',
    'roof.json',
  ]);
  t.deepEqual(
    endpointsOf('tcp://192.0.2.10-12:1502'),
    [10, 11, 12].map((n) => `tcp://192.0.2.${n}:1502`),
  );
  // Network and broadcast address are nobody's (RFC 919); of two addresses, and of one, both are hosts (RFC 3021).
  t.deepEqual(endpointsOf('tcp://192.0.2.10/30'), ['tcp://192.0.2.9:502', 'tcp://192.0.2.10:502']);
  t.deepEqual(endpointsOf('tcp://192.0.2.10/31:502'), ['tcp://192.0.2.10:502', 'tcp://192.0.2.11:502']);
  t.deepEqual(endpointsOf('tcp://192.0.2.10/32'), ['tcp://192.0.2.10:502']);
  t.is(endpointsOf('tcp://192.0.2.0/24').length, 254);
});

test('a unit that the address names is the only one that is asked there', (t) => {
  t.like(placesAt(['tcp://192.0.2.10?unit=126'])[0], { units: [126] });
  t.deepEqual(
    placesAt(['tcp://192.0.2.10-11:502?unit=3']).map((place) => 'units' in place && place.units),
    [[3], [3]],
  );
  t.false('units' in placesAt(['rtu:///dev/ttyUSB0?baud=19200'])[0]!);
});

const wrong: [string[], RegExp][] = [
  [['192.0.2.10'], /found "192\.0\.2\.10".*expected tcp:\/\/HOST/],
  [['tcp://192.0.2.0/23'], /a network of at most 256 addresses/],
  [['tcp://192.0.2.0/33'], /a network of at most 256 addresses/],
  [['tcp://192.0.2.20-10'], /a range that goes up/],
  [['tcp://192.0.2.250-256'], /a range that goes up/],
  [['tcp://192.0.2.0/24', 'tcp://192.0.3.0-9'], /found 264 addresses, expected at most 256/],
  [['tcp://192.0.2.10?units=1'], /unknown parameter units/],
];
for (const [texts, message] of wrong) {
  test(`${texts.join(' ')} is refused`, (t) => {
    t.throws(() => placesAt(texts), { instanceOf: InputError, message });
  });
}
