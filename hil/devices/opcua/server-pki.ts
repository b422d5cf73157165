/** The certificate of simulated OPC UA servers, and what they think of their clients'. */
import { existsSync, mkdirSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { OPCUACertificateManager } from 'node-opcua-certificate-manager';
import { StatusCodes } from 'node-opcua-client';

export const SERVER_URI = 'urn:fieldbid:simulated-opcua-inverter';
const VALID_DAYS = 3650;

/** PEM: what a client's owner trusts. */
export function serverCertificateFile(pkiFolder: string): string {
  return join(pkiFolder, 'own', 'certs', 'certificate.pem');
}

/** Opens the store; certificate and key (2048 bit) are made on first use. @param host that it answers at. */
export async function openServerPki(pkiFolder: string, host: string): Promise<OPCUACertificateManager> {
  mkdirSync(pkiFolder, { recursive: true, mode: 0o700 });
  const store = new OPCUACertificateManager({
    rootFolder: pkiFolder,
    disableFileWatchers: true,
    keySize: 2048,
  });
  await store.initialize();
  const certificateFile = serverCertificateFile(pkiFolder);
  if (!existsSync(certificateFile)) {
    await store.createSelfSignedCertificate({
      applicationUri: SERVER_URI,
      dns: ['localhost', hostname()],
      ip: isIP(host) === 0 ? [] : [host],
      outputFile: certificateFile,
      subject: '/CN=fieldbid simulated inverter',
      startDate: new Date(),
      validity: VALID_DAYS,
    });
  }
  // A real device asks its owner; this one lets any client's certificate in, and looks at the user.
  store.checkCertificate = anybody as typeof store.checkCertificate;
  return store;
}

type Done = (error: null, status: unknown) => void;

/** The library calls it both ways. */
function anybody(_chain: unknown, done?: Done): unknown {
  return done === undefined ? Promise.resolve(StatusCodes.Good) : done(null, StatusCodes.Good);
}
