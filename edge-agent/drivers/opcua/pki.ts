/**
 * Who is trusted, and who we are: a folder with our application's certificate and key (`own/`), and the servers'
 * certificates that somebody has trusted (`trusted/certs/`) or that came and were refused (`rejected/`). The layout is OPC 10000-12's, as node-opcua keeps it. Nothing is trusted by itself.
 */
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { FieldbidError, InputError, messageOf } from '@fieldbid/core/errors';
import type { OPCUACertificateManager } from 'node-opcua-certificate-manager';
import { loadLibrary } from './library.ts';

const APPLICATION = 'fieldbid-edge-agent';
const VALID_DAYS = 3650;
const KEY_BITS = 2048;

export interface OwnCertificate {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** In the certificate and in what the client says of itself: servers compare them. */
  readonly applicationUri: string;
}

/** A server's certificate that was not accepted. */
export interface RefusedCertificate {
  /** `BadCertificateUntrusted`, `BadCertificateTimeInvalid`, ... */
  readonly status: string;
  /** Where it was put; undefined when it was not stored. */
  readonly file: string | undefined;
}

export interface Pki {
  readonly folder: string;
  readonly manager: OPCUACertificateManager;
  readonly own: OwnCertificate;
  /** The last certificate that this opening of the store has refused. */
  refused(): RefusedCertificate | undefined;
  close(): Promise<void>;
}

/**
 * Opens the store, as it is now: what somebody has trusted meanwhile counts. Made on first use, together with a
 * key that only its owner may read.
 * @throws FieldbidError `OPCUA_PKI` when the folder cannot be used.
 */
export async function openPki(folder: string): Promise<Pki> {
  try {
    const manager = await openStore(folder);
    const own = await ownCertificate(manager);
    let refused: RefusedCertificate | undefined;
    const check = manager.checkCertificate.bind(manager);
    // The library says only that it failed: here is the place to see which certificate, and why.
    const watched = async (chain: Buffer | Buffer[]) => {
      const status = await check(chain);
      const first = Array.isArray(chain) ? chain[0] : chain;
      if (status.isNotGood() && first !== undefined) {
        refused = { status: status.name, file: storedAs(manager.rejectedFolder, first) };
      }
      return status;
    };
    manager.checkCertificate = watched as typeof manager.checkCertificate;
    return { folder, manager, own, refused: () => refused, close: () => closeStore(manager) };
  } catch (cause) {
    throw new FieldbidError('OPCUA_PKI', `the certificate store ${folder}: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Trusts a server's certificate from now on.
 * @param file PEM or DER: the one that was put into `rejected/`, or one that the device's owner handed over.
 * @returns what was trusted, to be compared with what the device says of itself.
 * @throws InputError when the file holds no certificate.
 */
export async function trustCertificate(
  folder: string,
  file: string,
): Promise<{ subject: string; sha1: string; validTo: string }> {
  const certificate = readCertificate(file);
  const manager = await openStore(folder);
  try {
    await manager.trustCertificate(certificate.raw);
  } finally {
    await closeStore(manager);
  }
  return {
    subject: certificate.subject.replaceAll('\n', ', '),
    sha1: certificate.fingerprint,
    validTo: new Date(certificate.validTo).toISOString().slice(0, 10),
  };
}

async function openStore(folder: string): Promise<OPCUACertificateManager> {
  const { pki } = await loadLibrary();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Opened anew for each connection, so there is nothing to watch for.
  const manager = new pki.OPCUACertificateManager({
    rootFolder: folder,
    keySize: KEY_BITS,
    disableFileWatchers: true,
    automaticallyAcceptUnknownCertificate: false,
  });
  await manager.initialize();
  return manager;
}

/** The library counts who uses a store and closes it with the last one: we are its only user. */
async function closeStore(manager: OPCUACertificateManager): Promise<void> {
  manager.referenceCounter = 0;
  await manager.dispose();
}

async function ownCertificate(manager: OPCUACertificateManager): Promise<OwnCertificate> {
  const certificateFile = join(manager.rootDir, 'own', 'certs', 'client_certificate.pem');
  if (!existsSync(certificateFile)) {
    await manager.createSelfSignedCertificate({
      applicationUri: `urn:${hostname()}:${APPLICATION}`,
      dns: [hostname()],
      outputFile: certificateFile,
      subject: `/CN=${APPLICATION}@${hostname()}`.slice(0, 64),
      startDate: new Date(),
      validity: VALID_DAYS,
    });
  }
  // The host may have got another name since: what the certificate says counts.
  const names = readCertificate(certificateFile).subjectAltName ?? '';
  const applicationUri = /URI:([^,\s]+)/.exec(names)?.[1];
  if (applicationUri === undefined) {
    const expected = 'an application certificate: its alternative name holds an application URI';
    throw new InputError({
      source: certificateFile,
      path: '',
      found: names || 'no alternative name',
      expected,
    });
  }
  return { certificateFile, keyFile: manager.privateKey, applicationUri };
}

function readCertificate(file: string): X509Certificate {
  try {
    return new X509Certificate(readFileSync(file));
  } catch (cause) {
    const found = existsSync(file) ? 'something else' : 'no such file';
    throw new InputError(
      { source: file, path: '', found, expected: 'an X.509 certificate, PEM or DER' },
      { cause },
    );
  }
}

/** The store names its files by the certificate's SHA-1. */
function storedAs(folder: string, certificate: Buffer): string | undefined {
  const sha1 = new X509Certificate(certificate).fingerprint.replaceAll(':', '').toLowerCase();
  const name = existsSync(folder) ? readdirSync(folder).find((file) => file.includes(sha1)) : undefined;
  return name === undefined ? undefined : join(folder, name);
}
