/** Formats of the SQLite file, in order; a new one is added at the end and never changed after a release. */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE raw_records (
    uid TEXT NOT NULL, revision INTEGER NOT NULL, tx_id TEXT NOT NULL, state TEXT NOT NULL,
    der_id TEXT NOT NULL, dera_id TEXT NOT NULL, interval_id TEXT NOT NULL,
    salt TEXT NOT NULL, record TEXT NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (uid, revision, tx_id), CHECK (state IN ('pending', 'committed'))
  ) WITHOUT ROWID`,
    "CREATE UNIQUE INDEX one_committed_record ON raw_records (uid, revision) WHERE state = 'committed'",
    "CREATE INDEX pending_records ON raw_records (tx_id) WHERE state = 'pending'",
  ],
  [
    'CREATE TABLE pending_transactions (tx_id TEXT PRIMARY KEY, endorsed BLOB NOT NULL, since_ms INTEGER NOT NULL) WITHOUT ROWID',
    // Of the format before, which kept no bytes: what is not on the ledger is forgotten.
    "INSERT INTO pending_transactions SELECT DISTINCT tx_id, x'', 0 FROM raw_records WHERE state = 'pending'",
  ],
  [
    `CREATE TABLE readings (
    der_id TEXT NOT NULL, sequence INTEGER NOT NULL, read_at_ms INTEGER NOT NULL, reading TEXT NOT NULL,
    PRIMARY KEY (der_id, sequence)
  ) WITHOUT ROWID`,
    'CREATE INDEX readings_by_time ON readings (der_id, read_at_ms, sequence)',
    `CREATE TABLE grid_voltages (
    feeder_id TEXT NOT NULL, at_ms INTEGER NOT NULL, node TEXT NOT NULL, source TEXT NOT NULL,
    voltage_upu INTEGER NOT NULL, PRIMARY KEY (feeder_id, at_ms, node, source)
  ) WITHOUT ROWID`,
    'CREATE INDEX grid_voltages_by_node ON grid_voltages (feeder_id, node, at_ms, source)',
    'CREATE INDEX readings_by_age ON readings (read_at_ms)',
    'CREATE INDEX grid_voltages_by_age ON grid_voltages (at_ms)',
    // Nothing else would have told that it was changed.
    'ALTER TABLE raw_records DROP COLUMN at_ms',
  ],
];
