import test from 'ava';
import { DeadlineError } from '../errors.ts';
import { connectFault, exchangeFault } from './mqtt-errors.ts';

const coded = (code: number | string): Error =>
  Object.assign(new RangeError('as the library says it'), { code });

test('reason codes of MQTT 5, 2.4, and return codes of 3.1.1, 3.2.2.3, say whether trying again can help', (t) => {
  const publishing: [number, string, boolean, RegExp][] = [
    [0x87, 'BUS_REFUSED', false, /a\/topic: not authorised \(reason code 0x87\)/],
    [0x90, 'BUS_REFUSED', false, /does not take this topic/],
    [0x95, 'BUS_REFUSED', false, /larger than it takes/],
    [0x97, 'BUS_QUOTA', true, /quota of this client is used up/],
    [0x80, 'BUS_REFUSED', false, /does not say why/],
    [0x83, 'BUS_UNAVAILABLE', true, /as the library says it/], // implementation specific error
  ];
  for (const [code, ours, retryable, message] of publishing) {
    const fault = exchangeFault(coded(code), 'a/topic');
    t.like(fault, { code: ours, retryable });
    t.regex(fault.message, message);
  }
  t.like(exchangeFault(new DeadlineError('the broker', 10_000), 'a/topic'), {
    code: 'BUS_UNAVAILABLE',
    retryable: true,
  });
  const connecting: [number | string, string, RegExp][] = [
    [5, 'BUS_REFUSED', /not authorised/],
    [0x86, 'BUS_REFUSED', /user name or password are wrong/],
    [3, 'BUS_UNAVAILABLE', /no broker at host/], // 3.1.1: server unavailable
    [0x88, 'BUS_UNAVAILABLE', /no broker at host/], // 5: server unavailable
    ['ECONNREFUSED', 'BUS_UNAVAILABLE', /no broker at host/],
    ['CERT_HAS_EXPIRED', 'BUS_REFUSED', /not vouched for by caFile/],
  ];
  for (const [code, ours, message] of connecting) {
    const fault = connectFault(coded(code), 'host');
    t.is(fault.code, ours);
    t.regex(fault.message, message);
  }
});
