/**
 * How a gateway reaches a Fabric network, of any making: channel, contract, peers by organisation, and the identities
 * to sign with. A file in YAML or JSON; paths in it are relative to it. `fieldbid fabric up` writes one for its network.
 */
import { besideFile, readConfig } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import Type, { type Static } from 'typebox';

const closed = { additionalProperties: false } as const;
const MspId = Type.String({ pattern: '^[A-Za-z][A-Za-z0-9-]{0,63}$' });
const Address = Type.String({ pattern: '^[^\\s/]+:\\d{1,5}$' });
const File = Type.String({ minLength: 1 });

export const ConnectionProfile = Type.Object(
  {
    channel: Type.String({ minLength: 1 }),
    /** Name of the contract on the channel. */
    contract: Type.String({ minLength: 1 }),
    /** Of each organisation whose peer this gateway may use, one peer. The first one's events are followed. */
    peers: Type.Array(
      Type.Object(
        {
          mspId: MspId,
          /** host:port of the peer's gRPC endpoint; TLS always. */
          address: Address,
          /** Root of the peer's TLS certificate, PEM. */
          tlsCaFile: File,
          /** Name in that certificate, where it is another than the host of the address. */
          tlsServerName: Type.Optional(Type.String({ minLength: 1 })),
          /** Its operations endpoint, for metrics. */
          operationsUrl: Type.Optional(Type.String({ pattern: '^https?://' })),
        },
        closed,
      ),
      { minItems: 1, maxItems: 32 },
    ),
    /** Each organisation's CA certificate, PEM: whose signatures on the channel count when it is verified. */
    organisations: Type.Array(Type.Object({ mspId: MspId, caFile: File }, closed), {
      minItems: 1,
      maxItems: 32,
    }),
    /** Organisations that all endorse each transaction, where the channel's policy says so: verified, when given. */
    endorsers: Type.Optional(Type.Array(MspId, { maxItems: 32 })),
    /**
     * Folder of identities: NAME.crt and NAME.key in PEM (certificate with the role attributes, PKCS #8 key), and
     * NAME's organisation as the folder between: WALLET/DeraMSP/north.crt.
     */
    wallet: File,
    /** Keys of organisations' CAs: identities are then made when first needed. For benches only. */
    benchCas: Type.Optional(
      Type.Array(Type.Object({ mspId: MspId, keyFile: File }, closed), { maxItems: 32 }),
    ),
    /** Operations endpoint of an orderer, for metrics. */
    ordererOperationsUrl: Type.Optional(Type.String({ pattern: '^https?://' })),
  },
  closed,
);
export type ConnectionProfile = Static<typeof ConnectionProfile>;

/** Paths as they are to be opened. @throws InputError naming file, line and path. */
export function readConnectionProfile(file: string): ConnectionProfile {
  const profile = readConfig(ConnectionProfile, file);
  const known = new Set(profile.organisations.map(({ mspId }) => mspId));
  const strangers = [
    ...profile.peers.map(({ mspId }, i) => ({ mspId, path: `/peers/${i}/mspId` })),
    ...(profile.benchCas ?? []).map(({ mspId }, i) => ({ mspId, path: `/benchCas/${i}/mspId` })),
  ].find(({ mspId }) => !known.has(mspId));
  if (strangers !== undefined) {
    const expected = `one of /organisations: ${[...known].join(', ')}`;
    throw new InputError({ source: file, path: strangers.path, found: strangers.mspId, expected });
  }
  const beside = (path: string): string => besideFile(file, path);
  return {
    ...profile,
    wallet: beside(profile.wallet),
    peers: profile.peers.map((peer) => ({ ...peer, tlsCaFile: beside(peer.tlsCaFile) })),
    organisations: profile.organisations.map((one) => ({ ...one, caFile: beside(one.caFile) })),
    ...(profile.benchCas === undefined
      ? {}
      : { benchCas: profile.benchCas.map((ca) => ({ ...ca, keyFile: beside(ca.keyFile) })) }),
  };
}
