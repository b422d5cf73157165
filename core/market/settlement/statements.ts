/** Step 13 · A statement per party, made from the postings: what it received and paid, per interval and in all. */
import { ISO, POSTING_KINDS, type PostingKind } from './postings.ts';
import type { Settlement } from './settle.ts';

export type AmountsByKind_uUSD = Readonly<Record<PostingKind, number>>;

export interface StatementLine {
  readonly intervalId: string;
  readonly received_uUSD: number;
  readonly paid_uUSD: number;
  /** Received less paid. */
  readonly total_uUSD: number;
  readonly byKind_uUSD: AmountsByKind_uUSD;
  /** Energy that the money is for, W · min (60 to a Wh): of a DERA its DERs', of the ISO everybody's. */
  readonly settled_Wmin: number;
  /** DERs without a meter value. */
  readonly unmetered: number;
}

export interface Statement extends Omit<StatementLine, 'intervalId'> {
  readonly party: string;
  readonly role: 'iso' | 'dera' | 'der';
  /** In the order of time. */
  readonly lines: readonly StatementLine[];
}

type Draft = {
  intervalId: string;
  received_uUSD: number;
  paid_uUSD: number;
  total_uUSD: number;
  byKind_uUSD: Record<PostingKind, number>;
  settled_Wmin: number;
  unmetered: number;
};

/** The ISO's first, then DERAs, then DERs, each by name. Totals over all statements are zero, of each kind too. */
export function statements({ postings, energies }: Settlement): Statement[] {
  const roles = new Map<string, Statement['role']>([[ISO, 'iso']]);
  for (const { deraId } of energies) roles.set(deraId, 'dera');
  for (const { derId } of energies) roles.set(derId, 'der');
  const drafts = new Map<string, Map<string, Draft>>([...roles.keys()].map((party) => [party, new Map()]));
  const lineOf = (party: string, intervalId: string): Draft => {
    const lines = drafts.get(party);
    if (lines === undefined) throw new RangeError(`a posting names ${party}, which is no party`);
    let line = lines.get(intervalId);
    if (line === undefined) {
      const totals = { received_uUSD: 0, paid_uUSD: 0, total_uUSD: 0, settled_Wmin: 0, unmetered: 0 };
      line = { intervalId, ...totals, byKind_uUSD: nothing() };
      lines.set(intervalId, line);
    }
    return line;
  };
  for (const { derId, deraId, intervalId, settled_Wmin, unmetered } of energies) {
    for (const party of [ISO, deraId, derId]) {
      const line = lineOf(party, intervalId);
      line.settled_Wmin += settled_Wmin;
      if (unmetered) line.unmetered++;
    }
  }
  for (const { from, to, amount_uUSD, kind, intervalId } of postings) {
    const payer = lineOf(from, intervalId);
    payer.paid_uUSD += amount_uUSD;
    payer.total_uUSD -= amount_uUSD;
    payer.byKind_uUSD[kind] -= amount_uUSD;
    const receiver = lineOf(to, intervalId);
    receiver.received_uUSD += amount_uUSD;
    receiver.total_uUSD += amount_uUSD;
    receiver.byKind_uUSD[kind] += amount_uUSD;
  }
  const order = ['iso', 'dera', 'der'];
  return [...roles]
    .map(([party, role]) => statementOf(party, role, [...(drafts.get(party)?.values() ?? [])]))
    .sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role) || (a.party < b.party ? -1 : 1));
}

function statementOf(party: string, role: Statement['role'], drafts: Draft[]): Statement {
  const lines = drafts.sort((a, b) => (a.intervalId < b.intervalId ? -1 : 1));
  const byKind_uUSD = nothing();
  const all = { received_uUSD: 0, paid_uUSD: 0, total_uUSD: 0, settled_Wmin: 0, unmetered: 0 };
  for (const line of lines) {
    for (const kind of POSTING_KINDS) byKind_uUSD[kind] += line.byKind_uUSD[kind];
    all.received_uUSD += line.received_uUSD;
    all.paid_uUSD += line.paid_uUSD;
    all.total_uUSD += line.total_uUSD;
    all.settled_Wmin += line.settled_Wmin;
    all.unmetered += line.unmetered;
  }
  if (!Number.isSafeInteger(all.received_uUSD + all.paid_uUSD)) {
    throw new RangeError(`the totals of ${party} are too large to be exact`);
  }
  return { party, role, ...all, byKind_uUSD, lines };
}

function nothing(): Record<PostingKind, number> {
  return { 'day-ahead': 0, 'real-time': 0, 'true-up': 0, deviation: 0, fee: 0 };
}
