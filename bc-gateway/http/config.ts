/** How the gateway listens. Times and rates are real, not market time. */
import { InputError } from '@fieldbid/core/errors';
import { isLoopback } from '@fieldbid/core/loopback';
import Type, { type Static } from 'typebox';

const closed = { additionalProperties: false } as const;

export const HttpConfig = Type.Object(
  {
    listen: Type.Object(
      {
        host: Type.String({ default: '127.0.0.1' }),
        /** 0 takes a free one. */
        port: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080 }),
      },
      { ...closed, default: {} },
    ),
    /** PEM files; with `caFile` clients need a certificate of that CA as well as their key. */
    tls: Type.Optional(
      Type.Object(
        { certFile: Type.String(), keyFile: Type.String(), caFile: Type.Optional(Type.String()) },
        closed,
      ),
    ),
    /** Listen on more than loopback without TLS: keys and prices then cross the network in clear. */
    allowInsecure: Type.Boolean({ default: false }),
    bodyLimit_bytes: Type.Integer({ minimum: 1024, maximum: 64 * 1024 * 1024, default: 8 * 1024 * 1024 }),
    /** Per key. */
    rateLimit: Type.Object(
      {
        perSecond: Type.Number({ exclusiveMinimum: 0, maximum: 1e6, default: 500 }),
        burst: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 2000 }),
      },
      { ...closed, default: {} },
    ),
    /** Event streams that one key may hold open. */
    streamsPerKey: Type.Integer({ minimum: 1, maximum: 1000, default: 16 }),
    /** A comment on idle event streams, so that both sides notice a dead connection, real ms. */
    heartbeat_ms: Type.Integer({ minimum: 10, maximum: 40_000, default: 15_000 }),
  },
  closed,
);
export type HttpConfig = Static<typeof HttpConfig>;

/** @throws InputError when keys would cross a network in clear. */
export function requireSafeListener({ listen, tls, allowInsecure }: HttpConfig): void {
  if (tls !== undefined || allowInsecure || isLoopback(listen.host)) return;
  throw new InputError({
    source: 'gateway config',
    path: '/listen/host',
    found: `${listen.host} without TLS`,
    expected: 'a loopback address, a tls section, or allowInsecure: true (API keys then travel in clear)',
  });
}
