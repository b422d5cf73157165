/**
 * The device key in a file: P-256, PKCS #8 PEM, its owner's alone. Made on first use; replaced as a whole by a
 * rotation, which a running agent follows. A TPM or secure element can take its place behind the same `Signer`.
 */
import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { codeOf, InputError } from '@fieldbid/core/errors';
import type { PublicKey, Signer } from '@fieldbid/core/signing';
import { newSecretKey, softwareSigner } from '@fieldbid/core/signing-key';

const OWNER_ONLY = 0o600;
/** Where a rotation keeps the key that is to come. */
const NEXT = '.next';

/**
 * The key of a file, made when there is none.
 * @throws InputError when others may read the file, when it is no key of P-256, or when it cannot be made.
 */
export function deviceKey(file: string): Signer {
  if (!existsSync(file)) makeKey(file);
  return readKey(file);
}

/** The key that a rotation is to bring in, made when there is none: a rotation that broke off goes on with it. */
export function nextKey(file: string): Signer {
  return deviceKey(file + NEXT);
}

/** Puts the next key in the place of the present one. */
export function adoptNextKey(file: string): void {
  renameSync(file + NEXT, file);
}

/**
 * The key as the file holds it now: read again when the file was replaced. A file that has become unusable keeps the
 * key read last, and `onFault` hears of it.
 * @throws InputError as `deviceKey`, at the first call.
 */
export function followKey(file: string, onFault: (error: unknown) => void): () => Signer {
  let signer = deviceKey(file);
  let version = versionOf(file);
  return () => {
    const now = versionOf(file);
    if (now === version) return signer;
    version = now;
    try {
      signer = readKey(file);
    } catch (error) {
      onFault(error);
    }
    return signer;
  };
}

/**
 * A public key from a file: PEM, JWK, or the private key's own file.
 * @throws InputError naming the file and what was found.
 */
export function readPublicKey(file: string): PublicKey {
  const text = readText(file).trim();
  const fault = (found: string): InputError =>
    new InputError({ source: file, path: '', found, expected: 'a key of P-256, as PEM or JWK' });
  let key: KeyObject;
  try {
    key = createPublicKey(
      text.startsWith('{') ? { key: JSON.parse(text) as JsonWebKey, format: 'jwk' } : text,
    );
  } catch (error) {
    throw fault(`no key (${codeOf(error)})`);
  }
  const { kty, crv, x, y } = key.export({ format: 'jwk' });
  if (kty !== 'EC' || crv !== 'P-256' || x === undefined || y === undefined)
    throw fault(`a key of ${crv ?? kty}`);
  return { kty, crv, x, y };
}

/** Whole or not at all, and never over a key that is there. */
function makeKey(file: string): void {
  const secret = newSecretKey();
  const { publicKey } = softwareSigner(secret);
  const d = Buffer.from(secret).toString('base64url');
  const key = createPrivateKey({ key: { ...publicKey, d }, format: 'jwk' });
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const fd = openSync(temporary, 'wx', OWNER_ONLY);
    try {
      writeSync(fd, key.export({ type: 'pkcs8', format: 'pem' }) as string);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    linkSync(temporary, file);
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && existsSync(file)) return; // another process was faster: its key counts
    const found = `no key, and none can be made (${codeOf(error)})`;
    throw new InputError({ source: file, path: '', found, expected: 'a writable folder' }, { cause: error });
  } finally {
    rmSync(temporary, { force: true });
  }
}

function readKey(file: string): Signer {
  const stat = statOf(file);
  if (stat !== undefined && (stat.mode & 0o077) !== 0) {
    throw new InputError({
      source: file,
      path: '',
      found: `a private key that others may read (mode ${(stat.mode & 0o777).toString(8)})`,
      expected: `mode 600 (chmod 600 ${file}; if somebody may have read it, rotate it)`,
    });
  }
  const fault = (found: string): InputError =>
    new InputError({ source: file, path: '', found, expected: 'a private key of P-256, PKCS #8 PEM' });
  let jwk: JsonWebKey;
  try {
    jwk = createPrivateKey(readText(file)).export({ format: 'jwk' });
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw fault(`no private key (${codeOf(error)})`);
  }
  if (jwk.kty !== 'EC' || jwk.crv !== 'P-256' || jwk.d === undefined)
    throw fault(`a key of ${jwk.crv ?? jwk.kty}`);
  return softwareSigner(Buffer.from(jwk.d, 'base64url'));
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const found = `no readable file (${codeOf(error)})`;
    throw new InputError({ source: file, path: '', found, expected: 'a key file' }, { cause: error });
  }
}

function statOf(file: string): Stats | undefined {
  return statSync(file, { throwIfNoEntry: false });
}

function versionOf(file: string): string {
  const stat = statOf(file);
  return stat === undefined ? 'absent' : `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
}
