/**
 * How to reach an OPC UA server and who we are there: endpoint, security, trust store, user. A section of the
 * agent's config, because it belongs to a site; what the nodes mean belongs to a kind of device (mapping.ts).
 */
import { besideFile, readText } from '@fieldbid/core/config';
import { describeFound, InputError } from '@fieldbid/core/errors';
import { isLoopback } from '@fieldbid/core/loopback';
import Type, { type Static } from 'typebox';

const closed = { additionalProperties: false } as const;

export const OpcUaUser = Type.Object(
  {
    /** User name, with the file that holds the password ... */
    name: Type.Optional(Type.String({ minLength: 1 })),
    passwordFile: Type.Optional(Type.String()),
    /** ... or a user certificate and its key, PEM. Neither: anonymous. */
    certificateFile: Type.Optional(Type.String()),
    keyFile: Type.Optional(Type.String()),
  },
  closed,
);

export const OpcUaAccess = Type.Object(
  {
    securityMode: Type.Enum(['SignAndEncrypt', 'Sign', 'None'], { default: 'SignAndEncrypt' }),
    /** OPC 10000-7, security policies. */
    securityPolicy: Type.Enum(['Basic256Sha256', 'Aes128_Sha256_RsaOaep', 'Aes256_Sha256_RsaPss'], {
      default: 'Basic256Sha256',
    }),
    /** Accept securityMode None to another machine. */
    allowInsecure: Type.Boolean({ default: false }),
    /** Own certificate, trusted and rejected certificates; made on first use. */
    pkiFolder: Type.String({ default: 'pki' }),
    user: Type.Optional(OpcUaUser),
  },
  closed,
);
export type OpcUaAccess = Static<typeof OpcUaAccess>;

export type UserIdentity =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'password'; readonly name: string; readonly password: string }
  | { readonly kind: 'certificate'; readonly certificatePem: string; readonly keyPem: string };

/** Access, checked, with files read and paths made absolute. */
export interface ResolvedAccess {
  readonly endpointUrl: string;
  readonly securityMode: OpcUaAccess['securityMode'];
  readonly securityPolicy: OpcUaAccess['securityPolicy'];
  readonly pkiFolder: string;
  readonly user: UserIdentity;
  /** Nothing is encrypted on the way to another machine, as the config allows. */
  readonly insecure: boolean;
}

const EXPECTED = 'opc.tcp://HOST:PORT/PATH, such as opc.tcp://192.0.2.10:4840/inverter';

export function isOpcUaEndpoint(endpoint: string): boolean {
  return endpoint.startsWith('opc.tcp://');
}

/**
 * @param source file (or command line) and path that the endpoint comes from; files are relative to that file.
 * @throws InputError for a wrong endpoint, a contradiction, an unreadable file, or missing encryption.
 */
export function resolveAccess(
  endpoint: string,
  access: OpcUaAccess,
  source: { readonly file: string; readonly path: string },
): ResolvedAccess {
  const host = hostOf(endpoint, source);
  const at = (key: string) => ({
    source: source.file,
    path: source.path.replace(/endpoint$/, `opcua/${key}`),
  });
  const remote = !isLoopback(host);
  if (access.securityMode === 'None' && remote && !access.allowInsecure) {
    throw new InputError({
      ...at('securityMode'),
      found: `None, to ${host}, which is another machine`,
      expected: 'SignAndEncrypt (or allowInsecure: true where the network itself is trusted)',
    });
  }
  return {
    endpointUrl: endpoint,
    securityMode: access.securityMode,
    securityPolicy: access.securityPolicy,
    pkiFolder: besideFile(source.file, access.pkiFolder),
    user: userOf(access.user ?? {}, source.file, at),
    insecure: remote && access.securityMode === 'None',
  };
}

function hostOf(endpoint: string, { file, path }: { readonly file: string; readonly path: string }): string {
  const wrong = (why: string) =>
    new InputError({ source: file, path, found: `${describeFound(endpoint)} (${why})`, expected: EXPECTED });
  if (!URL.canParse(endpoint)) throw wrong('no URL');
  const url = new URL(endpoint);
  if (url.hostname === '') throw wrong('no host');
  if (url.port === '0') throw wrong('the port is 0');
  if (url.username !== '' || url.password !== '') throw wrong('the user belongs into opcua.user, not here');
  if (url.search !== '' || url.hash !== '') throw wrong('a query');
  return url.hostname;
}

function userOf(
  user: Static<typeof OpcUaUser>,
  file: string,
  at: (key: string) => { source: string; path: string },
): UserIdentity {
  const { name, passwordFile, certificateFile, keyFile } = user;
  const pair = (found: string, expected: string) => new InputError({ ...at('user'), found, expected });
  if ((name === undefined) !== (passwordFile === undefined)) {
    throw pair(
      name === undefined ? 'a password without a name' : `${name} without a password`,
      'name and passwordFile',
    );
  }
  if ((certificateFile === undefined) !== (keyFile === undefined)) {
    throw pair('half of a key pair', 'certificateFile and keyFile');
  }
  if (name !== undefined && certificateFile !== undefined) {
    throw pair('a password and a certificate', 'one of the two');
  }
  const text = (path: string): string => readText(besideFile(file, path));
  if (name !== undefined && passwordFile !== undefined) {
    return { kind: 'password', name, password: text(passwordFile).replace(/\r?\n$/, '') };
  }
  if (certificateFile !== undefined && keyFile !== undefined) {
    return { kind: 'certificate', certificatePem: text(certificateFile), keyPem: text(keyFile) };
  }
  return { kind: 'anonymous' };
}
