import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  codeKeyOf,
  type EnrolmentAnswer,
  type EnrolmentRequest,
  enrolmentProof,
  normalisedCode,
} from '@fieldbid/core/market/enrolment';
import { type Signer, signed } from '@fieldbid/core/signing';
import { seededSigner } from '@fieldbid/core/signing-key';
import test from 'ava';
import { Enrolments } from './enrolment.ts';
import { Journal } from './journal.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldbid-enrolment-'));
test.after.always(() => rmSync(folder, { recursive: true }));

const HOUR_MS = 3_600_000;
const DEVICES: Readonly<Record<string, readonly string[]>> = {
  'pv-7': ['inv-7'],
  'pv-8': ['inv-8a', 'inv-8b'],
};
const [first, second, third] = [
  seededSigner(1, 'first'),
  seededSigner(1, 'second'),
  seededSigner(1, 'third'),
];

let files = 0;
function open(file = join(folder, `${++files}.ndjson`)) {
  const clock = { now_ms: Date.UTC(2026, 5, 21) };
  const faults: unknown[] = [];
  const enrolments = new Enrolments({
    deraId: 'dera-1',
    journal: new Journal(file),
    devicesOf: (derId) => DEVICES[derId],
    openInterval: () => '2026-06-21T12:00Z',
    now: () => clock.now_ms,
    onFault: (error) => faults.push(error),
  });
  return { enrolments, clock, file, faults };
}

async function request(signer: Signer, code: string, more: Partial<EnrolmentRequest> = {}) {
  const claim = {
    deraId: 'dera-1',
    derId: 'pv-7',
    deviceIds: ['inv-7'],
    publicKey: signer.publicKey,
    ...more,
  };
  const content = {
    ...claim,
    proof: enrolmentProof(codeKeyOf(normalisedCode(code) ?? '', claim.derId), claim),
  };
  return { ...content, signature: await signed(signer, 'fieldbid/enrolment/v1', content) };
}

async function rotation(old: Signer, next: Signer, derId = 'pv-7') {
  const content = { deraId: 'dera-1', derId, oldKeyId: old.keyId, publicKey: next.publicKey };
  return {
    ...content,
    oldSignature: await signed(old, 'fieldbid/rotation/v1', content),
    newSignature: await signed(next, 'fieldbid/rotation/v1', content),
  };
}

const said = (answer: EnrolmentAnswer): string => (answer.accepted ? 'accepted' : answer.code);

test('a code enrols one key, once; its answer may be lost; the journal holds it over a restart', async (t) => {
  const { enrolments, file } = open();
  const code = enrolments.issueCode('pv-7', HOUR_MS);
  t.regex(code, /^([0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{4}$/);
  const enrolment = await request(first, code.toLowerCase().replaceAll('-', ' '));
  t.deepEqual(enrolments.enrol(enrolment, 'test'), { accepted: true, keyId: first.keyId });
  t.is(said(enrolments.enrol(enrolment, 'test')), 'accepted');
  t.is(said(enrolments.enrol(await request(second, code), 'test')), 'CODE_USED');
  const again = open(file).enrolments;
  t.deepEqual(again.keysOf('pv-7'), { current: first.publicKey, previous: null });
  t.is(said(again.enrol(await request(second, code), 'test')), 'CODE_USED');
  const text = readFileSync(file, 'utf8');
  t.false(text.includes(normalisedCode(code) ?? ''));
  t.is(statSync(file).mode & 0o777, 0o600);
});

test('wrong, expired, foreign, changed, too often: each is refused with its reason, and nothing is enrolled', async (t) => {
  const { enrolments, clock } = open();
  const code = enrolments.issueCode('pv-7', HOUR_MS);
  const other = '0000-0000-0000-0000-0000';
  const good = await request(first, code);
  const resign = async (changed: object, signer = first) => {
    const { signature: _, ...content } = { ...good, ...changed };
    return { ...content, signature: await signed(signer, 'fieldbid/enrolment/v1', content) };
  };
  const refusals: [string, unknown, string][] = [
    ['no request', { derId: 'pv-7' }, 'MALFORMED'],
    ['another aggregator', await request(first, code, { deraId: 'dera-2' }), 'WRONG_AGGREGATOR'],
    ['a DER that is not ours', await request(first, code, { derId: 'pv-9' }), 'NOT_REGISTERED'],
    [
      'another DER without a code',
      await request(first, code, { derId: 'pv-8', deviceIds: ['inv-8a', 'inv-8b'] }),
      'NO_CODE',
    ],
    ['other devices', await request(first, code, { deviceIds: ['inv-8a'] }), 'WRONG_DEVICES'],
    ['a wrong code', await request(first, other), 'WRONG_CODE'],
    ['a key put in on the way', await resign({ publicKey: second.publicKey }, second), 'WRONG_CODE'],
    [
      'not signed by its key',
      { ...good, signature: (await request(second, code)).signature },
      'BAD_SIGNATURE',
    ],
    [
      'a point off the curve',
      { ...good, publicKey: { ...first.publicKey, y: first.publicKey.x } },
      'BAD_KEY',
    ],
  ];
  for (const [what, message, expected] of refusals)
    t.is(said(enrolments.enrol(message, 'test')), expected, what);
  t.is(enrolments.keysOf('pv-7'), undefined);
  clock.now_ms += HOUR_MS;
  t.is(said(enrolments.enrol(good, 'test')), 'CODE_EXPIRED');
});

test('after ten wrong tries the code is worth nothing, over a restart too; a new one is', async (t) => {
  const { enrolments, file } = open();
  const code = enrolments.issueCode('pv-7', HOUR_MS);
  const wrong = await request(first, '1111-1111-1111-1111-1111');
  for (let i = 0; i < 10; i++) t.is(said(enrolments.enrol(wrong, 'test')), 'WRONG_CODE');
  t.is(said(enrolments.enrol(await request(first, code), 'test')), 'TOO_MANY_TRIES');
  const again = open(file).enrolments;
  t.is(said(again.enrol(await request(first, code), 'test')), 'TOO_MANY_TRIES');
  const next = again.issueCode('pv-7', HOUR_MS);
  t.is(said(again.enrol(await request(first, code), 'test')), 'WRONG_CODE'); // the earlier code has ended
  t.is(said(again.enrol(await request(first, next), 'test')), 'accepted');
});

test('a key passes on to the next when both sign, with grace for the open interval; a replay does not turn it back', async (t) => {
  const { enrolments } = open();
  t.is(said(enrolments.rotate(await rotation(first, second), 'test')), 'NOT_ENROLLED');
  enrolments.enrol(await request(first, enrolments.issueCode('pv-7', HOUR_MS)), 'test');
  const good = await rotation(first, second);
  const unsigned = { ...good, oldSignature: (await rotation(third, second)).oldSignature };
  t.is(said(enrolments.rotate(unsigned, 'test')), 'BAD_SIGNATURE');
  t.is(said(enrolments.rotate({ ...good, newSignature: good.oldSignature }, 'test')), 'BAD_SIGNATURE');
  t.is(said(enrolments.rotate(await rotation(third, second), 'test')), 'UNKNOWN_KEY');
  t.is(said(enrolments.rotate(good, 'test')), 'accepted');
  t.is(said(enrolments.rotate(good, 'test')), 'accepted');
  const previous = { publicKey: first.publicKey, intervalId: '2026-06-21T12:00Z' };
  t.deepEqual(enrolments.keysOf('pv-7'), { current: second.publicKey, previous });
  t.is(said(enrolments.rotate(await rotation(second, third), 'test')), 'accepted');
  t.is(said(enrolments.rotate(good, 'test')), 'UNKNOWN_KEY');
  t.is(said(enrolments.rotate(await rotation(third, first), 'test')), 'REVOKED_KEY');
  t.deepEqual(enrolments.keysOf('pv-7')?.current, third.publicKey);
  // What a key signed in its time stays signed.
  for (const { keyId, publicKey } of [first, second, third]) {
    t.deepEqual(enrolments.keyNamed('pv-7', keyId), publicKey);
  }
});

test('a revoked key is no key, and cannot pass on; a new code enrols another', async (t) => {
  const { enrolments, file } = open();
  t.throws(() => enrolments.revoke('pv-7', 'lost'), { message: /a DER with a key/ });
  enrolments.enrol(await request(first, enrolments.issueCode('pv-7', HOUR_MS)), 'test');
  enrolments.revoke('pv-7', 'the gateway was stolen');
  t.deepEqual(enrolments.keysOf('pv-7'), { current: null, previous: null });
  t.is(enrolments.keyNamed('pv-7', first.keyId), undefined);
  t.is(said(enrolments.rotate(await rotation(first, second), 'test')), 'UNKNOWN_KEY');
  const code = enrolments.issueCode('pv-7', HOUR_MS);
  t.is(said(enrolments.enrol(await request(first, code), 'test')), 'REVOKED_KEY');
  t.is(said(open(file).enrolments.enrol(await request(first, code), 'test')), 'REVOKED_KEY');
  t.is(said(enrolments.enrol(await request(second, code), 'test')), 'accepted');
  t.deepEqual(enrolments.keysOf('pv-7')?.current, second.publicKey);
  t.throws(() => enrolments.issueCode('pv-9', HOUR_MS), { message: /a DER of the portfolio of dera-1/ });
});

test('what another process appends is seen at the next question', async (t) => {
  const running = open();
  const command = open(running.file);
  const code = command.enrolments.issueCode('pv-7', HOUR_MS);
  t.is(said(running.enrolments.enrol(await request(first, code), 'test')), 'accepted');
  command.enrolments.revoke('pv-7', 'by command');
  t.is(running.enrolments.keysOf('pv-7')?.current, null);
});

test('a torn last line is nothing; a damaged one is named, and what stood before and stands behind it counts', async (t) => {
  const { enrolments, file, faults } = open();
  const code = enrolments.issueCode('pv-7', HOUR_MS);
  appendFileSync(file, '{"event":"revoked","derId":"pv-7","at');
  t.is(said(enrolments.enrol(await request(first, code), 'test')), 'accepted');
  t.deepEqual(open(file).enrolments.keysOf('pv-7')?.current, first.publicKey);
  appendFileSync(file, '{"event":"enroled","derId":"pv-7","at_ms":1}\n');
  t.throws(() => open(file), {
    message: /ndjson:3 at \/event: found "enroled", expected one of code, try, enrolled/,
  });
  t.deepEqual(enrolments.keysOf('pv-7')?.current, first.publicKey);
  t.is(faults.length, 1);
  enrolments.revoke('pv-7', 'after the damage');
  t.is(enrolments.keysOf('pv-7')?.current, null);
  chmodSync(file, 0o644);
  t.throws(() => open(file), { message: /others may use \(mode 644\), expected mode 600/ });
});
