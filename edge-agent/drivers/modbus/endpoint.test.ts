import test from 'ava';
import fc from 'fast-check';
import { type Endpoint, endpointText, parseEndpoint } from './endpoint.ts';

test('host, port and unit; port 502 and unit 1 when left out', (t) => {
  const scheme = 'tcp' as const;
  t.deepEqual(parseEndpoint('tcp://192.0.2.10:1502?unit=126'), {
    ...{ scheme, host: '192.0.2.10', port: 1502, unit: 126 },
  });
  t.deepEqual(parseEndpoint('tcp://inverter.example'), {
    ...{ scheme, host: 'inverter.example', port: 502, unit: 1 },
  });
  t.deepEqual(parseEndpoint('tcp://[::1]:1502?unit=0'), { scheme, host: '::1', port: 1502, unit: 0 });
  t.is(endpointText({ scheme, host: '::1', port: 502, unit: 3 }), 'tcp://[::1]:502?unit=3');
  t.deepEqual(parseEndpoint('rtu+tcp://192.0.2.10:4001?unit=7'), {
    ...{ scheme: 'rtu+tcp', host: '192.0.2.10', port: 4001, unit: 7 },
  });
});

test('a serial port: 9600 8N1 and unit 1 when left out', (t) => {
  const scheme = 'rtu' as const;
  t.deepEqual(parseEndpoint('rtu:///dev/ttyUSB0'), {
    ...{ scheme, path: '/dev/ttyUSB0', baud: 9600, parity: 'none', stopBits: 1, unit: 1 },
  });
  t.deepEqual(parseEndpoint('rtu:///dev/ttyS1?baud=19200&parity=even&stopBits=2&unit=240'), {
    ...{ scheme, path: '/dev/ttyS1', baud: 19_200, parity: 'even', stopBits: 2, unit: 240 },
  });
});

const unit = fc.integer({ min: 1, max: 255 });
const tcp = fc.record({
  scheme: fc.constantFrom('tcp' as const, 'rtu+tcp' as const),
  host: fc.oneof(
    fc.ipV4(),
    // An IPv6 address has several spellings; a URL keeps one of them.
    fc.ipV6().map((address) => new URL(`tcp://[${address}]`).hostname.slice(1, -1)),
    fc.domain(),
  ),
  port: fc.integer({ min: 1, max: 65_535 }),
  unit,
});
const serial = fc.record({
  scheme: fc.constant('rtu' as const),
  path: fc.string({ minLength: 1, maxLength: 30 }).map((name) => `/dev/${name.replaceAll(/^\.+$/g, 'x')}`),
  baud: fc.constantFrom(1200, 9600, 19_200, 115_200),
  parity: fc.constantFrom('none' as const, 'even' as const, 'odd' as const),
  stopBits: fc.constantFrom(1 as const, 2 as const),
  unit,
});

test('what is written as text is read back as it was', (t) => {
  fc.assert(
    fc.property(fc.oneof(tcp, serial), (endpoint: Endpoint) => {
      // A path that walks upwards is the one it leads to: not the same text, and no device's name.
      fc.pre(endpoint.scheme !== 'rtu' || !/(^|\/)\.{1,2}(\/|$)/.test(endpoint.path));
      t.deepEqual(parseEndpoint(endpointText(endpoint)), endpoint);
    }),
  );
});

for (const [text, why] of [
  ['192.0.2.10:502', /does not start with tcp/],
  ['tcp://', /no URL|no host/],
  ['tcp://host:70000', /no URL/],
  ['tcp://host:0', /the port is 0/],
  ['tcp://host?unit=256', /unit is not 0 to 255/],
  ['tcp://host?unit=', /unit is not 0 to 255/],
  ['tcp://host?unit=1&unit=2', /unit twice/],
  ['tcp://host?unti=1', /unknown parameter unti/],
  ['tcp://host?baud=9600', /unknown parameter baud/],
  ['tcp://host/path', /a path/],
  ['tcp://me:secret@host', /no credentials/],
  ['rtu+tcp://host?unit=0', /unit is not 1 to 255/],
  ['rtu://ttyUSB0', /three slashes/],
  ['rtu:///', /no path/],
  ['rtu:///dev/%E0%A4', /no path/],
  ['rtu:///dev/ttyUSB0?baud=fast', /baud is not 300 to/],
  ['rtu:///dev/ttyUSB0?parity=mark', /parity is not none, even, odd/],
  ['rtu:///dev/ttyUSB0?stopBits=3', /stopBits is not 1 to 2/],
  ['rtu:///dev/ttyUSB0?unit=0', /unit is not 1 to 255/],
] as const) {
  test(`refused with where and why: ${text}`, (t) => {
    const error = t.throws(() => parseEndpoint(text, 'edge.yaml', '/devices/0/endpoint'));
    t.regex(error.message, why);
    t.regex(error.message, /edge\.yaml at \/devices\/0\/endpoint.*tcp:\/\/HOST:PORT\?unit=N/);
    t.regex(error.message, /rtu:\/\/\/dev\/ttyUSB0\?baud=9600&parity=none&stopBits=1/);
  });
}
