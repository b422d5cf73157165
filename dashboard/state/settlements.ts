/** Step 13 · What everybody received and paid so far, from the DERAs' reports. Sums are exact: integer µ$. */
import { ISO, POSTING_KINDS } from '@fieldbid/core/market/settlement/postings';
import type { SettlementReport } from '@fieldbid/core/market/settlement/report';
import type { PartyTotal, SettlementView } from './view.ts';

/** Reports that can still be replaced by a later one of the same interval and DERA. */
const MOST_REPORTS = 1400;
const MOST_NAMED = 20;

type Totals = { role: PartyTotal['role']; byKind: Record<string, number>; total: number };

export class Settlements {
  readonly #parties = new Map<string, Totals>();
  readonly #reports = new Map<string, SettlementReport>();
  readonly #intervals = new Set<string>();
  readonly #disagreed = new Set<string>();
  #latest = '';

  take(report: SettlementReport): void {
    const { deraId, intervalId, iso } = report;
    const key = `${intervalId} ${deraId}`;
    const before = this.#reports.get(key);
    // One that can no longer be taken out again would be counted twice.
    if (before === undefined && this.#intervals.has(key)) return;
    if (before !== undefined) this.#post(before, -1);
    this.#post(report, 1);
    this.#reports.set(key, report);
    this.#intervals.add(key);
    if (intervalId > this.#latest) this.#latest = intervalId;
    if (iso?.agreed === true) this.#disagreed.delete(key);
    else this.#disagreed.add(key);
    if (this.#reports.size <= MOST_REPORTS) return;
    const [oldest] = this.#reports.keys();
    if (oldest !== undefined) this.#reports.delete(oldest);
  }

  /** The ISO first, then DERAs, then DERs, each by name. */
  view(): SettlementView {
    const order = ['iso', 'dera', 'der'];
    const parties = [...this.#parties]
      .map(([party, { role, byKind, total }]) => ({
        party,
        role,
        byKind_uUSD: { ...byKind },
        total_uUSD: total,
      }))
      .sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role) || (a.party < b.party ? -1 : 1));
    return {
      parties,
      sum_uUSD: parties.reduce((sum, { total_uUSD }) => sum + total_uUSD, 0),
      intervals: new Set([...this.#intervals].map((key) => key.split(' ')[0])).size,
      latest: this.#latest,
      disagreed: [...this.#disagreed].slice(-MOST_NAMED),
    };
  }

  #post({ deraId, rows, postings }: SettlementReport, sign: 1 | -1): void {
    this.#party(ISO, 'iso');
    this.#party(deraId, 'dera');
    for (const { derId } of rows) this.#party(derId, 'der');
    for (const { from, to, amount_uUSD, kind } of postings) {
      for (const [name, amount] of [
        [from, -amount_uUSD * sign],
        [to, amount_uUSD * sign],
      ] as const) {
        const party = this.#party(name, 'der');
        party.byKind[kind] = (party.byKind[kind] ?? 0) + amount;
        party.total += amount;
      }
    }
  }

  #party(name: string, role: PartyTotal['role']): Totals {
    let party = this.#parties.get(name);
    if (party === undefined) {
      party = { role, byKind: Object.fromEntries(POSTING_KINDS.map((kind) => [kind, 0])), total: 0 };
      this.#parties.set(name, party);
    }
    return party;
  }
}
