/**
 * Who may look, and who may act. On loopback everybody on the machine may look; acting needs a bearer token. Where other
 * machines can reach the page, looking needs the token too, and TLS, so that it does not cross the network in clear.
 */
import { InputError } from '@fieldbid/core/errors';
import { holdsBearer } from '@fieldbid/core/http/bearer';
import { isLoopback } from '@fieldbid/core/loopback';

export interface Access {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Of operators; absent: nobody can act, and only this machine can look. */
  readonly token?: string;
  /** PEM texts. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

const LEAST_TOKEN_CHARACTERS = 16;
const HEADER = /^Bearer ([\x21-\x7e]{1,200})$/;

/** @param source file or flag that the access came from. @throws InputError for an access that would be open to others. */
export function requireSafeAccess({ host, port, token, tls }: Access, source: string): void {
  const wrong = (path: string, found: string, expected: string): InputError =>
    new InputError({ source, path, found, expected });
  if (port > 65_535) throw wrong('/listen', `${host}:${port}`, 'HOST:PORT, such as 127.0.0.1:8800');
  if (token !== undefined && !(token.length >= LEAST_TOKEN_CHARACTERS && HEADER.test(`Bearer ${token}`))) {
    const expected = `a token of ${LEAST_TOKEN_CHARACTERS} to 200 plain characters`;
    throw wrong('/tokenFile', `${token.length} characters`, expected);
  }
  if (isLoopback(host)) return;
  if (token === undefined)
    throw wrong('/tokenFile', `none, while others can look at ${host}`, 'a file with a bearer token');
  if (tls === undefined)
    throw wrong('/tls', `none, while others can look at ${host}`, 'certFile and keyFile');
}

/** Whether a request has shown the token; false where there is none. */
export function holdsToken(authorization: string | undefined, token: string | undefined): boolean {
  return token !== undefined && holdsBearer(authorization, token);
}

/**
 * Whether a browser's request was meant for this server: a page of somebody else's, whose name was made to point to this
 * machine, shows another name here.
 */
export function isOwnName(hostHeader: string | undefined, { host }: Access): boolean {
  if (!isLoopback(host)) return true;
  const name = (hostHeader ?? '').replace(/:\d+$/, '');
  return isLoopback(name) || name === host;
}
