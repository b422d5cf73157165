/**
 * M6 · API keys: each stands for one ledger identity and for some of what its role may do. Only SHA-256 hashes are kept;
 * the key itself is shown once, when it is made.
 */
import { randomBytes } from 'node:crypto';
import { sha256Hex } from '@fieldbid/core/digest';
import { describeFound, InputError } from '@fieldbid/core/errors';
import { Role } from '@fieldbid/core/gateway-api/schemas';
import { Id, Instant_ms, Sha256 } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import Type, { type Static } from 'typebox';
import { requireScopesOf, Scope } from './scopes.ts';

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
    /** What it may do of what its role may; absent: all of it. */
    scopes: Type.Optional(Type.Array(Scope, { minItems: 1, uniqueItems: true })),
    /** Real time from which it is worth nothing, epoch ms. */
    expiresAt_ms: Type.Optional(Instant_ms),
    /** The key before the last rotation, good until its clients have the new one. */
    previous: Type.Optional(Type.Object({ sha256: Sha256, until_ms: Instant_ms }, closed)),
    revoked: Type.Optional(Type.Boolean()),
  },
  closed,
);
export type ApiKeyEntry = Static<typeof ApiKeyEntry>;

/** Port: where entries are kept. */
export interface ApiKeyStore {
  /** By name. */
  all(): Promise<ApiKeyEntry[]>;
  /** The entry whose present or previous key has this hash, whatever its state. */
  withHash(sha256: string): Promise<ApiKeyEntry | undefined>;
  /** Adds an entry, or replaces the one of its name. */
  save(entry: ApiKeyEntry): Promise<void>;
}

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
  readonly scopes?: readonly Scope[];
  readonly expiresAt_ms?: number;
}

/** 256 random bits. @returns the key, to be told once, and its entry, to be kept. @throws InputError. */
export function newApiKey(wanted: NewApiKey): { key: string; entry: ApiKeyEntry } {
  const { name, role, deraId, mspId, scopes, expiresAt_ms } = wanted;
  const key = newKey();
  const about = { name, sha256: sha256Hex(key), role, mspId: mspId ?? MSP_OF[role] };
  const entry = parseEntry(
    {
      ...about,
      ...(deraId === undefined ? {} : { deraId }),
      ...(scopes === undefined ? {} : { scopes: [...scopes] }),
      ...(expiresAt_ms === undefined ? {} : { expiresAt_ms }),
    },
    `key ${name}`,
  );
  return { key, entry };
}

/** A new key for the same entry; the old one stays good for a while. @returns as `newApiKey`. */
export function rotated(entry: ApiKeyEntry, until_ms: number): { key: string; entry: ApiKeyEntry } {
  const key = newKey();
  return {
    key,
    entry: { ...entry, sha256: sha256Hex(key), previous: { sha256: entry.sha256, until_ms } },
  };
}

function newKey(): string {
  return `fb_${randomBytes(32).toString('base64url')}`;
}

/** @param now_ms real time, epoch ms. @returns the entry of a key that counts; undefined for any other. */
export async function authenticate(
  store: ApiKeyStore,
  key: string,
  now_ms: number,
): Promise<ApiKeyEntry | undefined> {
  // Looked up by its hash: how long that takes says nothing of a key that is not known.
  const sha256 = sha256Hex(key);
  const entry = await store.withHash(sha256);
  return entry !== undefined && counts(entry, sha256, now_ms) ? entry : undefined;
}

function counts(
  { sha256, previous, revoked, expiresAt_ms }: ApiKeyEntry,
  presented: string,
  now_ms: number,
): boolean {
  if (revoked === true || (expiresAt_ms !== undefined && expiresAt_ms <= now_ms)) return false;
  return presented === sha256 || (presented === previous?.sha256 && previous.until_ms > now_ms);
}

/** In words, for lists. */
export function stateOf({ revoked, expiresAt_ms, previous }: ApiKeyEntry, now_ms: number): string {
  if (revoked === true) return 'revoked';
  if (expiresAt_ms !== undefined && expiresAt_ms <= now_ms) return 'expired';
  if (previous === undefined || previous.until_ms <= now_ms) return 'valid';
  return `valid; the key before until ${new Date(previous.until_ms).toISOString()}`;
}

/** @throws InputError naming the entry and what is wrong with it. */
export function parseEntry(value: unknown, source: string): ApiKeyEntry {
  const entry = parse(ApiKeyEntry, value, source);
  const { role, deraId, scopes } = entry;
  if ((role === 'dera') !== (deraId !== undefined)) {
    throw new InputError({
      source,
      path: '/deraId',
      found: describeFound(deraId),
      expected: role === 'dera' ? 'the aggregator that the key acts for' : `none for the role ${role}`,
    });
  }
  if (scopes !== undefined) requireScopesOf(role, scopes, source);
  return entry;
}

/** In memory: for tests and benches, whose keys live as long as the process. */
export function apiKeysOf(entries: readonly ApiKeyEntry[]): ApiKeyStore {
  const kept = new Map(entries.map((entry) => [entry.name, entry]));
  return {
    all: async () => [...kept.values()],
    withHash: async (sha256) =>
      [...kept.values()].find((entry) => entry.sha256 === sha256 || entry.previous?.sha256 === sha256),
    save: async (entry) => void kept.set(entry.name, entry),
  };
}
