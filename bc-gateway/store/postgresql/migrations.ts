/** Formats of the database, in order; a new one is added at the end and never changed after a release. */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE raw_records (
    uid TEXT COLLATE "C" NOT NULL, revision INTEGER NOT NULL, tx_id TEXT COLLATE "C" NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'committed')),
    der_id TEXT NOT NULL, dera_id TEXT NOT NULL, interval_id TEXT NOT NULL,
    salt TEXT NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (uid, revision, tx_id)
  )`,
    "CREATE UNIQUE INDEX one_committed_record ON raw_records (uid, revision) WHERE state = 'committed'",
    "CREATE INDEX pending_records ON raw_records (tx_id) WHERE state = 'pending'",
    `CREATE TABLE pending_transactions (
    tx_id TEXT COLLATE "C" PRIMARY KEY, endorsed BYTEA NOT NULL, since_ms BIGINT NOT NULL
  )`,
    `CREATE TABLE readings (
    der_id TEXT COLLATE "C" NOT NULL, sequence BIGINT NOT NULL, read_at_ms BIGINT NOT NULL, reading TEXT NOT NULL,
    PRIMARY KEY (der_id, sequence)
  )`,
    'CREATE INDEX readings_by_time ON readings (der_id, read_at_ms, sequence)',
    'CREATE INDEX readings_by_age ON readings (read_at_ms)',
    `CREATE TABLE grid_voltages (
    feeder_id TEXT COLLATE "C" NOT NULL, at_ms BIGINT NOT NULL, node TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL, voltage_upu INTEGER NOT NULL,
    PRIMARY KEY (feeder_id, at_ms, node, source)
  )`,
    'CREATE INDEX grid_voltages_by_node ON grid_voltages (feeder_id, node, at_ms, source)',
    'CREATE INDEX grid_voltages_by_age ON grid_voltages (at_ms)',
    `CREATE TABLE api_keys (
    name TEXT COLLATE "C" PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, previous_sha256 TEXT UNIQUE, entry TEXT NOT NULL
  )`,
  ],
];
