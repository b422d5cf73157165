/**
 * Certificates of the embedded ledger: a statement (organisation, role, aggregator, public key) signed by the
 * organisation's root key, which the genesis block names. X.509 can take its place: the rest of the ledger
 * sees a certificate as text and asks `Trust` whom it proves.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { Caller } from '@fieldbid/chaincode/transactions/context';
import { canonicalJson } from '@fieldbid/core/canonical-json';
import { FieldbidError } from '@fieldbid/core/errors';
import { matches } from '@fieldbid/core/schema';
import Type from 'typebox';

/** What an organisation says of a key; `deraId` is empty for other roles. */
export interface Statement {
  readonly mspId: string;
  readonly role: string;
  readonly deraId: string;
  /** SPKI PEM, P-256. */
  readonly publicKey: string;
}

const Certificate = Type.Object(
  {
    statement: Type.Object(
      { mspId: Type.String(), role: Type.String(), deraId: Type.String(), publicKey: Type.String() },
      { additionalProperties: false },
    ),
    signature: Type.String(),
  },
  { additionalProperties: false },
);

export interface Member {
  readonly caller: Caller;
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

export function issueCertificate(statement: Statement, rootKey: string): string {
  const text = canonicalJson(statement);
  return canonicalJson({ statement, signature: signature(createPrivateKey(rootKey), text) });
}

/** Whom a certificate proves, by the organisations' root keys of one ledger. */
export class Trust {
  readonly #roots: ReadonlyMap<string, KeyObject>;
  /** Certificates are few and come with every transaction. */
  readonly #known = new Map<string, Member>();

  /** @param roots organisation → public root key, SPKI PEM. */
  constructor(roots: Readonly<Record<string, string>>) {
    this.#roots = new Map(Object.entries(roots).map(([mspId, pem]) => [mspId, createPublicKey(pem)]));
  }

  /** @throws FieldbidError `CERTIFICATE_INVALID`, saying why. */
  memberOf(certificate: string): Member {
    const known = this.#known.get(certificate);
    if (known !== undefined) return known;
    const { statement, signature } = readCertificate(certificate);
    const root = this.#roots.get(statement.mspId);
    if (root === undefined) throw invalid(`${statement.mspId} is no organisation of this ledger`);
    if (!signatureHolds(root, canonicalJson(statement), signature)) {
      throw invalid(`${statement.mspId} did not sign it`);
    }
    const { mspId, role, deraId, publicKey } = statement;
    const member = {
      caller: { mspId, role, deraId: deraId === '' ? undefined : deraId },
      publicKey: createPublicKey(publicKey),
    };
    if (this.#known.size >= 10_000) this.#known.clear();
    this.#known.set(certificate, member);
    return member;
  }
}

function readCertificate(text: string): { statement: Statement; signature: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('it is no JSON');
  }
  if (!matches(Certificate, value)) throw invalid('it has another form');
  return value;
}

function invalid(why: string): FieldbidError {
  return new FieldbidError('CERTIFICATE_INVALID', `the certificate proves nobody: ${why}`);
}
