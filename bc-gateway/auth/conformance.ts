/** The suite of every place where API keys are kept: `keyStoreConformance(test, 'name', open)`. */
import { codeOf } from '@fieldbid/core/errors';
import type { ExecutionContext, TestFn } from 'ava';
import { addKey, describeKeys, revokeKey, rotateKey } from '../commands/keys.ts';
import { type ApiKeyStore, authenticate } from './api-keys.ts';

export interface KeysUnderTest {
  readonly keys: ApiKeyStore;
  close(): Promise<void>;
}

const NOW = Date.UTC(2026, 5, 21);
const HOUR_MS = 3_600_000;

export function keyStoreConformance(test: TestFn, name: string, open: () => Promise<KeysUnderTest>): void {
  const withKeys = (title: string, run: (t: ExecutionContext, keys: ApiKeyStore) => Promise<void>): void =>
    test(`${name}: ${title}`, async (t) => {
      const { keys, close } = await open();
      try {
        await run(t, keys);
      } finally {
        await close();
      }
    });
  const whose = async (keys: ApiKeyStore, key: string, now_ms = NOW): Promise<string | undefined> =>
    (await authenticate(keys, key, now_ms))?.name;

  withKeys('a key that was made is known by what it was made with; another is not', async (t, keys) => {
    const north = await addKey(keys, {
      name: 'north',
      role: 'dera',
      deraId: 'north',
      scopes: ['read', 'submit'],
    });
    const dso = await addKey(keys, { name: 'dso', role: 'dso' });
    t.like(await authenticate(keys, north, NOW), {
      ...{ name: 'north', role: 'dera', mspId: 'DeraMSP', deraId: 'north', scopes: ['read', 'submit'] },
    });
    t.is(await whose(keys, dso), 'dso');
    t.is(await whose(keys, `${dso}x`), undefined);
    t.is(await whose(keys, ''), undefined);
    t.deepEqual(
      (await keys.all()).map((entry) => entry.name),
      ['dso', 'north'],
    );
    const shown = JSON.stringify(await keys.all()) + (await describeKeys(keys, NOW));
    for (const key of [north, dso]) t.false(shown.includes(key), 'only hashes are kept');
  });

  withKeys('a revoked key is worth nothing at once, and stays so', async (t, keys) => {
    const key = await addKey(keys, { name: 'dso', role: 'dso' });
    const next = await rotateKey(keys, 'dso', HOUR_MS, NOW);
    await revokeKey(keys, 'dso');
    t.is(await whose(keys, key), undefined);
    t.is(await whose(keys, next), undefined);
    t.is(codeOf(await t.throwsAsync(rotateKey(keys, 'dso', HOUR_MS, NOW))), 'INVALID_INPUT');
    t.is(codeOf(await t.throwsAsync(addKey(keys, { name: 'dso', role: 'dso' }))), 'INVALID_INPUT');
    t.regex(await describeKeys(keys, NOW), /dso\t.*\trevoked$/m);
  });

  withKeys('after a rotation both secrets count until the grace is over', async (t, keys) => {
    const old = await addKey(keys, { name: 'dso', role: 'dso' });
    const next = await rotateKey(keys, 'dso', HOUR_MS, NOW);
    t.is(await whose(keys, old, NOW + HOUR_MS - 1), 'dso');
    t.is(await whose(keys, old, NOW + HOUR_MS), undefined);
    t.is(await whose(keys, next, NOW + HOUR_MS), 'dso');
    const last = await rotateKey(keys, 'dso', 0, NOW);
    t.is(await whose(keys, next), undefined);
    t.is(await whose(keys, last), 'dso');
  });

  withKeys('a key counts until it expires', async (t, keys) => {
    const key = await addKey(keys, { name: 'dso', role: 'dso', expiresAt_ms: NOW });
    t.is(await whose(keys, key, NOW - 1), 'dso');
    t.is(await whose(keys, key, NOW), undefined);
    t.regex(await describeKeys(keys, NOW), /\texpired$/m);
  });

  withKeys('what cannot be is refused, and nothing is kept of it', async (t, keys) => {
    const cases: [Parameters<typeof addKey>[1], RegExp][] = [
      [
        { name: 'n', role: 'dera' },
        /at \/deraId: found nothing, expected the aggregator that the key acts for/,
      ],
      [{ name: 'n', role: 'dso', deraId: 'north' }, /expected none for the role dso/],
      [
        { name: 'n', role: 'iso', scopes: ['submit'] },
        /at \/scopes\/0: found submit, expected of the role iso: read, events/,
      ],
      [{ name: 'no name!', role: 'iso' }, /at \/name/],
    ];
    for (const [wanted, message] of cases) await t.throwsAsync(addKey(keys, wanted), { message });
    t.deepEqual(await keys.all(), []);
    await t.throwsAsync(revokeKey(keys, 'nobody'), { message: /one of the keys, of which there are none/ });
  });
}
