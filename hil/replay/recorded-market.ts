/**
 * What a recorded run keeps of its market, whatever ledger it ran on: bids in the raw store, and in the ledger's payloads
 * who was silent, and all that was submitted, decided, awarded and confirmed.
 */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStores } from '@fieldbid/bc-gateway/store/sqlite/open';
import { InputError } from '@fieldbid/core/errors';
import { RawBidRecord } from '@fieldbid/core/gateway-api/schemas';
import type { Bid } from '@fieldbid/core/market/messages';
import { parse } from '@fieldbid/core/schema';
import { DURABILITY } from '../bench/ledger.ts';
import type { Difference } from '../compare/compare-runs.ts';

export interface RecordedInterval {
  /** As they reached the DERA. */
  readonly bids: Bid[];
  readonly silentDerIds: readonly string[];
}

const PAYLOADS = 'ledger-payloads.ndjson';
const RAW_STORE = 'raw-records.sqlite';
const PAGE = 1000;
/** What follows from bids and silence alone. */
const MARKET = new Set(['submitBids', 'decideInterval', 'recordAwards', 'confirmDispatch']);

/** Intervals whose bids were recorded. @throws InputError for a folder that has no raw store or payloads. */
export async function readRecordedMarket(folder: string): Promise<Map<string, RecordedInterval>> {
  const intervals = new Map<string, RecordedInterval>();
  for (const { key, payload } of marketLines(folder).values()) {
    if (!key.startsWith('submitBids ')) continue;
    const { intervalId, silentDerIds } = payload as { intervalId: string; silentDerIds: string[] };
    intervals.set(intervalId, { bids: [], silentDerIds });
  }
  for (const bid of await firstRevisions(join(folder, 'gateway', RAW_STORE))) {
    intervals.get(bid.intervalId)?.bids.push(bid);
  }
  return intervals;
}

/** Every transaction of the recorded market that the replayed one made otherwise, in the order of the record. */
export function compareMarkets(recorded: string, replayed: string): Difference[] {
  const now = marketLines(replayed);
  return [...marketLines(recorded).values()].flatMap(({ key, line, text }) => {
    const other = now.get(key);
    if (other?.text === text) return [];
    return [{ file: PAYLOADS, line, a: text, b: other?.text ?? '(end)' }];
  });
}

/** How many transactions `compareMarkets` compares. */
export function marketSize(recorded: string): number {
  return marketLines(recorded).size;
}

interface MarketLine {
  readonly key: string;
  /** 1-based. */
  readonly line: number;
  readonly text: string;
  readonly payload: unknown;
}

function marketLines(folder: string): Map<string, MarketLine> {
  const file = join(folder, PAYLOADS);
  required(file);
  const lines = new Map<string, MarketLine>();
  for (const [i, text] of readFileSync(file, 'utf8').split('\n').entries()) {
    if (text === '') continue;
    const { transaction, payload: json } = JSON.parse(text) as { transaction: string; payload: string };
    if (!MARKET.has(transaction)) continue;
    const payload = JSON.parse(json) as { intervalId?: string; deraId?: string };
    const key = [transaction, payload.intervalId, payload.deraId ?? ''].join(' ');
    lines.set(key, { key, line: i + 1, text, payload });
  }
  return lines;
}

/** From a copy: what was recorded stays as it is. */
async function firstRevisions(file: string): Promise<Bid[]> {
  required(file);
  const folder = mkdtempSync(join(tmpdir(), 'fieldbid-raw-'));
  try {
    for (const suffix of ['', '-wal']) {
      if (existsSync(`${file}${suffix}`))
        copyFileSync(`${file}${suffix}`, join(folder, `${RAW_STORE}${suffix}`));
    }
    const stores = await openSqliteStores({ file: join(folder, RAW_STORE), durability: DURABILITY });
    const bids: Bid[] = [];
    for (let after: { uid: string; revision: number } | undefined; ; ) {
      const rows = await stores.records.page(after, PAGE);
      for (const { revision, record } of rows) {
        if (revision === 1) bids.push(parse(RawBidRecord, JSON.parse(record), file).bid);
      }
      after = rows.at(-1);
      if (rows.length < PAGE) break;
    }
    await stores.close();
    return bids;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function required(file: string): void {
  if (existsSync(file)) return;
  throw new InputError({
    source: file,
    path: '',
    found: 'no such file',
    expected: 'what a run has recorded',
  });
}
