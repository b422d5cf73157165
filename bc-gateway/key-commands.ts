/** `fieldbid gateway key …`: adds, lists and revokes API keys in the key file, also while the gateway runs. */
import { existsSync } from 'node:fs';
import { describeFound, InputError } from '@fieldbid/core/errors';
import { type ApiKeyEntry, type NewApiKey, newApiKey, readApiKeys, writeApiKeys } from './auth/api-keys.ts';

/** @returns the key: nobody can show it again. @throws InputError for a name that is taken. */
export function addKey(file: string, wanted: NewApiKey): string {
  const keys = existsSync(file) ? readApiKeys(file) : [];
  if (keys.some(({ name }) => name === wanted.name)) {
    throw new InputError({
      source: file,
      path: '/keys',
      found: `a key named ${wanted.name} already`,
      expected: 'a new name (for a rotation add the new key, move the client, revoke the old key)',
    });
  }
  const { key, entry } = newApiKey(wanted);
  writeApiKeys(file, [...keys, entry]);
  return key;
}

/** @throws InputError for an unknown name. */
export function revokeKey(file: string, name: string): void {
  const keys = readApiKeys(file);
  if (!keys.some((entry) => entry.name === name)) {
    throw new InputError({
      source: file,
      path: '/keys',
      found: describeFound(name),
      expected: `one of ${keys.map((entry) => entry.name).join(', ') || 'the keys, of which there are none'}`,
    });
  }
  writeApiKeys(
    file,
    keys.map((entry): ApiKeyEntry => (entry.name === name ? { ...entry, revoked: true } : entry)),
  );
}

/** One line per key, without its hash. */
export function describeKeys(file: string): string {
  const rows = readApiKeys(file).map(({ name, role, mspId, deraId, revoked }) =>
    [name, role, mspId, deraId ?? '-', revoked === true ? 'revoked' : 'valid'].join('\t'),
  );
  return [['name', 'role', 'organisation', 'aggregator', 'state'].join('\t'), ...rows].join('\n');
}
