/** `fieldbid gateway key …`: adds, lists, rotates and revokes API keys, also while gateways run. */
import { describeFound, InputError } from '@fieldbid/core/errors';
import {
  type ApiKeyEntry,
  type ApiKeyStore,
  type NewApiKey,
  newApiKey,
  rotated,
  stateOf,
} from '../auth/api-keys.ts';
import { scopesOf } from '../auth/scopes.ts';

/** @returns the key: nobody can show it again. @throws InputError for a name that is taken. */
export async function addKey(store: ApiKeyStore, wanted: NewApiKey): Promise<string> {
  if ((await store.all()).some(({ name }) => name === wanted.name)) {
    throw new InputError({
      source: '--name',
      path: '',
      found: `${wanted.name}, a key that there is already`,
      expected: 'a new name (gateway key rotate gives the same one a new secret)',
    });
  }
  const { key, entry } = newApiKey(wanted);
  await store.save(entry);
  return key;
}

/**
 * The old key stays good for `grace_ms`, for clients that have not got the new one yet.
 * @returns the new key: nobody can show it again. @throws InputError for an unknown or revoked name.
 */
export async function rotateKey(
  store: ApiKeyStore,
  name: string,
  grace_ms: number,
  now_ms: number,
): Promise<string> {
  const { key, entry } = rotated(await named(store, name), now_ms + grace_ms);
  await store.save(entry);
  return key;
}

/** From the next request on it is answered with 401. @throws InputError for an unknown name. */
export async function revokeKey(store: ApiKeyStore, name: string): Promise<void> {
  const { previous: _, ...entry } = await named(store, name);
  await store.save({ ...entry, revoked: true });
}

/** One line per key, without its hash. */
export async function describeKeys(store: ApiKeyStore, now_ms: number): Promise<string> {
  const rows = (await store.all()).map((entry) => {
    const { name, role, mspId, deraId = '-', scopes, expiresAt_ms } = entry;
    const may = (scopes ?? scopesOf(role)).join(' ');
    const until = expiresAt_ms === undefined ? 'always' : new Date(expiresAt_ms).toISOString();
    return [name, role, mspId, deraId, may, until, stateOf(entry, now_ms)].join('\t');
  });
  const head = ['name', 'role', 'organisation', 'aggregator', 'scopes', 'good until', 'state'].join('\t');
  return [head, ...rows].join('\n');
}

async function named(store: ApiKeyStore, name: string): Promise<ApiKeyEntry> {
  const keys = await store.all();
  const entry = keys.find((key) => key.name === name);
  if (entry !== undefined && entry.revoked !== true) return entry;
  const valid = keys.filter(({ revoked }) => revoked !== true).map((key) => key.name);
  throw new InputError({
    source: '--name',
    path: '',
    found: `${describeFound(name)}${entry === undefined ? '' : ', which is revoked'}`,
    expected: `one of ${valid.join(', ') || 'the keys, of which there are none'}`,
  });
}
