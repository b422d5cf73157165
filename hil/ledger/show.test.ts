/** M31 · The state record of a bid by its UID, and the verification, as an operator sees them. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGateway, qualified, runInterval } from '@fieldbid/bc-gateway/testing/open-gateway';
import { INTERVAL } from '@fieldbid/chaincode/testing/fixtures';
import { bidUid } from '@fieldbid/core/digest';
import test from 'ava';
import { fieldbid } from '../testing/programs.ts';

const UID = bidUid('pv1', INTERVAL, 'energy');

test('a bid by its UID: every revision with its checksum, and whether its raw record fits', async (t) => {
  const gateway = await openGateway();
  t.teardown(() => gateway.close());
  await qualified(gateway, ['pv1', 'pv2']);
  await runInterval(gateway);
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-show-'));
  const keyFile = (party: 'operator' | 'dso'): string => {
    const file = join(folder, `${party}.key`);
    writeFileSync(file, gateway.keyOf(party), { mode: 0o600 });
    return file;
  };
  const show = (what: string[], party: 'operator' | 'dso', ...more: string[]) =>
    fieldbid('gateway', ...what, '--url', gateway.url, '--key-file', keyFile(party), ...more);

  const bid = await show(['bid', UID], 'operator');
  t.is(bid.code, 0, bid.output);
  const { state, txId } = await gateway.client('operator').readBid(UID);
  t.regex(bid.stdout, /DER {9}pv1, of north/);
  for (const status of ['submitted', 'curtailed', 'awarded', 'dispatched'])
    t.true(bid.stdout.includes(status));
  t.true(bid.stdout.includes(state.checksum) && bid.stdout.includes(`fits the ledger; transaction ${txId}`));
  const json = JSON.parse((await show(['bid', UID], 'operator', '--json')).stdout) as {
    history: unknown[];
    record: unknown;
  };
  t.is(json.history.length, 4);
  t.deepEqual(json.record, { verified: true, txId });

  const dso = await show(['bid', UID], 'dso');
  t.is(dso.code, 0);
  t.regex(dso.stdout, /raw record {2}FORBIDDEN: This is for dera, operator/);
  t.false(dso.stdout.includes('31234567'), 'the DSO sees no price');

  const verified = await show(['verify'], 'operator');
  t.is(verified.code, 0);
  t.regex(verified.stdout, /9 blocks, 8 transactions, 8 raw records\nAll as it was written\./);
  const unknown = await show(['bid', '0'.repeat(32)], 'operator');
  t.is(unknown.code, 1);
  t.regex(unknown.output, /There is no bid 0{32}/);
  const without = await fieldbid('gateway', 'bid', UID, '--url', gateway.url);
  t.regex(without.output, /found no API key, expected an API key in --key-file/);
});
