/**
 * Private keys of the embedded ledger: each organisation's CA and each identity, made when first needed, in files that
 * only the owner reads. They never leave this folder.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createCa,
  issueCertificate,
  type KeyedCertificate,
  newPrivateKey,
  publicKeyOf,
} from '@fieldbid/chaincode/identity/x509';
import { FieldbidError } from '@fieldbid/core/errors';
import type { IdentityName, LedgerIdentity } from '../ledger.ts';
import { signature } from './certificates.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** An embedded ledger's keys live as long as it does. */
const YEARS = 15;

interface Signing {
  readonly certificate: string;
  readonly key: KeyObject;
}

export class Wallet {
  readonly #dir: string;
  readonly #authorities: ReadonlyMap<string, KeyedCertificate>;
  readonly #making = new Map<string, Promise<Signing>>();
  readonly #byCertificate = new Map<string, Signing>();

  private constructor(dir: string, authorities: ReadonlyMap<string, KeyedCertificate>) {
    this.#dir = dir;
    this.#authorities = authorities;
  }

  static async open(dir: string, organisations: readonly string[]): Promise<Wallet> {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const authorities = new Map<string, KeyedCertificate>();
    for (const mspId of organisations) {
      authorities.set(mspId, await stored(dir, `${mspId}.ca`, () => createCa(mspId, YEARS)));
    }
    return new Wallet(dir, authorities);
  }

  /** CA certificate of each organisation, PEM. */
  get authorities(): Record<string, string> {
    return Object.fromEntries([...this.#authorities].map(([mspId, { certificate }]) => [mspId, certificate]));
  }

  /** The identity that endorses for an organisation: its peer. */
  async endorser(mspId: string): Promise<string> {
    return (await this.#identity({ mspId, role: '' }, 'peer')).certificate;
  }

  /** @throws FieldbidError `UNKNOWN_IDENTITY` for an organisation that is not of this ledger. */
  async identity(name: IdentityName): Promise<LedgerIdentity> {
    const { certificate } = await this.#identity(name, 'client');
    return { ...name, certificate };
  }

  /** By the private key of a certificate of this wallet. @throws FieldbidError `UNKNOWN_IDENTITY`. */
  sign(certificate: string, text: string): string {
    const signing = this.#byCertificate.get(certificate);
    if (signing !== undefined) return signature(signing.key, text);
    throw new FieldbidError('UNKNOWN_IDENTITY', 'the certificate is none of this wallet');
  }

  #identity(name: Omit<IdentityName, 'role'> & { role: string }, ou: 'client' | 'peer'): Promise<Signing> {
    const { mspId, role, deraId } = name;
    const ca = this.#authorities.get(mspId);
    if (ca === undefined || (deraId !== undefined && !NAME.test(deraId))) {
      throw new FieldbidError(
        'UNKNOWN_IDENTITY',
        `the wallet has no identity ${mspId}/${role}/${deraId ?? ''}`,
      );
    }
    const commonName = [ou === 'peer' ? 'peer' : role, ...(deraId === undefined ? [] : [deraId])].join('.');
    const file = `${mspId}.${commonName}`;
    // Asked for twice at once, it is made once.
    const making = this.#making.get(file) ?? this.#make(file, { ca, commonName, ou, role, deraId });
    this.#making.set(file, making);
    return making;
  }

  async #make(
    file: string,
    about: {
      ca: KeyedCertificate;
      commonName: string;
      ou: 'client' | 'peer';
      role: string;
      deraId: string | undefined;
    },
  ): Promise<Signing> {
    const { ca, commonName, ou, role, deraId } = about;
    const { certificate, privateKey } = await stored(this.#dir, file, async () => {
      const privateKey = newPrivateKey();
      const attributes = deraId === undefined ? { role } : { role, deraId };
      const certificate = await issueCertificate({
        ...{ ca, commonName, ou, publicKey: publicKeyOf(privateKey), years: YEARS },
        ...(ou === 'peer' ? {} : { attributes }),
      });
      return { certificate, privateKey };
    });
    const signing = { certificate, key: createPrivateKey(privateKey) };
    this.#byCertificate.set(certificate, signing);
    return signing;
  }
}

/** What the two files hold; made once. `wx`: a file that is there is never written over. */
async function stored(
  dir: string,
  name: string,
  make: () => Promise<KeyedCertificate>,
): Promise<KeyedCertificate> {
  const [keyFile, certificateFile] = [join(dir, `${name}.key`), join(dir, `${name}.crt`)];
  // The certificate is written last: without it the pair was interrupted, and nobody has used it.
  if (!existsSync(certificateFile)) {
    const { certificate, privateKey } = await make();
    writeFileSync(keyFile, privateKey, { mode: 0o600 });
    writeFileSync(certificateFile, certificate, { mode: 0o600, flag: 'wx' });
  }
  return { certificate: readFileSync(certificateFile, 'utf8'), privateKey: readFileSync(keyFile, 'utf8') };
}
