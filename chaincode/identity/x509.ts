/**
 * M4, M6 · X.509 identities as Fabric CA issues them: organisation CA, client and peer certificates on P-256, the
 * contract's role attributes in extension 1.2.3.4.5.6.7.8.1. The embedded ledger and the bench network use them; a
 * deployment enrols with a CA of its own.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import 'reflect-metadata';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';
import { matches } from '@fieldbid/core/schema';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import Type from 'typebox';

/** @see Fabric CA user guide, attribute-based access control. */
const ATTRIBUTES_OID = '1.2.3.4.5.6.7.8.1';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const YEAR_MS = 365.25 * 24 * 3_600_000;
/** Clocks of two machines differ by less. */
const SLACK_MS = 5 * 60_000;

/** PEM. */
export interface KeyedCertificate {
  readonly certificate: string;
  /** PKCS #8. */
  readonly privateKey: string;
}

/** What Fabric calls the node OU: who may endorse, and who may only send. */
export type OrganisationalUnit = 'client' | 'peer' | 'admin';

export interface Attributes {
  readonly role: string;
  readonly deraId?: string;
}

export interface Wanted {
  readonly ca: KeyedCertificate;
  readonly commonName: string;
  readonly ou: OrganisationalUnit;
  readonly attributes?: Attributes;
  /** SPKI PEM. */
  readonly publicKey: string;
  readonly years?: number;
}

/** What a certificate says of its holder; `ou` and `role` are empty where it says nothing. */
export interface Holder {
  readonly commonName: string;
  readonly ou: string;
  readonly role: string;
  readonly deraId: string | undefined;
}

const AttributeDocument = Type.Object({ attrs: Type.Record(Type.String(), Type.String()) });

/** Self-signed, for the organisation's certificates alone. */
export async function createCa(mspId: string, years = 15): Promise<KeyedCertificate> {
  const privateKey = newPrivateKey();
  const keys = {
    privateKey: await signingKey(privateKey),
    publicKey: await verifyingKey(publicKeyOf(privateKey)),
  };
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(years),
    serialNumber: serialNumber(),
    name: `CN=ca.${mspId},O=${mspId}`,
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pemOf(certificate), privateKey };
}

/** @returns PEM. */
export async function issueCertificate(wanted: Wanted): Promise<string> {
  const { ca, commonName, ou, attributes, years = 1 } = wanted;
  const issuer = new X509Certificate(ca.certificate);
  const publicKey = await verifyingKey(wanted.publicKey);
  const certificate = await X509CertificateGenerator.create({
    ...validity(years, issuer.notBefore),
    serialNumber: serialNumber(),
    subject: [{ CN: [commonName] }, { OU: [ou] }],
    issuer: issuer.subjectName.toJSON(),
    publicKey,
    signingKey: await signingKey(ca.privateKey),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(attributes === undefined ? [] : [attributeExtension(attributes)]),
    ],
  });
  return pemOf(certificate);
}

/** @throws FieldbidError `CERTIFICATE_INVALID`. */
export function holderOf(certificate: string): Holder {
  const parsed = parsePem(certificate);
  const names = parsed.subjectName;
  const attributes = attributesIn(parsed);
  return {
    commonName: names.getField('CN')[0] ?? '',
    ou: names.getField('OU')[0] ?? '',
    role: attributes.role ?? '',
    deraId: attributes.deraId,
  };
}

/**
 * That the CA signed it, with its name as the issuer, and that it counts at a moment.
 * @param at_ms real time, epoch ms; undefined: whenever.
 * @throws FieldbidError `CERTIFICATE_INVALID`, saying why.
 */
export async function requireIssued(certificate: string, ca: string, at_ms?: number): Promise<void> {
  const parsed = parsePem(certificate);
  const authority = parsePem(ca);
  if (parsed.issuer !== authority.subject) throw invalid(`it is issued by ${parsed.issuer}`);
  if (!(await parsed.verify({ publicKey: authority, signatureOnly: true }))) {
    throw invalid(`${authority.subject} did not sign it`);
  }
  if (at_ms === undefined) return;
  const { notBefore, notAfter } = parsed;
  if (at_ms >= notBefore.getTime() && at_ms <= notAfter.getTime()) return;
  throw invalid(`it is good from ${notBefore.toISOString()} to ${notAfter.toISOString()}`);
}

/** PKCS #8 PEM, P-256. */
export function newPrivateKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** SPKI PEM, of a private key or a certificate in PEM. */
export function publicKeyOf(pem: string): string {
  return createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString();
}

function attributeExtension({ role, deraId }: Attributes): Extension {
  const attrs = deraId === undefined ? { role } : { role, deraId };
  return new Extension(ATTRIBUTES_OID, false, Buffer.from(JSON.stringify({ attrs })));
}

function attributesIn(certificate: X509Certificate): Record<string, string> {
  const extension = certificate.getExtension(ATTRIBUTES_OID);
  if (extension === null) return {};
  try {
    const document: unknown = JSON.parse(Buffer.from(extension.value).toString('utf8'));
    if (matches(AttributeDocument, document)) return document.attrs;
  } catch {
    // said below
  }
  throw invalid('its attributes have another form than Fabric CA gives them');
}

function parsePem(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw invalid(`it is no certificate in PEM: ${messageOf(error)}`);
  }
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

function signingKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
}

function verifyingKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPublicKey(pem).export({ type: 'spki', format: 'der' });
  return webcrypto.subtle.importKey('spki', der, ALGORITHM, true, ['verify']);
}

/** Positive, as RFC 5280, 4.1.2.2 asks. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** @param earliest Fabric checks the chain at the moment from which a certificate counts: its issuer's has to count then. */
function validity(years: number, earliest = new Date(0)) {
  const now_ms = Date.now();
  const from_ms = Math.max(now_ms - SLACK_MS, earliest.getTime());
  return { notBefore: new Date(from_ms), notAfter: new Date(now_ms + years * YEAR_MS) };
}

function invalid(why: string): FieldbidError {
  return new FieldbidError('CERTIFICATE_INVALID', `the certificate proves nobody: ${why}`);
}
