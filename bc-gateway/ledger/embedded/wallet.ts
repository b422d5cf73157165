/**
 * Private keys of the embedded ledger: one root key per organisation, one key per identity, made when first
 * needed, in files that only the owner reads. They never leave this folder.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FieldbidError } from '@fieldbid/core/errors';
import type { IdentityName, LedgerIdentity } from '../ledger.ts';
import { issueCertificate } from './certificates.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export class Wallet {
  readonly #dir: string;
  readonly #organisations: ReadonlySet<string>;
  readonly #identities = new Map<string, LedgerIdentity>();

  constructor(dir: string, organisations: readonly string[]) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    this.#dir = dir;
    this.#organisations = new Set(organisations);
  }

  /** Public root key of an organisation, SPKI PEM. */
  rootOf(mspId: string): string {
    return publicPem(this.#key(`${mspId}.root`));
  }

  /** The key that endorses for an organisation: its peer. */
  endorser(mspId: string): LedgerIdentity {
    return this.#identity(mspId, 'peer', '');
  }

  /** @throws FieldbidError `UNKNOWN_IDENTITY` for an organisation that is not of this ledger. */
  identity({ mspId, role, deraId }: IdentityName): LedgerIdentity {
    return this.#identity(mspId, role, deraId ?? '');
  }

  #identity(mspId: string, role: string, deraId: string): LedgerIdentity {
    if (!this.#organisations.has(mspId) || (deraId !== '' && !NAME.test(deraId))) {
      throw new FieldbidError('UNKNOWN_IDENTITY', `the wallet has no identity ${mspId}/${role}/${deraId}`);
    }
    const name = [mspId, role, ...(deraId === '' ? [] : [deraId])].join('.');
    const known = this.#identities.get(name);
    if (known !== undefined) return known;
    const key = this.#key(name);
    const certificate = this.#file(`${name}.cert.json`, () =>
      issueCertificate({ mspId, role, deraId, publicKey: publicPem(key) }, this.#key(`${mspId}.root`)),
    );
    const privateKey = createPrivateKey(key);
    const identity: LedgerIdentity = {
      mspId,
      role: role as LedgerIdentity['role'],
      ...(deraId === '' ? {} : { deraId }),
      certificate,
      sign: (bytes) => sign('sha256', bytes, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
    };
    this.#identities.set(name, identity);
    return identity;
  }

  #key(name: string): string {
    return this.#file(`${name}.key.pem`, () =>
      generateKeyPairSync('ec', { namedCurve: 'P-256' })
        .privateKey.export({ type: 'pkcs8', format: 'pem' })
        .toString(),
    );
  }

  /** The file's text; made once. `wx`: a file that is there is never written over. */
  #file(name: string, make: () => string): string {
    const path = join(this.#dir, name);
    if (!existsSync(path)) writeFileSync(path, make(), { mode: 0o600, flag: 'wx' });
    return readFileSync(path, 'utf8');
  }
}

function publicPem(privateKey: string): string {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
}
