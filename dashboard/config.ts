/** Config of `fieldbid dashboard run`; paths in it are relative to it. */
import { besideFile, readText } from '@fieldbid/core/config';
import { listenAddress } from '@fieldbid/core/http/listen';
import { BrokerConfig, GatewayConfig } from '@fieldbid/core/service-config';
import { ClockConfig } from '@fieldbid/core/time/bus-clock';
import Type, { type Static } from 'typebox';
import type { Access } from './http/access.ts';

const closed = { additionalProperties: false } as const;

export const DashboardConfig = Type.Object(
  {
    /** HOST:PORT; port 0 picks a free one. Beyond loopback `tokenFile` and `tls` are needed. */
    listen: Type.String({ default: '127.0.0.1:8800', pattern: '^.+:\\d{1,5}$' }),
    /** File with the operator's token: for looking from other machines. */
    tokenFile: Type.Optional(Type.String()),
    /** PEM files. */
    tls: Type.Optional(Type.Object({ certFile: Type.String(), keyFile: Type.String() }, closed)),
    broker: BrokerConfig,
    /** With an operator's key. Absent: no bids, no records. */
    gateway: Type.Optional(GatewayConfig),
    clock: ClockConfig,
  },
  closed,
);
export type DashboardConfig = Static<typeof DashboardConfig>;

/** Where to listen, token and certificate. @throws InputError for a file that cannot be read. */
export function accessOf({ listen, tokenFile, tls }: DashboardConfig, configFile: string): Access {
  const text = (path: string): string => readText(besideFile(configFile, path));
  return {
    ...listenAddress(listen),
    ...(tokenFile === undefined ? {} : { token: text(tokenFile).trim() }),
    ...(tls === undefined ? {} : { tls: { cert: text(tls.certFile), key: text(tls.keyFile) } }),
  };
}
