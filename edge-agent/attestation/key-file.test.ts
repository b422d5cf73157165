import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signed, signedBytes } from '@fieldbid/core/signing';
import test from 'ava';
import { adoptNextKey, deviceKey, followKey, nextKey, readPublicKey } from './key-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-key-'));
test.after.always(() => rmSync(folder, { recursive: true }));
const inFolder = (name: string): string => join(folder, name);

test('made on first use, for its owner alone, and the same afterwards; other programs read it', async (t) => {
  const file = inFolder('made.pem');
  const made = deviceKey(file);
  t.is(statSync(file).mode & 0o777, 0o600);
  t.is(deviceKey(file).keyId, made.keyId);
  // OpenSSL, through Node, takes the file and verifies what the key signs.
  const key = createPublicKey(readFileSync(file, 'utf8'));
  const { value } = await signed(made, 'fieldbid/bid/v2', { a: 1 });
  const bytes = Buffer.from(value, 'base64url');
  t.true(
    verify('sha256', signedBytes('fieldbid/bid/v2', { a: 1 }), { key, dsaEncoding: 'ieee-p1363' }, bytes),
  );
  t.deepEqual(readPublicKey(file), made.publicKey);
  writeFileSync(inFolder('public.jwk'), JSON.stringify(made.publicKey));
  t.deepEqual(readPublicKey(inFolder('public.jwk')), made.publicKey);
});

test('a file that others may read, that is no key, or another key, is refused with file and reason', (t) => {
  const file = inFolder('open.pem');
  deviceKey(file);
  for (const mode of [0o640, 0o604, 0o660]) {
    chmodSync(file, mode);
    t.throws(() => deviceKey(file), {
      message: /open\.pem: found a private key that others may read.*chmod 600/,
    });
  }
  writeFileSync(inFolder('text.pem'), 'not a key', { mode: 0o600 });
  t.throws(() => deviceKey(inFolder('text.pem')), { message: /text\.pem: found no private key/ });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  writeFileSync(inFolder('384.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  t.throws(() => deviceKey(inFolder('384.pem')), {
    message: /found a key of P-384, expected a private key of P-256/,
  });
  t.throws(() => deviceKey(inFolder('nowhere/key.pem')), { message: /none can be made \(ENOENT\)/ });
});

test('a rotation is followed by who holds the key; a damaged file leaves the key as it was', (t) => {
  const file = inFolder('rotated.pem');
  const faults: unknown[] = [];
  const follow = followKey(file, (error) => faults.push(error));
  const before = follow().keyId;
  const next = nextKey(file);
  t.is(nextKey(file).keyId, next.keyId); // one that broke off goes on
  t.is(follow().keyId, before);
  adoptNextKey(file);
  t.false(existsSync(`${file}.next`));
  t.is(follow().keyId, next.keyId);
  t.not(next.keyId, before);
  writeFileSync(file, 'damaged beyond repair');
  t.is(follow().keyId, next.keyId);
  t.is(follow().keyId, next.keyId);
  t.is(faults.length, 1);
});
