/** What a bench network is like, as a YAML file; everything has a default. Fixed by the first `up` of a folder. */
import { readConfig } from '@fieldbid/core/config';
import { InputError } from '@fieldbid/core/errors';
import { parse } from '@fieldbid/core/schema';
import Type, { type Static } from 'typebox';

const closed = { additionalProperties: false } as const;
const MspId = Type.String({ pattern: '^[A-Za-z][A-Za-z0-9-]{0,40}MSP$' });
const Name = Type.String({ pattern: '^[a-z][a-z0-9-]{0,40}$' });

export const NetworkSettings = Type.Object(
  {
    channel: Type.String({ pattern: '^[a-z][a-z0-9.-]{0,40}$', default: 'der-market' }),
    /** Name of the contract on the channel. */
    contract: Type.String({ ...Name, default: 'der-market' }),
    /** Label of the contract's package: its version. */
    label: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9+._-]{0,60}$', default: 'der-market_1.0' }),
    /** Members of the channel; those with a peer have a contract service too. */
    organisations: Type.Array(Type.Object({ mspId: MspId, peer: Type.Boolean({ default: true }) }, closed), {
      minItems: 1,
      maxItems: 8,
      default: [
        { mspId: 'DeraMSP', peer: true },
        { mspId: 'DsoMSP', peer: true },
        { mspId: 'IsoMSP', peer: false },
        { mspId: 'OperatorMSP', peer: false },
      ],
    }),
    /** Endorsement policy of the contract, in Fabric's own language. */
    policy: Type.String({ minLength: 1, maxLength: 500, default: "AND('DeraMSP.peer','DsoMSP.peer')" }),
    /** First of the ports on loopback; each organisation takes ten. */
    basePort: Type.Integer({ minimum: 1024, maximum: 65_000, default: 17_000 }),
    batch: Type.Object(
      {
        /** Longest wait of the orderer for a block to fill, ms. */
        timeout_ms: Type.Integer({ minimum: 10, maximum: 60_000, default: 200 }),
        /** Transactions of a block. */
        messages: Type.Integer({ minimum: 1, maximum: 10_000, default: 500 }),
      },
      { ...closed, default: {} },
    ),
    stateDatabase: Type.Union(
      [
        Type.Object({ kind: Type.Literal('goleveldb') }, closed),
        Type.Object(
          {
            kind: Type.Literal('couchdb'),
            /** host:port of each peer's own CouchDB, by organisation. */
            addresses: Type.Record(MspId, Type.String({ pattern: '^[^\\s/]+:\\d{1,5}$' })),
            username: Type.String({ minLength: 1 }),
            /** Environment variable that holds the password when the network is started. */
            passwordEnv: Type.String({ pattern: '^[A-Z][A-Z0-9_]*$', default: 'COUCHDB_PASSWORD' }),
          },
          closed,
        ),
      ],
      { default: { kind: 'goleveldb' } },
    ),
  },
  closed,
);
export type NetworkSettings = Static<typeof NetworkSettings>;

/** @param file YAML; undefined: all defaults. @throws InputError naming file, line and path. */
export function readSettings(file: string | undefined): NetworkSettings {
  const source = file ?? 'network settings';
  const settings =
    file === undefined ? parse(NetworkSettings, {}, source) : readConfig(NetworkSettings, file);
  const peers = settings.organisations.filter(({ peer }) => peer).map(({ mspId }) => mspId);
  const fault = (path: string, found: string, expected: string): InputError =>
    new InputError({ source, path, found, expected });
  const twice = settings.organisations.findIndex(
    ({ mspId }, i) => settings.organisations.findIndex((other) => other.mspId === mspId) !== i,
  );
  if (twice >= 0) throw fault(`/organisations/${twice}/mspId`, 'an organisation twice', 'each once');
  if (peers.length === 0) throw fault('/organisations', 'no peer', 'at least one organisation with a peer');
  const { stateDatabase } = settings;
  if (stateDatabase.kind === 'couchdb') {
    const without = peers.find((mspId) => stateDatabase.addresses[mspId] === undefined);
    if (without !== undefined) {
      throw fault(
        '/stateDatabase/addresses',
        `none of ${without}`,
        'a CouchDB for each organisation with a peer',
      );
    }
  }
  return settings;
}
