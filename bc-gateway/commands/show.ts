/**
 * M31 · `fieldbid gateway bid|verify`: the state record of a bid by its UID, as the ledger holds it (Fig. 8), and whether
 * everything is still as it was written. Over the API, as any other client.
 */
import { readText } from '@fieldbid/core/config';
import { codeOf, InputError, messageOf } from '@fieldbid/core/errors';
import { GatewayClient } from '@fieldbid/core/gateway-api/client';
import type { BidState, VerifiedBid } from '@fieldbid/core/gateway-api/schemas';

interface Access {
  readonly url: string;
  readonly keyFile?: string;
  readonly json: boolean;
}

interface ShownBid {
  readonly history: readonly BidState[];
  /** The raw record's transaction; or why there is none to be had. */
  readonly record:
    | { readonly verified: true; readonly txId: string }
    | { readonly verified: false; readonly reason: string };
}

export async function showBid(uid: string, access: Access): Promise<void> {
  const client = clientFor(access);
  const history = await client.readBidHistory(uid);
  const shown: ShownBid = { history, record: await recordOf(client, uid) };
  console.log(access.json ? JSON.stringify(shown, null, 2) : tableOf(uid, shown));
  // A key that may not see records is told so; a record that does not fit is a failure.
  if (!shown.record.verified && /RECORD_MISMATCH/.test(shown.record.reason)) process.exitCode = 1;
}

export async function showVerification(access: Access): Promise<void> {
  const report = await clientFor(access).verify();
  const { blocks, findings, records, transactions } = report;
  if (findings.length > 0) process.exitCode = 1;
  if (access.json) {
    console.log(JSON.stringify(report, null, 2));
    return;
  }
  console.log(`${blocks} blocks, ${transactions} transactions, ${records} raw records`);
  for (const { kind, where, found, expected } of findings) {
    console.log(`${kind}\t${where}\n  found ${found}\n  expected ${expected}`);
  }
  console.log(findings.length === 0 ? 'All as it was written.' : `${findings.length} findings.`);
}

async function recordOf(client: GatewayClient, uid: string): Promise<ShownBid['record']> {
  try {
    const { txId }: VerifiedBid = await client.readBid(uid);
    return { verified: true, txId };
  } catch (error) {
    if (!['FORBIDDEN', 'WRONG_AGGREGATOR', 'RECORD_MISMATCH'].includes(codeOf(error))) throw error;
    return { verified: false, reason: `${codeOf(error)}: ${messageOf(error)}` };
  }
}

function tableOf(uid: string, { history, record }: ShownBid): string {
  const [first] = history;
  const about = [
    `bid         ${uid}`,
    `DER         ${first?.derId}, of ${first?.deraId}`,
    `interval    ${first?.intervalId}, ${first?.product}`,
    `signed by   ${first?.keyId ?? 'nobody: the DER has no device key'}`,
  ];
  const rows = history.map(({ revision, status, quantity_W, metered_Wh, by, checksum, reason }) =>
    [
      String(revision).padStart(3),
      status.padEnd(12),
      `${quantity_W} W`.padStart(12),
      (metered_Wh === null ? '' : `${metered_Wh} Wh`).padStart(12),
      by.padEnd(12),
      checksum,
      reason,
    ].join('  '),
  );
  const last = record.verified
    ? `raw record  fits the ledger; transaction ${record.txId}`
    : `raw record  ${record.reason}`;
  return [...about, '', ...rows, '', last].join('\n');
}

function clientFor({ url, keyFile }: Access): GatewayClient {
  const apiKey = (keyFile === undefined ? process.env.FIELDBID_API_KEY : readText(keyFile))?.trim();
  if (apiKey !== undefined && apiKey !== '') return new GatewayClient({ url, apiKey, deadline_ms: 60_000 });
  const expected = 'an API key in --key-file, or in the environment variable FIELDBID_API_KEY';
  throw new InputError({ source: '--key-file', path: '', found: 'no API key', expected });
}
