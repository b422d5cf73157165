/** `ledger-payloads.ndjson`: what the ledger's transactions said and wrote, for comparing two runs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ledgerPayloads } from '@fieldbid/bc-gateway/ledger/embedded/payloads';

/** @param ledgerDir folder of an embedded ledger that has been closed. */
export async function writeLedgerPayloads(ledgerDir: string, folder: string): Promise<void> {
  const lines: string[] = [];
  for await (const line of ledgerPayloads(ledgerDir)) lines.push(`${line}\n`);
  writeFileSync(join(folder, 'ledger-payloads.ndjson'), lines.join(''));
}
