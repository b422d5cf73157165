/** `ledger-payloads.ndjson`: what the ledger's transactions said and wrote, for comparing two runs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PayloadSource } from '@fieldbid/bc-gateway/ledger/payload-lines';

export async function writeLedgerPayloads(ledger: PayloadSource, folder: string): Promise<void> {
  const lines: string[] = [];
  for await (const line of ledger.payloads()) lines.push(`${line}\n`);
  writeFileSync(join(folder, 'ledger-payloads.ndjson'), lines.join(''));
}
