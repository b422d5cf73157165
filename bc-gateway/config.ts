/** Config of `fieldbid gateway …`: one YAML file; paths in it are relative to it. */
import { join } from 'node:path';
import { besideFile, readConfig, readText } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import { MetricsConfig } from '@fieldbid/core/metrics/config';
import Type, { type Static } from 'typebox';
import { HttpConfig } from './http/config.ts';

const closed = { additionalProperties: false } as const;

export const GatewayServiceConfig = Type.Object(
  {
    ...HttpConfig.properties,
    /** Folder of the embedded ledger, its keys, and raw records. Back it up; guard it like the keys that it holds. */
    dataDir: Type.String({ minLength: 1 }),
    ledger: Type.Union(
      [
        Type.Object({ kind: Type.Literal('embedded') }, closed),
        /** A connection profile: fieldbid fabric up writes one, docs/how-to/fabric.md describes it. */
        Type.Object({ kind: Type.Literal('fabric'), profile: Type.String({ minLength: 1 }) }, closed),
      ],
      { default: { kind: 'embedded' } },
    ),
    /** Raw records, measurements and, on PostgreSQL, API keys. */
    store: Type.Union(
      [
        Type.Object({ kind: Type.Literal('sqlite') }, closed),
        Type.Object(
          {
            kind: Type.Literal('postgresql'),
            /** File with the URL, postgresql://USER:PASSWORD@HOST/DATABASE; or the environment variable that holds it. */
            urlFile: Type.Optional(Type.String({ minLength: 1 })),
            urlEnv: Type.String({ pattern: '^[A-Z][A-Z0-9_]*$', default: 'DATABASE_URL' }),
          },
          closed,
        ),
      ],
      { default: { kind: 'sqlite' } },
    ),
    /** Prometheus metrics over HTTP; nothing listens without it. */
    metrics: Type.Optional(MetricsConfig),
    /** Measurements older than this are forgotten; absent: never. */
    keepMeasurements_days: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 36_500 })),
    /** `power`: answered means on the disk. `process`: faster; a power cut may lose the last commits. */
    durability: Type.Enum(['power', 'process'], { default: 'power' }),
    /** Hashes of API keys, with SQLite; written by `fieldbid gateway key add`. PostgreSQL keeps them itself. */
    keysFile: Type.Optional(Type.String({ minLength: 1 })),
  },
  closed,
);
export type GatewayServiceConfig = Static<typeof GatewayServiceConfig>;

export interface GatewayFiles {
  readonly http: HttpConfig;
  readonly durability: GatewayServiceConfig['durability'];
  readonly metrics: MetricsConfig | undefined;
  readonly keepMeasurements_days: number | undefined;
  readonly ledger:
    | { readonly kind: 'embedded'; readonly dir: string }
    | { readonly kind: 'fabric'; readonly profile: string };
  readonly store:
    | { readonly kind: 'sqlite'; readonly file: string; readonly keysFile: string }
    | { readonly kind: 'postgresql'; readonly url: string };
}

/** @throws InputError naming file, line and path. */
export function readGatewayConfig(file: string): GatewayFiles {
  const config = readConfig(GatewayServiceConfig, file);
  const {
    dataDir,
    keysFile: _,
    durability,
    ledger,
    store: __,
    keepMeasurements_days,
    metrics,
    tls,
    ...http
  } = config;
  const dir = besideFile(file, dataDir);
  const pems = tls === undefined ? {} : { tls: tlsBeside(file, tls) };
  return {
    http: { ...http, ...pems },
    durability,
    metrics,
    keepMeasurements_days,
    ledger:
      ledger.kind === 'fabric'
        ? { kind: 'fabric', profile: besideFile(file, ledger.profile) }
        : { kind: 'embedded', dir: join(dir, 'ledger') },
    store: storeOf(config, dir, file),
  };
}

function storeOf(
  { store, keysFile }: GatewayServiceConfig,
  dir: string,
  file: string,
): GatewayFiles['store'] {
  const fault = (path: string, found: string, expected: string): InputError =>
    new InputError({ source: file, path, found, expected });
  if (store.kind === 'sqlite') {
    if (keysFile === undefined) throw fault('/keysFile', 'nothing', 'a file for the hashes of API keys');
    return { kind: 'sqlite', file: join(dir, 'raw-records.sqlite'), keysFile: besideFile(file, keysFile) };
  }
  if (keysFile !== undefined) throw fault('/keysFile', keysFile, 'none: the database keeps the API keys');
  const { urlFile, urlEnv } = store;
  const url = (urlFile === undefined ? process.env[urlEnv] : readText(besideFile(file, urlFile)))?.trim();
  if (url !== undefined && url !== '') return { kind: 'postgresql', url };
  const where = urlFile === undefined ? `the environment variable ${urlEnv}` : urlFile;
  throw fault('/store', `nothing in ${where}`, 'postgresql://USER:PASSWORD@HOST:PORT/DATABASE');
}

function tlsBeside(file: string, tls: NonNullable<HttpConfig['tls']>): NonNullable<HttpConfig['tls']> {
  const pair = { certFile: besideFile(file, tls.certFile), keyFile: besideFile(file, tls.keyFile) };
  return tls.caFile === undefined ? pair : { ...pair, caFile: besideFile(file, tls.caFile) };
}
