import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { p256 } from '@noble/curves/nist.js';
import test from 'ava';
import fc from 'fast-check';
import { keyIdOf, type PublicKey, signatureHolds, signed, signedBytes } from './signing.ts';
import { newSecretKey, seededSigner, softwareSigner } from './signing-key.ts';

/** RFC 6979, A.2.5: the key, and the signatures with SHA-256 of two texts. */
const SECRET = 'C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721';
const X = '60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6';
const Y = '7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299';
const VECTORS: [text: string, r: string, s: string][] = [
  [
    'sample',
    'EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716',
    'F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8',
  ],
  [
    'test',
    'F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367',
    '019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083',
  ],
];
const ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');

test('signatures are those of RFC 6979, A.2.5, the upper half of s folded down', async (t) => {
  const signer = softwareSigner(Buffer.from(SECRET, 'hex'));
  t.is(Buffer.from(signer.publicKey.x, 'base64url').toString('hex').toUpperCase(), X);
  t.is(Buffer.from(signer.publicKey.y, 'base64url').toString('hex').toUpperCase(), Y);
  for (const [text, r, s] of VECTORS) {
    const plain = p256.sign(Buffer.from(text), Buffer.from(SECRET, 'hex'), { lowS: false });
    t.is(Buffer.from(plain).toString('hex').toUpperCase(), r + s);
    const low = BigInt(`0x${s}`) > ORDER / 2n ? ORDER - BigInt(`0x${s}`) : BigInt(`0x${s}`);
    const expected = r + low.toString(16).padStart(64, '0').toUpperCase();
    t.is(
      Buffer.from(await signer.sign(Buffer.from(text)))
        .toString('hex')
        .toUpperCase(),
      expected,
    );
  }
});

test('a thumbprint is that of RFC 7638 over the required members of an EC key, in their order', (t) => {
  // By hand: SHA-256 of exactly this text, with RFC 7517's example key (appendix A.1).
  const key: PublicKey = {
    kty: 'EC',
    crv: 'P-256',
    x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
    y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
  };
  // echo -n '{"crv":"P-256","kty":"EC","x":"MKBC…","y":"4Etl…"}' | openssl dgst -sha256 -binary | basenc --base64url
  t.is(keyIdOf(key), 'cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s');
});

test('node:crypto verifies what we sign, and we verify what it signs once s is low', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.json(), async (json) => {
      const value = JSON.parse(json.replaceAll('-0', '0'));
      const signer = softwareSigner(newSecretKey());
      const signature = await signed(signer, 'fieldbid/bid/v2', value);
      const key = createPublicKey({ key: signer.publicKey, format: 'jwk' });
      const bytes = Buffer.from(signature.value, 'base64url');
      const options = { key, dsaEncoding: 'ieee-p1363' } as const;
      return (
        verify('sha256', signedBytes('fieldbid/bid/v2', value), options, bytes) &&
        signatureHolds(signer.publicKey, 'fieldbid/bid/v2', value, signature)
      );
    }),
    { numRuns: 30 },
  );
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { kty, crv, x, y } = createPublicKey(privateKey).export({ format: 'jwk' });
  const theirs = { kty, crv, x, y } as PublicKey;
  let [low, high] = [0, 0];
  for (let i = 0; i < 40; i++) {
    const options = {
      key: createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' })),
      dsaEncoding: 'ieee-p1363',
    } as const;
    const bytes = sign('sha256', signedBytes('fieldbid/reading/v1', i), options);
    const isLow = BigInt(`0x${bytes.subarray(32).toString('hex')}`) <= ORDER / 2n;
    const signature = { keyId: keyIdOf(theirs), value: bytes.toString('base64url') };
    t.is(signatureHolds(theirs, 'fieldbid/reading/v1', i, signature), isLow);
    if (isLow) low++;
    else high++;
  }
  t.true(low > 0 && high > 0);
});

test('what is changed in the least does not hold: value, domain, key, any bit of the signature', async (t) => {
  const [ours, other] = [seededSigner(1, 'a'), seededSigner(1, 'b')];
  const value = { quantity_W: 4000 };
  const good = await signed(ours, 'fieldbid/bid/v2', value);
  const holds = (more: Partial<typeof good>, key = ours.publicKey): boolean =>
    signatureHolds(key, 'fieldbid/bid/v2', value, { ...good, ...more });
  t.true(holds({}));
  t.false(signatureHolds(ours.publicKey, 'fieldbid/bid/v2', { quantity_W: 4001 }, good));
  t.false(signatureHolds(ours.publicKey, 'fieldbid/reading/v1', value, good));
  t.false(holds({}, other.publicKey));
  t.false(holds({ keyId: other.keyId }));
  const bytes = Buffer.from(good.value, 'base64url');
  for (let bit = 0; bit < 512; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    t.false(holds({ value: changed.toString('base64url') }));
  }
  // The last character holds two bits of nothing: another spelling of the same bytes.
  const spelled = good.value.slice(0, -1) + String.fromCharCode(good.value.charCodeAt(85) + 1);
  t.false(holds({ value: spelled }));
  t.false(holds({}, { ...ours.publicKey, y: ours.publicKey.x }));
});

test('a seeded key follows from seed and name', (t) => {
  t.is(seededSigner(7, 'pv-1').keyId, seededSigner(7, 'pv-1').keyId);
  t.not(seededSigner(7, 'pv-1').keyId, seededSigner(8, 'pv-1').keyId);
  t.not(seededSigner(7, 'pv-1').keyId, seededSigner(7, 'pv-2').keyId);
  t.throws(() => softwareSigner(new Uint8Array(32)), { message: /no private key/ });
});
