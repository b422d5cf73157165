/** `ledger-payloads.ndjson`: what the ledger's transactions said and wrote, for comparing two runs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PayloadSource } from '@fieldbid/bc-gateway/ledger/payload-lines';

export async function writeLedgerPayloads(ledger: PayloadSource, folder: string): Promise<void> {
  const lines: string[] = [];
  for await (const line of ledger.payloads()) lines.push(line);
  writeFileSync(
    join(folder, 'ledger-payloads.ndjson'),
    comparable(lines)
      .map((line) => `${line}\n`)
      .join(''),
  );
}

/**
 * Several DERAs do the same for an interval at one instant, and the ledger takes whoever comes first: nothing depends on it,
 * and two runs differ in it. Neighbours that say the same of one interval are put in the order of their text.
 */
export function comparable(lines: readonly string[]): string[] {
  const ordered: string[] = [];
  let alike: string[] = [];
  let before: string | undefined;
  for (const line of lines) {
    const subject = subjectOf(line);
    if (subject !== before) {
      ordered.push(...alike.sort());
      alike = [];
      before = subject;
    }
    alike.push(line);
  }
  return [...ordered, ...alike.sort()];
}

/** Transaction and interval; what is about no interval is like nothing else. */
function subjectOf(line: string): string {
  const { transaction, payload } = JSON.parse(line) as { transaction: string; payload: string };
  const { intervalId } = JSON.parse(payload) as { intervalId?: string };
  return intervalId === undefined ? line : `${transaction} ${intervalId}`;
}
