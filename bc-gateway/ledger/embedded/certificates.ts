/**
 * Whom a certificate proves, on the embedded ledger: X.509 as on Fabric (chaincode/identity/x509.ts), issued by an
 * organisation's CA, which the genesis block names. And the signatures over what is on the chain.
 */
import { type KeyObject, sign, verify, X509Certificate } from 'node:crypto';
import { holderOf } from '@fieldbid/chaincode/identity/x509';
import type { Caller } from '@fieldbid/chaincode/transactions/context';
import { FieldbidError, messageOf } from '@fieldbid/core/errors';

export interface Member {
  readonly caller: Caller;
  /** `peer` for who may endorse, `client` for who may not. */
  readonly ou: string;
  readonly publicKey: KeyObject;
}

/** ECDSA P-256, SHA-256, as r ‖ s (IEEE P1363), base64. */
export function signature(key: KeyObject, text: string): string {
  return sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64');
}

export function signatureHolds(key: KeyObject, text: string, signature: string): boolean {
  const bytes = Buffer.from(signature, 'base64');
  // Base64 has several spellings of the same bytes; only one of them was written.
  if (bytes.toString('base64') !== signature) return false;
  return verify('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }, bytes);
}

/** Whom a certificate proves, by the organisations' CAs of one ledger. */
export class Trust {
  readonly #authorities: ReadonlyMap<string, X509Certificate>;
  /** Certificates are few and come with every transaction. */
  readonly #known = new Map<string, Member>();

  /** @param authorities organisation → CA certificate, PEM. */
  constructor(authorities: Readonly<Record<string, string>>) {
    this.#authorities = new Map(
      Object.entries(authorities).map(([mspId, pem]) => [mspId, new X509Certificate(pem)]),
    );
  }

  /**
   * Market time may be any: a certificate's own time is not asked for.
   * @throws FieldbidError `CERTIFICATE_INVALID`, saying why.
   */
  memberOf(certificate: string): Member {
    const known = this.#known.get(certificate);
    if (known !== undefined) return known;
    const parsed = readCertificate(certificate);
    // The same certificate has other spellings in PEM; only one of them was written.
    if (parsed.toString() !== certificate) throw invalid('it is not as it was issued');
    const issued = [...this.#authorities].find(
      ([, ca]) => parsed.checkIssued(ca) && parsed.verify(ca.publicKey),
    );
    if (issued === undefined) throw invalid('no organisation of this ledger has issued it');
    const [mspId] = issued;
    const { role, deraId, ou } = holderOf(certificate);
    const member = { caller: { mspId, role, deraId }, ou, publicKey: parsed.publicKey };
    if (this.#known.size >= 10_000) this.#known.clear();
    this.#known.set(certificate, member);
    return member;
  }
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw invalid(messageOf(error));
  }
}

function invalid(why: string): FieldbidError {
  return new FieldbidError('CERTIFICATE_INVALID', `the certificate proves nobody: ${why}`);
}
