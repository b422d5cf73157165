/** M24 · Walks everything: the ledger by itself, then every revision on it against its raw record, both ways. */
import { BidPage } from '@fieldbid/chaincode/transactions/payloads';
import { messageOf } from '@fieldbid/core/errors';
import type { BidState, VerifyReport } from '@fieldbid/core/gateway-api/schemas';
import type { Ledger, LedgerFinding, LedgerIdentity } from '../ledger/ledger.ts';
import { type RawRow, type RawStore, revisionKey } from '../store/raw-store.ts';
import type { MarketRecords } from './market-records.ts';
import { verifyRecord } from './verify-record.ts';

const PAGE = 1000;

export interface VerifyAllOptions {
  readonly ledger: Ledger;
  readonly store: RawStore;
  readonly records: MarketRecords;
  readonly identity: LedgerIdentity;
}

/** Findings are returned. @throws FieldbidError only when ledger or store cannot be read. */
export async function verifyAll(options: VerifyAllOptions): Promise<VerifyReport> {
  const { ledger } = options;
  const { blocks, transactions, findings } = await ledger.verify();
  try {
    let compared = await compareRecords(options);
    if (compared.findings.length > 0) {
      // What was written meanwhile is on one side before it is on the other: only what stays different differs.
      const again = await compareRecords(options);
      const before = new Set(compared.findings.map(nameOf));
      compared = { ...again, findings: again.findings.filter((finding) => before.has(nameOf(finding))) };
    }
    return { records: compared.records, transactions, blocks, findings: [...findings, ...compared.findings] };
  } catch (error) {
    // A ledger with findings may be unreadable; they are reported all the same.
    if (findings.length === 0) throw error;
    const fault: LedgerFinding = {
      kind: 'RECORDS_NOT_COMPARED',
      where: 'raw records',
      found: messageOf(error),
      expected: 'a ledger that can be read',
    };
    return { records: 0, transactions, blocks, findings: [...findings, fault] };
  }
}

function nameOf({ kind, where }: LedgerFinding): string {
  return `${kind} ${where}`;
}

async function compareRecords({
  ledger,
  store,
  records,
  identity,
}: VerifyAllOptions): Promise<{ records: number; findings: LedgerFinding[] }> {
  // Commits whose answer was lost are no difference.
  await records.settle(Number.POSITIVE_INFINITY);
  const findings: LedgerFinding[] = [];
  const seen = new Set<string>();
  const writers = await writersOf(ledger);
  for await (const states of allRevisions(records, identity)) {
    findings.push(...(await differences(store, states, writers)));
    for (const state of states) seen.add(revisionKey(state));
  }
  findings.push(...(await strangers(store, seen)));
  return { records: seen.size, findings };
}

/** Every revision on the ledger, by uid and revision, in pages. */
async function* allRevisions(
  records: MarketRecords,
  identity: LedgerIdentity,
): AsyncGenerator<BidState[], void> {
  for (let after: string | null | undefined; after !== null; ) {
    const argument = { limit: PAGE, ...(after === undefined ? {} : { after }) };
    const page: BidPage = await records.evaluate(identity, BidPage, 'listBids', argument);
    yield page.bids;
    after = page.next;
  }
}

/** Which transaction announced each revision. */
async function writersOf(ledger: Ledger): Promise<Map<string, string>> {
  const writers = new Map<string, string>();
  const reading = new AbortController();
  for await (const event of ledger.events(undefined, reading.signal, await ledger.head())) {
    const { uids = [], revisions = [] } = event.payload as { uids?: string[]; revisions?: number[] };
    for (const [i, uid] of uids.entries()) {
      writers.set(revisionKey({ uid, revision: revisions[i] ?? 0 }), event.txId);
    }
  }
  return writers;
}

async function differences(
  store: RawStore,
  states: readonly BidState[],
  writers: ReadonlyMap<string, string>,
): Promise<LedgerFinding[]> {
  const rows = new Map<string, RawRow>();
  for (const row of await store.find(states)) rows.set(revisionKey(row), row);
  return states.flatMap((state) => {
    const key = revisionKey(state);
    const verified = verifyRecord(state, rows.get(key));
    if (!verified.ok) return verified.finding;
    const expected = writers.get(key) ?? 'no transaction';
    const { txId } = verified.bid;
    if (txId === expected) return [];
    const where = `bid ${state.uid} revision ${state.revision}, transaction`;
    return { kind: 'RECORD_TRANSACTION', where, found: txId, expected };
  });
}

/** Raw records that the ledger does not know. */
async function strangers(store: RawStore, seen: ReadonlySet<string>): Promise<LedgerFinding[]> {
  const findings: LedgerFinding[] = [];
  let after: RawRow | undefined;
  for (;;) {
    const rows: RawRow[] = await store.page(after, PAGE);
    for (const row of rows) {
      if (seen.has(revisionKey(row))) continue;
      const where = `raw record ${row.uid} revision ${row.revision}`;
      findings.push({
        kind: 'RECORD_EXTRA',
        where,
        found: 'a committed record',
        expected: 'none on the ledger',
      });
    }
    after = rows.at(-1);
    if (after === undefined || rows.length < PAGE) return findings;
  }
}
