/** The service starts with complete settings only, and says which one is wrong. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@fieldbid/core/errors';
import test from 'ava';
import { serviceOptions } from './service-options.ts';

const dir = mkdtempSync(join(tmpdir(), 'fieldbid-service-'));
test.after.always(() => rmSync(dir, { recursive: true }));
const file = (name: string) => {
  writeFileSync(join(dir, name), name);
  return join(dir, name);
};

const COMPLETE = {
  CHAINCODE_ID: 'der-market_1.0:00',
  CHAINCODE_SERVER_ADDRESS: '127.0.0.1:9999',
  CHAINCODE_TLS_KEY: file('key'),
  CHAINCODE_TLS_CERT: file('cert'),
  CHAINCODE_CLIENT_CA_CERT: file('ca'),
};

test('files are read, names are taken as they are', (t) => {
  t.deepEqual(serviceOptions(COMPLETE), {
    ccid: 'der-market_1.0:00',
    address: '127.0.0.1:9999',
    tlsProps: { key: Buffer.from('key'), cert: Buffer.from('cert'), clientCACerts: Buffer.from('ca') },
  });
});

for (const name of Object.keys(COMPLETE)) {
  test(`without ${name} it does not start`, (t) => {
    const error = t.throws(() => serviceOptions({ ...COMPLETE, [name]: '' }), { instanceOf: InputError });
    t.is(error?.fault.source, `environment variable ${name}`);
  });
}

for (const address of ['9999', '127.0.0.1', '127.0.0.1:99999', '127.0.0.1:port', ':1']) {
  test(`${address} is no address`, (t) => {
    t.throws(() => serviceOptions({ ...COMPLETE, CHAINCODE_SERVER_ADDRESS: address }), {
      instanceOf: InputError,
    });
  });
}

test('a file that is not there is named', (t) => {
  const error = t.throws(() => serviceOptions({ ...COMPLETE, CHAINCODE_TLS_KEY: join(dir, 'absent') }));
  t.regex(error?.message ?? '', /CHAINCODE_TLS_KEY.*absent/);
});
