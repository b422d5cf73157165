import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from '@fieldbid/core/schema';
import test from 'ava';
import { OpcUaAccess, resolveAccess } from './access.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-access-'));
test.after.always(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'password'), 'secret\n');

const resolved = (endpoint: string, access: object = {}) =>
  resolveAccess(endpoint, parse(OpcUaAccess, access, 'edge.yaml'), {
    file: join(folder, 'edge.yaml'),
    path: '/devices/0/endpoint',
  });

test('encrypted and anonymous by default, files beside the config file', (t) => {
  t.deepEqual(resolved('opc.tcp://192.0.2.1:4840/inverter'), {
    endpointUrl: 'opc.tcp://192.0.2.1:4840/inverter',
    securityMode: 'SignAndEncrypt',
    securityPolicy: 'Basic256Sha256',
    pkiFolder: join(folder, 'pki'),
    user: { kind: 'anonymous' },
    insecure: false,
  });
  const { user } = resolved('opc.tcp://192.0.2.1', { user: { name: 'op', passwordFile: 'password' } });
  t.deepEqual(user, { kind: 'password', name: 'op', password: 'secret' });
});

test('without encryption only to this machine, or when somebody says so', (t) => {
  const none = { securityMode: 'None' };
  t.throws(() => resolved('opc.tcp://192.0.2.1:4840', none), {
    code: 'INVALID_INPUT',
    message: /edge\.yaml at \/devices\/0\/opcua\/securityMode: found None, to 192\.0\.2\.1.*allowInsecure/,
  });
  t.false(resolved('opc.tcp://127.0.0.1:4840', none).insecure);
  t.true(resolved('opc.tcp://192.0.2.1:4840', { ...none, allowInsecure: true }).insecure);
});

test('a wrong endpoint or user is named', (t) => {
  const wrong: [string, object, RegExp][] = [
    ['opc.tcp://', {}, /\/devices\/0\/endpoint: found "opc\.tcp:\/\/" .*expected opc\.tcp:\/\/HOST/],
    ['opc.tcp://h:0', {}, /the port is 0/],
    ['opc.tcp://op:secret@h', {}, /the user belongs into opcua\.user/],
    ['opc.tcp://h?unit=1', {}, /a query/],
    ['opc.tcp://h', { user: { name: 'op' } }, /\/devices\/0\/opcua\/user: found op without a password/],
    ['opc.tcp://h', { user: { certificateFile: 'c.pem' } }, /half of a key pair/],
    ['opc.tcp://h', { user: { name: 'op', passwordFile: 'none' } }, /none: found no readable file/],
  ];
  for (const [endpoint, access, message] of wrong) {
    t.throws(() => resolved(endpoint, access), { message, code: 'INVALID_INPUT' });
  }
  t.throws(() => parse(OpcUaAccess, { securityPolicy: 'Basic128' }, 'x'), {
    message: /one of "Basic256Sha256"/,
  });
});
