/** Config of `fieldbid gateway …`: one YAML file; paths in it are relative to it. */
import { join } from 'node:path';
import { besideFile, readConfig } from '@fieldbid/core/config';
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
    /** `power`: answered means on the disk. `process`: faster; a power cut may lose the last commits. */
    durability: Type.Enum(['power', 'process'], { default: 'power' }),
    /** Hashes of API keys; written by `fieldbid gateway key add`. */
    keysFile: Type.String({ minLength: 1 }),
  },
  closed,
);
export type GatewayServiceConfig = Static<typeof GatewayServiceConfig>;

export interface GatewayFiles {
  readonly http: HttpConfig;
  readonly durability: GatewayServiceConfig['durability'];
  readonly ledger:
    | { readonly kind: 'embedded'; readonly dir: string }
    | { readonly kind: 'fabric'; readonly profile: string };
  readonly rawFile: string;
  readonly keysFile: string;
}

/** @throws InputError naming file, line and path. */
export function readGatewayConfig(file: string): GatewayFiles {
  const { dataDir, keysFile, durability, ledger, tls, ...http } = readConfig(GatewayServiceConfig, file);
  const dir = besideFile(file, dataDir);
  const pems = tls === undefined ? {} : { tls: tlsBeside(file, tls) };
  return {
    http: { ...http, ...pems },
    durability,
    ledger:
      ledger.kind === 'fabric'
        ? { kind: 'fabric', profile: besideFile(file, ledger.profile) }
        : { kind: 'embedded', dir: join(dir, 'ledger') },
    rawFile: join(dir, 'raw-records.sqlite'),
    keysFile: besideFile(file, keysFile),
  };
}

function tlsBeside(file: string, tls: NonNullable<HttpConfig['tls']>): NonNullable<HttpConfig['tls']> {
  const pair = { certFile: besideFile(file, tls.certFile), keyFile: besideFile(file, tls.keyFile) };
  return tls.caFile === undefined ? pair : { ...pair, caFile: besideFile(file, tls.caFile) };
}
