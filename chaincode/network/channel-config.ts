/**
 * Input of cryptogen and configtxgen: keys of the organisations, and the channel's first block. Written as JSON, which
 * is valid YAML.
 */
import { HOST, type Layout } from './layout.ts';

type Policy = { Type: string; Rule: string };
const signature = (Rule: string): Policy => ({ Type: 'Signature', Rule });
const implicit = (Rule: string): Policy => ({ Type: 'ImplicitMeta', Rule });

const READ_WRITE_ADMIN = {
  Readers: implicit('ANY Readers'),
  Writers: implicit('ANY Writers'),
  Admins: implicit('MAJORITY Admins'),
};

export const PROFILE = 'Market';

export function cryptogenConfig({ orderer, organisations }: Layout): unknown {
  const SANS = [HOST, 'localhost'];
  return {
    OrdererOrgs: [
      {
        Name: 'Orderer',
        Domain: orderer.domain,
        EnableNodeOUs: true,
        Specs: [{ Hostname: orderer.name, SANS }],
      },
    ],
    PeerOrgs: organisations.map(({ mspId, domain, peer }) => ({
      Name: mspId,
      Domain: domain,
      EnableNodeOUs: true,
      Specs: peer === undefined ? [] : ['peer0', 'service0'].map((Hostname) => ({ Hostname, SANS })),
      Users: { Count: 0 },
    })),
  };
}

export function channelConfig(layout: Layout): unknown {
  const { batch } = layout.settings;
  return {
    Profiles: {
      [PROFILE]: {
        Policies: READ_WRITE_ADMIN,
        Capabilities: { V2_0: true },
        Orderer: {
          OrdererType: 'etcdraft',
          BatchTimeout: `${batch.timeout_ms}ms`,
          // A batch of thousands of bids is a transaction of several MB.
          BatchSize: {
            MaxMessageCount: batch.messages,
            AbsoluteMaxBytes: '49 MB',
            PreferredMaxBytes: '8 MB',
          },
          EtcdRaft: etcdRaft(layout),
          Organizations: [ordererOrganisation(layout)],
          Policies: { ...READ_WRITE_ADMIN, BlockValidation: implicit('ANY Writers') },
          Capabilities: { V2_0: true },
        },
        Application: {
          Organizations: layout.organisations.map((organisation) => {
            const { mspId, domain, peer } = organisation;
            return {
              Name: mspId,
              ID: mspId,
              MSPDir: layout.crypto('peerOrganizations', domain, 'msp'),
              // Peers of different organisations find each other by these.
              ...(peer === undefined ? {} : { AnchorPeers: [{ Host: HOST, Port: peer.port }] }),
              Policies: {
                Readers: signature(`OR('${mspId}.admin','${mspId}.peer','${mspId}.client')`),
                Writers: signature(`OR('${mspId}.admin','${mspId}.client')`),
                Admins: signature(`OR('${mspId}.admin')`),
                Endorsement: signature(`OR('${mspId}.peer')`),
              },
            };
          }),
          Policies: {
            ...READ_WRITE_ADMIN,
            LifecycleEndorsement: signature(everyPeer(layout)),
            Endorsement: signature(everyPeer(layout)),
          },
          Capabilities: { V2_5: true },
        },
      },
    },
  };
}

/** All organisations that have a peer: one alone changes nothing. */
function everyPeer({ withPeers }: Layout): string {
  return `AND(${withPeers.map(({ mspId }) => `'${mspId}.peer'`).join(',')})`;
}

function etcdRaft(layout: Layout): unknown {
  const certificate = layout.ordererNode('tls', 'server.crt');
  return {
    Consenters: [
      { Host: HOST, Port: layout.orderer.port, ClientTLSCert: certificate, ServerTLSCert: certificate },
    ],
    Options: {
      TickInterval: '100ms',
      ElectionTick: 10,
      HeartbeatTick: 1,
      MaxInflightBlocks: 5,
      SnapshotIntervalSize: '16 MB',
    },
  };
}

function ordererOrganisation(layout: Layout): unknown {
  const { domain, port } = layout.orderer;
  return {
    Name: 'OrdererOrg',
    ID: 'OrdererMSP',
    MSPDir: layout.crypto('ordererOrganizations', domain, 'msp'),
    OrdererEndpoints: [`${HOST}:${port}`],
    Policies: {
      Readers: signature("OR('OrdererMSP.member')"),
      Writers: signature("OR('OrdererMSP.member')"),
      Admins: signature("OR('OrdererMSP.admin')"),
    },
  };
}
