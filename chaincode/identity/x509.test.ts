import { X509Certificate } from 'node:crypto';
import { codeOf } from '@fieldbid/core/errors';
import test from 'ava';
import { createCa, holderOf, issueCertificate, newPrivateKey, publicKeyOf, requireIssued } from './x509.ts';

async function issued(attributes?: { role: string; deraId?: string }) {
  const ca = await createCa('DeraMSP');
  const publicKey = publicKeyOf(newPrivateKey());
  const about = { ca, commonName: 'north', ou: 'client', publicKey } as const;
  return {
    ca,
    publicKey,
    certificate: await issueCertificate(attributes ? { ...about, attributes } : about),
  };
}

test('OpenSSL, through Node, reads what we issue and finds it signed by its CA', async (t) => {
  const { ca, publicKey, certificate } = await issued({ role: 'dera', deraId: 'north' });
  const [leaf, root] = [new X509Certificate(certificate), new X509Certificate(ca.certificate)];
  t.true(root.ca && !leaf.ca);
  t.true(leaf.checkIssued(root));
  t.true(leaf.verify(root.publicKey) && root.verify(root.publicKey));
  t.is(leaf.subject, 'CN=north\nOU=client');
  t.is(leaf.publicKey.export({ type: 'spki', format: 'pem' }).toString(), publicKey);
  t.regex(leaf.serialNumber, /^[4-7][0-9A-F]{31}$/);
  // As Fabric CA writes them: the extension's value is the JSON text itself.
  t.true(leaf.raw.includes(Buffer.from('{"attrs":{"role":"dera","deraId":"north"}}')));
});

test('the holder is read back, with and without attributes', async (t) => {
  const { certificate } = await issued({ role: 'dera', deraId: 'north' });
  t.deepEqual(holderOf(certificate), { commonName: 'north', ou: 'client', role: 'dera', deraId: 'north' });
  t.deepEqual(holderOf((await issued({ role: 'dso' })).certificate).deraId, undefined);
  t.is(holderOf((await issued()).certificate).role, '');
});

test('a certificate proves nothing under another CA, changed, or out of its time', async (t) => {
  const { ca, certificate } = await issued({ role: 'dso' });
  const now_ms = Date.now();
  await requireIssued(certificate, ca.certificate, now_ms);
  const other = await createCa('DeraMSP'); // the same name, another key
  const der = Buffer.from(certificate.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64');
  const at = der.indexOf('"dso"');
  der[at + 3] = 'x'.charCodeAt(0);
  const changed = `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
  t.is(holderOf(changed).role, 'dsx');
  const cases: [string, Promise<void>][] = [
    ['another key', requireIssued(certificate, other.certificate)],
    ['another name', requireIssued(certificate, (await createCa('DsoMSP')).certificate)],
    ['a changed role', requireIssued(changed, ca.certificate)],
    ['too early', requireIssued(certificate, ca.certificate, now_ms - 3_600_000)],
    ['too late', requireIssued(certificate, ca.certificate, now_ms + 400 * 86_400_000)],
    ['no PEM', requireIssued('nonsense', ca.certificate)],
  ];
  for (const [what, checked] of cases)
    t.is(codeOf(await t.throwsAsync(checked)), 'CERTIFICATE_INVALID', what);
});
