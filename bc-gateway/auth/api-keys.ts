/**
 * M6 · API keys: each stands for one ledger identity. Only SHA-256 hashes are kept; the key itself is shown
 * once, when it is made. A key file is read again when it changes, so keys are added and revoked while the
 * gateway runs.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { renameSync, statSync, writeFileSync } from 'node:fs';
import { readConfig } from '@fieldbid/core/config';
import { sha256Hex } from '@fieldbid/core/digest';
import { codeOf, InputError, messageOf } from '@fieldbid/core/errors';
import { Role } from '@fieldbid/core/gateway-api/schemas';
import type { Logger } from '@fieldbid/core/logging';
import { Id, Sha256 } from '@fieldbid/core/market/messages';
import Type, { type Static } from 'typebox';

const closed = { additionalProperties: false } as const;

export const ApiKeyEntry = Type.Object(
  {
    name: Id,
    /** SHA-256 of the key. */
    sha256: Sha256,
    role: Role,
    mspId: Type.String({ pattern: '^[A-Za-z][A-Za-z0-9-]{0,63}$' }),
    /** Of a `dera`: the aggregator that it acts for. */
    deraId: Type.Optional(Id),
    revoked: Type.Optional(Type.Boolean()),
  },
  closed,
);
export type ApiKeyEntry = Static<typeof ApiKeyEntry>;

const KeyFile = Type.Object({ keys: Type.Array(ApiKeyEntry, { maxItems: 10_000 }) }, closed);

/** The organisation whose identities a role uses where nothing else is said. */
const MSP_OF: Record<Role, string> = {
  dera: 'DeraMSP',
  dso: 'DsoMSP',
  iso: 'IsoMSP',
  operator: 'OperatorMSP',
};

export interface NewApiKey {
  readonly name: string;
  readonly role: Role;
  readonly deraId?: string;
  readonly mspId?: string;
}

/** 256 random bits. @returns the key, to be told once, and its entry, to be kept. */
export function newApiKey({ name, role, deraId, mspId }: NewApiKey): { key: string; entry: ApiKeyEntry } {
  if ((role === 'dera') !== (deraId !== undefined)) {
    throw new InputError({
      source: `key ${name}`,
      path: '/deraId',
      found: deraId ?? 'no aggregator',
      expected: role === 'dera' ? 'the aggregator that the key acts for' : `none for the role ${role}`,
    });
  }
  const key = `fb_${randomBytes(32).toString('base64url')}`;
  const about = { name, sha256: sha256Hex(key), role, mspId: mspId ?? MSP_OF[role] };
  return { key, entry: deraId === undefined ? about : { ...about, deraId } };
}

export interface ApiKeys {
  /** The entry of a key; undefined when it is unknown or revoked. */
  authenticate(key: string): ApiKeyEntry | undefined;
}

/** Compares with every entry in the same time, whatever matches. */
function find(entries: readonly ApiKeyEntry[], key: string): ApiKeyEntry | undefined {
  const hash = Buffer.from(sha256Hex(key), 'hex');
  let found: ApiKeyEntry | undefined;
  for (const entry of entries) if (timingSafeEqual(Buffer.from(entry.sha256, 'hex'), hash)) found = entry;
  return found?.revoked === true ? undefined : found;
}

export function apiKeysOf(entries: readonly ApiKeyEntry[]): ApiKeys {
  return { authenticate: (key) => find(entries, key) };
}

/** Keys in a file. A file that becomes unreadable later keeps the keys read last, and is logged. */
export class ApiKeyFile implements ApiKeys {
  readonly #file: string;
  readonly #log: Logger;
  #entries: readonly ApiKeyEntry[];
  #version: string;

  /** @throws InputError when the file is missing or wrong. */
  constructor(file: string, log: Logger) {
    this.#file = file;
    this.#log = log;
    this.#version = versionOf(file);
    this.#entries = readApiKeys(file);
  }

  authenticate(key: string): ApiKeyEntry | undefined {
    this.#refresh();
    return find(this.#entries, key);
  }

  #refresh(): void {
    const version = versionOf(this.#file);
    if (version === this.#version) return;
    this.#version = version;
    try {
      this.#entries = readApiKeys(this.#file);
      this.#log.info({ keys: this.#entries.length }, 'the key file was read again');
    } catch (error) {
      this.#log.error({ code: codeOf(error) }, `the key file stays as it was: ${messageOf(error)}`);
    }
  }
}

/** @throws InputError naming the file and what is wrong. */
export function readApiKeys(file: string): ApiKeyEntry[] {
  const { keys } = readConfig(KeyFile, file);
  for (const [i, { name, role, deraId }] of keys.entries()) {
    const twice = keys.findIndex((other) => other.name === name) !== i;
    if (!twice && (role === 'dera') === (deraId !== undefined)) continue;
    throw new InputError({
      source: file,
      path: `/keys/${i}`,
      found: twice
        ? `the name ${name} twice`
        : `role ${role} ${deraId === undefined ? 'without' : 'with'} deraId`,
      expected: twice ? 'each name once' : 'a deraId for dera and for no other role',
    });
  }
  return keys;
}

/** Replaces the file as a whole; only its owner reads it. */
export function writeApiKeys(file: string, keys: readonly ApiKeyEntry[]): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600 });
    renameSync(temporary, file);
  } catch (error) {
    const found = `it cannot be written (${codeOf(error)})`;
    throw new InputError({ source: file, path: '', found, expected: 'a writable place' }, { cause: error });
  }
}

function versionOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? 'absent' : `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
}
