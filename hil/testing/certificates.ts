/** Certificates of a test's own: a root, and what it signs for a server or a client. P-256, valid for an hour. */
import { webcrypto } from 'node:crypto';
import 'reflect-metadata';
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;

/** PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  readonly ca: string;
  /** @param host address of a server; absent for a client. */
  issue(name: string, host?: string): Promise<Identity>;
}

export async function makeAuthority(name: string): Promise<Authority> {
  const keys = await newKeys();
  const issuer = `CN=${name}`;
  const root = await X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: issuer,
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, 1, true)],
  });
  return {
    ca: root.toString('pem'),
    issue: async (subject, host) => {
      const own = await newKeys();
      const cert = await X509CertificateGenerator.create({
        ...validity(),
        subject: `CN=${subject}`,
        issuer,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        extensions:
          host === undefined ? [] : [new SubjectAlternativeNameExtension([{ type: 'ip', value: host }])],
      });
      const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey)).toString('base64');
      const key = `-----BEGIN PRIVATE KEY-----\n${der.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
      return { cert: cert.toString('pem'), key };
    },
  };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, [
    'sign',
    'verify',
  ]) as Promise<webcrypto.CryptoKeyPair>;
}

function validity() {
  const now_ms = Date.now();
  return { notBefore: new Date(now_ms - HOUR_MS), notAfter: new Date(now_ms + HOUR_MS) };
}
