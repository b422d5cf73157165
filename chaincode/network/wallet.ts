/**
 * The identities of a connection profile: files of certificate and key, by organisation. What is not there can be made
 * where the profile has the organisation's bench CA; a deployment puts there what its own CA has enrolled.
 */
import { createPrivateKey } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, FieldbidError, InputError, messageOf } from '@fieldbid/core/errors';
import { type Signer, signers } from '@hyperledger/fabric-gateway';
import { holderOf, issueCertificate, newPrivateKey, publicKeyOf } from '../identity/x509.ts';
import type { ConnectionProfile } from './connection-profile.ts';

export interface WalletName {
  readonly mspId: string;
  readonly role: string;
  readonly deraId?: string;
}

export interface WalletIdentity extends WalletName {
  /** X.509, PEM. */
  readonly certificate: string;
  /** File of the certificate. */
  readonly file: string;
  /** Signs a SHA-256 digest: ECDSA P-256, DER, low-S, as Fabric takes it. */
  readonly signer: Signer;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export class FabricWallet {
  readonly #profile: ConnectionProfile;
  readonly #known = new Map<string, WalletIdentity>();
  readonly #making = new Map<string, Promise<WalletIdentity>>();

  /** @throws InputError for a file that is no identity. */
  constructor(profile: ConnectionProfile) {
    this.#profile = profile;
    for (const { mspId } of profile.organisations) this.#readOrganisation(mspId);
  }

  /** Any identity of an organisation, to read with. @throws FieldbidError `UNKNOWN_IDENTITY`. */
  async anyOf(mspId: string): Promise<WalletIdentity> {
    const known = [...this.#known.values()].find((identity) => identity.mspId === mspId);
    return known ?? this.identity({ mspId, role: 'gateway' });
  }

  /** @throws FieldbidError `UNKNOWN_IDENTITY`. */
  withCertificate(certificate: string): WalletIdentity {
    for (const identity of this.#known.values()) if (identity.certificate === certificate) return identity;
    throw new FieldbidError('UNKNOWN_IDENTITY', 'the certificate is none of the wallet');
  }

  /** @throws FieldbidError `UNKNOWN_IDENTITY`: neither in the wallet nor to be made. */
  async identity(name: WalletName): Promise<WalletIdentity> {
    const key = keyOf(name);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    // Asked for twice at once, it is made once.
    const making = this.#making.get(key) ?? this.#make(name).finally(() => this.#making.delete(key));
    this.#making.set(key, making);
    return making;
  }

  async #make(name: WalletName): Promise<WalletIdentity> {
    const { mspId, role, deraId } = name;
    const keyFile = this.#profile.benchCas?.find((ca) => ca.mspId === mspId)?.keyFile;
    const caFile = this.#profile.organisations.find((one) => one.mspId === mspId)?.caFile;
    if (keyFile === undefined || caFile === undefined || (deraId !== undefined && !NAME.test(deraId))) {
      const what = [mspId, role, ...(deraId === undefined ? [] : [deraId])].join('/');
      throw new FieldbidError(
        'UNKNOWN_IDENTITY',
        `the wallet ${this.#profile.wallet} has no identity ${what}: put its certificate and key there ` +
          `(${mspId}/NAME.crt, ${mspId}/NAME.key), enrolled with role=${role}${deraId === undefined ? '' : `,deraId=${deraId}`}`,
      );
    }
    const privateKey = newPrivateKey();
    const commonName = deraId ?? role;
    const certificate = await issueCertificate({
      ca: { certificate: readFileSync(caFile, 'utf8'), privateKey: readFileSync(keyFile, 'utf8') },
      ...{ commonName, ou: 'client', publicKey: publicKeyOf(privateKey) },
      attributes: deraId === undefined ? { role } : { role, deraId },
    });
    const folder = join(this.#profile.wallet, mspId);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, `${[role, ...(deraId === undefined ? [] : [deraId])].join('.')}.crt`);
    writeFileSync(file.replace(/crt$/, 'key'), privateKey, { mode: 0o600 });
    writeFileSync(file, certificate, { mode: 0o600 });
    return this.#remember(mspId, file, certificate, privateKey);
  }

  #readOrganisation(mspId: string): void {
    const folder = join(this.#profile.wallet, mspId);
    for (const name of certificatesIn(folder)) {
      const file = join(folder, name);
      try {
        const key = readFileSync(file.replace(/crt$/, 'key'), 'utf8');
        this.#remember(mspId, file, readFileSync(file, 'utf8'), key);
      } catch (error) {
        const expected = 'NAME.crt and NAME.key in PEM, the key in PKCS #8';
        throw new InputError({ source: file, path: '', found: messageOf(error), expected }, { cause: error });
      }
    }
  }

  #remember(mspId: string, file: string, certificate: string, privateKey: string): WalletIdentity {
    const { role, deraId } = holderOf(certificate);
    const identity: WalletIdentity = {
      mspId,
      role,
      ...(deraId === undefined ? {} : { deraId }),
      certificate,
      file,
      signer: signers.newPrivateKeySigner(createPrivateKey(privateKey)),
    };
    this.#known.set(keyOf(identity), identity);
    return identity;
  }
}

function certificatesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.crt'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function keyOf({ mspId, role, deraId }: WalletName): string {
  return [mspId, role, deraId ?? ''].join(' ');
}
