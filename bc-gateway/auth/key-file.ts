/**
 * API keys in a file, for a gateway with SQLite. It is read again when it changes, so keys are added, rotated and
 * revoked while the gateway runs.
 */
import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { readConfig } from '@fieldbid/core/config';
import { codeOf, InputError, messageOf } from '@fieldbid/core/errors';
import type { Logger } from '@fieldbid/core/logging';
import Type from 'typebox';
import { ApiKeyEntry, type ApiKeyStore, parseEntry } from './api-keys.ts';

const KeyFile = Type.Object(
  { keys: Type.Array(ApiKeyEntry, { maxItems: 10_000 }) },
  { additionalProperties: false },
);

/** A file that becomes unreadable later keeps the keys read last, and is logged. */
export class ApiKeyFile implements ApiKeyStore {
  readonly #file: string;
  readonly #log: Logger | undefined;
  #entries: readonly ApiKeyEntry[];
  #version: string;

  private constructor(file: string, log: Logger | undefined) {
    this.#file = file;
    this.#log = log;
    this.#version = versionOf(file);
    this.#entries = existsSync(file) ? readKeyFile(file) : [];
  }

  /** For a gateway. @throws InputError when the file is missing or wrong. */
  static open(file: string, log: Logger): ApiKeyFile {
    readKeyFile(file);
    return new ApiKeyFile(file, log);
  }

  /** For commands that add the first key. @throws InputError when a file that is there is wrong. */
  static openOrNew(file: string): ApiKeyFile {
    return new ApiKeyFile(file, undefined);
  }

  async all(): Promise<ApiKeyEntry[]> {
    this.#refresh();
    return [...this.#entries];
  }

  async withHash(sha256: string): Promise<ApiKeyEntry | undefined> {
    this.#refresh();
    return this.#entries.find((entry) => entry.sha256 === sha256 || entry.previous?.sha256 === sha256);
  }

  async save(entry: ApiKeyEntry): Promise<void> {
    this.#refresh();
    const others = this.#entries.filter(({ name }) => name !== entry.name);
    const entries = [...others, entry].sort((a, b) => (a.name < b.name ? -1 : 1));
    writeKeyFile(this.#file, entries);
    this.#entries = entries;
    this.#version = versionOf(this.#file);
  }

  #refresh(): void {
    const version = versionOf(this.#file);
    if (version === this.#version) return;
    this.#version = version;
    try {
      this.#entries = readKeyFile(this.#file);
      this.#log?.info({ keys: this.#entries.length }, 'the key file was read again');
    } catch (error) {
      if (this.#log === undefined) throw error;
      this.#log.error({ code: codeOf(error) }, `the key file stays as it was: ${messageOf(error)}`);
    }
  }
}

/** @throws InputError naming the file and what is wrong. */
function readKeyFile(file: string): ApiKeyEntry[] {
  const { keys } = readConfig(KeyFile, file);
  for (const [i, entry] of keys.entries()) {
    parseEntry(entry, `${file} at /keys/${i}`);
    if (keys.findIndex(({ name }) => name === entry.name) === i) continue;
    throw new InputError({
      source: file,
      path: `/keys/${i}`,
      found: `the name ${entry.name} twice`,
      expected: 'each name once',
    });
  }
  return keys;
}

/** Replaces the file as a whole; only its owner reads it. */
function writeKeyFile(file: string, keys: readonly ApiKeyEntry[]): void {
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
