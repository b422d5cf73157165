/** M23, M24 · Any byte changed on either side is found by `verify` and named, and no read returns it. */
import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enrolment, INTERVAL } from '@fieldbid/chaincode/testing/fixtures';
import { codeOf } from '@fieldbid/core/errors';
import type { VerifyReport } from '@fieldbid/core/gateway-api/schemas';
import { signBid } from '@fieldbid/core/market/signed-bid';
import { seededSigner } from '@fieldbid/core/signing-key';
import test from 'ava';
import fc from 'fast-check';
import sqlite from 'sqlite3';
import { openGateway, qualified, runInterval } from '../testing/open-gateway.ts';

let original = '';

test.before(async () => {
  const gateway = await openGateway();
  await qualified(gateway, ['pv1', 'pv2']);
  // One of the two signs its bids: what a device signed is covered too.
  const device = seededSigner(1, 'pv1');
  await gateway.client('north').enrolKey(await enrolment('pv1', device));
  await runInterval(gateway, INTERVAL, 1, (unsigned) => signBid(device, unsigned));
  await gateway.close();
  original = gateway.dir;
});

/** The columns that hold what must not change: file, table, column, key column. */
const COLUMNS = [
  ['raw.sqlite', 'raw_records', 'record', 'uid, revision'],
  ['raw.sqlite', 'raw_records', 'salt', 'uid, revision'],
  ['raw.sqlite', 'raw_records', 'uid', 'uid, revision'],
  ['raw.sqlite', 'raw_records', 'revision', 'uid, revision'],
  ['raw.sqlite', 'raw_records', 'tx_id', 'uid, revision'],
  ['raw.sqlite', 'raw_records', 'der_id', 'uid, revision'],
  ['raw.sqlite', 'raw_records', 'dera_id', 'uid, revision'],
  ['raw.sqlite', 'raw_records', 'interval_id', 'uid, revision'],
  ['ledger/ledger.sqlite', 'blocks', 'data', 'number'],
  ['ledger/ledger.sqlite', 'blocks', 'hash', 'number'],
  ['ledger/ledger.sqlite', 'state', 'value', 'key'],
  ['ledger/ledger.sqlite', 'state', 'key', 'key'],
  ['ledger/ledger.sqlite', 'state', 'version', 'key'],
  ['ledger/ledger.sqlite', 'transactions', 'tx_id', 'tx_id'],
  ['ledger/ledger.sqlite', 'transactions', 'block', 'tx_id'],
] as const;

function execute(db: sqlite.Database, sql: string, ...values: unknown[]): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    db.all(sql, values, (error, rows) => (error === null ? resolve(rows) : reject(error)));
  });
}

/** A copy of the data with one thing done to it. */
async function tampered(file: string, change: (db: sqlite.Database) => Promise<void>): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'tampered-'));
  cpSync(original, dir, { recursive: true });
  const db = new sqlite.Database(join(dir, file));
  await change(db);
  await new Promise((resolve) => db.close(resolve));
  return dir;
}

async function verified(dir: string): Promise<VerifyReport> {
  const gateway = await openGateway({ dir });
  try {
    return await gateway.client('operator').verify();
  } finally {
    await gateway.close();
  }
}

/** Changes one character of one value to another of the same kind, which is the hardest to notice. */
function otherCharacter(value: string, at: number): string {
  const i = at % value.length;
  const old = value[i] ?? '';
  const next = /[0-8a-eA-Y]/.test(old)
    ? String.fromCharCode(old.charCodeAt(0) + 1)
    : old === '9'
      ? '0'
      : old === '_'
        ? '-'
        : '_';
  return `${value.slice(0, i)}${next}${value.slice(i + 1)}`;
}

test('untouched data verifies', async (t) => {
  t.deepEqual((await verified(original)).findings, []);
});

for (const [file, table, column, key] of COLUMNS) {
  test(`any changed byte of ${table}.${column} is found and named`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), async (row, at) => {
        let touched = '';
        let chosen: Record<string, string | number> = {};
        const dir = await tampered(file, async (db) => {
          const rows = (await execute(
            db,
            `SELECT ${column} AS value, * FROM ${table} ORDER BY ${key}`,
          )) as Record<string, string | number>[];
          chosen = rows[row % rows.length] ?? {};
          const value = chosen.value ?? '';
          const next = typeof value === 'number' ? value + 7 : otherCharacter(value, at);
          touched = `${value} -> ${next}`;
          const keys = key.split(', ');
          const where = keys.map((k) => `${k} = ?`).join(' AND ');
          await execute(
            db,
            `UPDATE ${table} SET ${column} = ? WHERE ${where}`,
            next,
            ...keys.map((k) => chosen[k]),
          );
        });
        try {
          const { findings } = await verified(dir);
          t.true(
            findings.some(({ where }) => where.includes(placeOf(chosen))),
            `${touched}: ${JSON.stringify(findings)}`,
          );
        } catch (error) {
          // Block 0 is what all else is checked against: a change there stops the start, with its reason.
          t.is(`${table} ${codeOf(error)}`, 'blocks LEDGER_FOREIGN', touched);
        }
      }),
      { numRuns: 6 },
    );
    t.pass();
  });
}

/** What a finding has to name: the bid, the block, the key, the transaction. */
function placeOf({ uid, number, key, tx_id }: Record<string, string | number>): string {
  if (uid !== undefined) return `${uid}`;
  if (number !== undefined) return number === 0 ? 'block 0' : '';
  return `${key ?? tx_id}`;
}

const NAMED: readonly [title: string, file: string, sql: string, kind: string, where: RegExp][] = [
  [
    'a price in a raw record',
    'raw.sqlite',
    "UPDATE raw_records SET record = replace(record, '31234567', '31234568') WHERE revision = 1",
    'RECORD_CHECKSUM',
    /^bid [0-9a-f]{32} revision 1$/,
  ],
  [
    'a quantity in a raw record',
    'raw.sqlite',
    `UPDATE raw_records SET record = replace(record, '"quantity_W":40000,"reason"', '"quantity_W":40001,"reason"') WHERE revision = 4`,
    'RECORD_FIELD',
    /^bid [0-9a-f]{32} revision 4, quantity_W$/,
  ],
  [
    'a salt',
    'raw.sqlite',
    "UPDATE raw_records SET salt = replace(salt, 'a', 'b')",
    'RECORD_CHECKSUM',
    /^bid /,
  ],
  [
    'a lost record',
    'raw.sqlite',
    'DELETE FROM raw_records WHERE revision = 2',
    'RECORD_MISSING',
    /revision 2$/,
  ],
  [
    'a record too many',
    'raw.sqlite',
    'INSERT INTO raw_records SELECT uid, 5, tx_id, state, der_id, dera_id, interval_id, salt, record FROM raw_records WHERE revision = 4',
    'RECORD_EXTRA',
    /revision 5$/,
  ],
  [
    'a record under another transaction',
    'raw.sqlite',
    "UPDATE raw_records SET tx_id = 'x' WHERE revision = 3",
    'RECORD_TRANSACTION',
    /revision 3, transaction$/,
  ],
  [
    'a checksum in the world state',
    'ledger/ledger.sqlite',
    `UPDATE state SET value = replace(value, '"checksum":"', '"checksum":"0') WHERE key LIKE 'bid~%'`,
    'STATE_VALUE',
    /^state bid~[0-9a-f]{32}$/,
  ],
  [
    'a quantity in a block',
    'ledger/ledger.sqlite',
    "UPDATE blocks SET data = replace(data, '40000', '40001') WHERE number = 7",
    'BLOCK_HASH',
    /^block 7$/,
  ],
  ['a lost block', 'ledger/ledger.sqlite', 'DELETE FROM blocks WHERE number = 7', 'BLOCK_CHAIN', /^block 8$/],
  [
    'a lost last block, its writes with it',
    'ledger/ledger.sqlite',
    'DELETE FROM blocks WHERE number = 9',
    'STATE_MISSING|STATE_VALUE|STATE_EXTRA',
    /^state /,
  ],
];

for (const [title, file, sql, kind, where] of NAMED) {
  test(`${title} is named`, async (t) => {
    const dir = await tampered(file, async (db) => void (await execute(db, sql)));
    const { findings } = await verified(dir);
    const named = findings.filter((f) => new RegExp(`^(${kind})$`).test(f.kind) && where.test(f.where));
    t.true(named.length > 0, JSON.stringify(findings));
  });
}

test('a read of a changed record is refused, naming the bid and no price', async (t) => {
  const dir = await tampered(
    'raw.sqlite',
    async (db) =>
      void (await execute(db, "UPDATE raw_records SET record = replace(record, '40404040', '40404041')")),
  );
  const gateway = await openGateway({ dir });
  const error = await t.throwsAsync(gateway.client('north').readRecords(INTERVAL), {
    code: 'RECORD_MISMATCH',
  });
  t.like(error, { details: { status: 500, revision: 4, kind: 'RECORD_CHECKSUM' } });
  t.false(JSON.stringify(error).includes('4040404'));
  await gateway.close();
});

test('a hash made to fit, chain and all, still lacks the signatures', async (t) => {
  const { createHash } = await import('node:crypto');
  const dir = await tampered('ledger/ledger.sqlite', async (db) => {
    const blocks = (await execute(db, 'SELECT * FROM blocks ORDER BY number')) as {
      number: number;
      data: string;
    }[];
    let previous = '';
    for (const { number, data } of blocks) {
      const block = JSON.parse(data) as { previousHash: string };
      if (number > 0) block.previousHash = previous;
      // Keys keep their order, so this is canonical JSON again.
      const text = JSON.stringify(block).replaceAll('40000', '39999');
      previous = createHash('sha256').update(text).digest('hex');
      await execute(db, 'UPDATE blocks SET data = ?, hash = ? WHERE number = ?', text, previous, number);
    }
    await execute(db, "UPDATE state SET value = replace(value, '40000', '39999')");
  });
  const kinds = new Set((await verified(dir)).findings.map(({ kind }) => kind));
  t.false(kinds.has('BLOCK_HASH'));
  t.true(kinds.has('SIGNATURE') && kinds.has('ENDORSEMENT') && kinds.has('RECORD_FIELD'), [...kinds].join());
});
