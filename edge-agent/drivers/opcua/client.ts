/** The library's client and its user, as the config describes them. */
import type { OPCUAClient, UserIdentityInfo } from 'node-opcua-client';
import type { ResolvedAccess, UserIdentity } from './access.ts';
import type { Library } from './library.ts';
import type { Pki } from './pki.ts';

/** Without a call the server is asked so often whether it is there; it forgets a session after three times that. */
const KEEP_ALIVE_MS = 10_000;

/** Not connected yet. @param deadline_ms real, for each answer. */
export function clientFor(
  opcua: Library,
  { securityMode, securityPolicy }: ResolvedAccess,
  { manager, own }: Pki,
  deadline_ms: number,
): OPCUAClient {
  const { MessageSecurityMode, OPCUAClient, SecurityPolicy } = opcua;
  return OPCUAClient.create({
    applicationName: 'fieldbid edge agent',
    applicationUri: own.applicationUri,
    certificateFile: own.certificateFile,
    privateKeyFile: own.keyFile,
    clientCertificateManager: manager,
    securityMode: MessageSecurityMode[securityMode],
    securityPolicy: securityMode === 'None' ? SecurityPolicy.None : SecurityPolicy[securityPolicy],
    // The host name under which we reach a server need not be the one that it gives itself.
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0, initialDelay: 100, maxDelay: 1000 },
    transportTimeout: deadline_ms,
    defaultTransactionTimeout: deadline_ms,
    requestedSessionTimeout: 3 * KEEP_ALIVE_MS,
    keepSessionAlive: true,
    keepAliveInterval: KEEP_ALIVE_MS,
  });
}

export function identityFor(opcua: Library, user: UserIdentity): UserIdentityInfo {
  const { UserTokenType } = opcua;
  switch (user.kind) {
    case 'anonymous':
      return { type: UserTokenType.Anonymous };
    case 'password':
      return { type: UserTokenType.UserName, userName: user.name, password: user.password };
    case 'certificate':
      return {
        type: UserTokenType.Certificate,
        certificateData: derOf(user.certificatePem),
        privateKey: user.keyPem,
      };
  }
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
}
