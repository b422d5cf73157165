import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@fieldbid/core/logging';
import test from 'ava';
import { addKey, revokeKey } from '../commands/keys.ts';
import { apiKeysOf, authenticate, newApiKey } from './api-keys.ts';
import { keyStoreConformance } from './conformance.ts';
import { ApiKeyFile } from './key-file.ts';

const fileName = (): string => join(mkdtempSync(join(tmpdir(), 'fieldbid-keys-')), 'keys.json');

keyStoreConformance(test, 'key file', async () => ({
  keys: ApiKeyFile.openOrNew(fileName()),
  close: async () => {},
}));
keyStoreConformance(test, 'memory', async () => {
  const kept = apiKeysOf([]);
  const all = async () => (await kept.all()).sort((a, b) => (a.name < b.name ? -1 : 1));
  return { keys: { ...kept, all }, close: async () => {} };
});

test('a running gateway takes over what the commands change; a file that becomes unreadable keeps the keys', async (t) => {
  const file = fileName();
  t.throws(() => ApiKeyFile.open(file, silentLogger()), { message: /keys\.json/ });
  const commands = ApiKeyFile.openOrNew(file);
  const first = await addKey(commands, { name: 'first', role: 'dso' });
  const running = ApiKeyFile.open(file, silentLogger());
  const whose = async (key: string) => (await authenticate(running, key, 0))?.name;
  t.is(await whose(first), 'first');
  const second = await addKey(commands, { name: 'second', role: 'dso' });
  t.is(await whose(second), 'second');
  await revokeKey(commands, 'first');
  t.is(await whose(first), undefined);
  t.is(statSync(file).mode & 0o777, 0o600);
  writeFileSync(file, 'no: keys');
  t.is(await whose(second), 'second');
  t.throws(() => ApiKeyFile.openOrNew(file), { message: /found the unknown key "no"/ });
});

test('a name twice in the file is named', (t) => {
  const file = fileName();
  const { entry } = newApiKey({ name: 'twice', role: 'iso' });
  writeFileSync(file, JSON.stringify({ keys: [entry, entry] }));
  t.throws(() => ApiKeyFile.openOrNew(file), { message: /at \/keys\/1: found the name twice twice/ });
});
