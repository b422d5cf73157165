import test from 'ava';
import { endpointText, parseEndpoint } from './endpoint.ts';

test('host, port and unit; port 502 and unit 1 when left out', (t) => {
  t.deepEqual(parseEndpoint('tcp://192.0.2.10:1502?unit=126'), { host: '192.0.2.10', port: 1502, unit: 126 });
  t.deepEqual(parseEndpoint('tcp://inverter.example'), { host: 'inverter.example', port: 502, unit: 1 });
  t.deepEqual(parseEndpoint('tcp://[::1]:1502?unit=0'), { host: '::1', port: 1502, unit: 0 });
  t.is(endpointText({ host: '::1', port: 502, unit: 3 }), 'tcp://[::1]:502?unit=3');
});

for (const [text, why] of [
  ['192.0.2.10:502', /does not start with tcp/],
  ['tcp://', /no URL|no host/],
  ['tcp://host:70000', /no URL/],
  ['tcp://host:0', /the port is 0/],
  ['tcp://host?unit=256', /unit is not 0 to 255/],
  ['tcp://host?unit=', /unit is not 0 to 255/],
  ['tcp://host?unti=1', /unknown parameter unti/],
  ['tcp://host/path', /a path/],
  ['tcp://me:secret@host', /no credentials/],
] as const) {
  test(`refused with where and why: ${text}`, (t) => {
    const error = t.throws(() => parseEndpoint(text, 'edge.yaml', '/devices/0/endpoint'));
    t.regex(error.message, why);
    t.regex(error.message, /edge\.yaml at \/devices\/0\/endpoint.*tcp:\/\/HOST:PORT\?unit=N/);
  });
}
