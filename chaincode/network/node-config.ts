/** Configuration of the orderer and of a peer (orderer.yaml, core.yaml of Fabric 2.5), as JSON, which is valid YAML. */
import { HOST, type Layout, type OrganisationPlace, type PeerPlace } from './layout.ts';

const CRYPTO_PROVIDER = { Default: 'SW', SW: { Hash: 'SHA2', Security: 256 } };
const LARGEST_MESSAGE_BYTES = 100 * 1024 * 1024;

/** Environment variable with what a builder tells a peer of its contract service (builder.ts). */
export const BUILDER_VARIABLE = 'CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG';

export function ordererConfig(layout: Layout): unknown {
  const { port, adminPort, operationsPort } = layout.orderer;
  const data = layout.path('orderer', 'data');
  const [PrivateKey, Certificate, ca] = ['server.key', 'server.crt', 'ca.crt'].map((name) =>
    layout.ordererNode('tls', name),
  );
  const tls = { Enabled: true, PrivateKey, Certificate, RootCAs: [ca] };
  return {
    General: {
      ListenAddress: HOST,
      ListenPort: port,
      LocalMSPDir: layout.ordererNode('msp'),
      LocalMSPID: 'OrdererMSP',
      BootstrapMethod: 'none',
      TLS: tls,
      MaxRecvMsgSize: LARGEST_MESSAGE_BYTES,
      MaxSendMsgSize: LARGEST_MESSAGE_BYTES,
      Keepalive: { ServerMinInterval: '60s', ServerInterval: '7200s', ServerTimeout: '20s' },
      BCCSP: CRYPTO_PROVIDER,
    },
    FileLedger: { Location: data },
    Operations: { ListenAddress: `${HOST}:${operationsPort}` },
    Metrics: { Provider: 'prometheus' },
    Admin: {
      ListenAddress: `${HOST}:${adminPort}`,
      TLS: { ...tls, ClientAuthRequired: true, ClientRootCAs: [ca] },
    },
    ChannelParticipation: { Enabled: true, MaxRequestBodySize: '1 MB' },
    Consensus: { WALDir: `${data}/etcdraft/wal`, SnapDir: `${data}/etcdraft/snapshot` },
  };
}

export function peerConfig(layout: Layout, organisation: OrganisationPlace & { peer: PeerPlace }): unknown {
  const { mspId, key, domain, peer } = organisation;
  const data = layout.path(key, 'data');
  const address = `${HOST}:${peer.port}`;
  const tls = (name: string): { file: string } => ({ file: layout.node(organisation, 'peer0', 'tls', name) });
  return {
    peer: {
      id: `peer0.${domain}`,
      networkId: layout.settings.channel,
      listenAddress: address,
      address,
      chaincodeListenAddress: `${HOST}:${peer.chaincodePort}`,
      chaincodeAddress: `${HOST}:${peer.chaincodePort}`,
      localMspId: mspId,
      localMspType: 'bccsp',
      mspConfigPath: layout.node(organisation, 'peer0', 'msp'),
      fileSystemPath: data,
      BCCSP: CRYPTO_PROVIDER,
      tls: {
        enabled: true,
        clientAuthRequired: false,
        cert: tls('server.crt'),
        key: tls('server.key'),
        rootcert: tls('ca.crt'),
      },
      gateway: { enabled: true, endorsementTimeout: '60s', broadcastTimeout: '30s', dialTimeout: '10s' },
      gossip: gossip(address),
      // Fabric's own default waits up to an hour before it asks an orderer again.
      deliveryclient: {
        blockGossipEnabled: false,
        reconnectTotalTimeThreshold: '3600s',
        connTimeout: '3s',
        reConnectBackoffThreshold: '2s',
      },
      discovery: {
        enabled: true,
        authCacheEnabled: true,
        authCacheMaxSize: 1000,
        authCachePurgeRetentionRatio: 0.75,
      },
      handlers: {
        authFilters: [{ name: 'DefaultAuth' }, { name: 'ExpirationCheck' }],
        decorators: [{ name: 'DefaultDecorator' }],
        endorsers: { escc: { name: 'DefaultEndorsement' } },
        validators: { vscc: { name: 'DefaultValidation' } },
      },
      limits: { concurrency: { endorserService: 2500, deliverService: 2500, gatewayService: 500 } },
      authentication: { timewindow: '15m' },
      client: { connTimeout: '3s' },
      maxRecvMsgSize: LARGEST_MESSAGE_BYTES,
      maxSendMsgSize: LARGEST_MESSAGE_BYTES,
    },
    vm: { endpoint: '' },
    chaincode: {
      mode: 'net',
      keepalive: 0,
      installTimeout: '60s',
      startuptimeout: '60s',
      executetimeout: '60s',
      externalBuilders: [
        { name: 'ccaas', path: layout.path('builder'), propagateEnvironment: [BUILDER_VARIABLE] },
      ],
      system: { _lifecycle: 'enable', cscc: 'enable', lscc: 'enable', qscc: 'enable' },
      logging: { level: 'info', shim: 'warning' },
    },
    ledger: ledger(layout, mspId, data),
    operations: { listenAddress: `${HOST}:${peer.operationsPort}` },
    metrics: { provider: 'prometheus' },
  };
}

function gossip(address: string): unknown {
  return {
    bootstrap: address,
    endpoint: address,
    externalEndpoint: address,
    // Each organisation has one peer, which fetches blocks from the orderer itself.
    useLeaderElection: false,
    orgLeader: true,
    state: { enabled: false },
    // Peers that were restarted know each other again within seconds.
    publishStateInfoInterval: '500ms',
    requestStateInfoInterval: '500ms',
    reconnectInterval: '1s',
    pullInterval: '1s',
    aliveTimeInterval: '1s',
    aliveExpirationTimeout: '5s',
    membershipTrackerInterval: '1s',
    pvtData: {
      implicitCollectionDisseminationPolicy: { requiredPeerCount: 0, maxPeerCount: 1 },
      reconciliationEnabled: true,
      reconcileBatchSize: 10,
      reconcileSleepInterval: '1m',
      pullRetryThreshold: '60s',
      transientstoreMaxBlockRetention: 1000,
      pushAckTimeout: '3s',
      btlPullMargin: 10,
    },
  };
}

function ledger({ settings: { stateDatabase } }: Layout, mspId: string, data: string): unknown {
  return {
    state: {
      totalQueryLimit: 100_000,
      ...(stateDatabase.kind === 'goleveldb'
        ? { stateDatabase: 'goleveldb' }
        : {
            stateDatabase: 'CouchDB',
            // The password comes by the environment (CORE_LEDGER_STATE_COUCHDBCONFIG_PASSWORD).
            couchDBConfig: {
              couchDBAddress: stateDatabase.addresses[mspId],
              username: stateDatabase.username,
              password: '',
              maxRetries: 3,
              maxRetriesOnStartup: 10,
              requestTimeout: '35s',
              internalQueryLimit: 1000,
              maxBatchUpdateSize: 1000,
              createGlobalChangesDB: false,
              cacheSize: 64,
            },
          }),
    },
    history: { enableHistoryDatabase: true },
    pvtdataStore: {
      collElgProcMaxDbBatchSize: 5000,
      collElgProcDbBatchesInterval: 1000,
      deprioritizedDataReconcilerInterval: '60m',
      purgeInterval: 100,
      purgedKeyAuditLogging: true,
    },
    snapshots: { rootDir: `${data}/snapshots` },
  };
}
