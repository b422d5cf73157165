/** Steps 1-12 by DER: its bid, award, setpoint, measured power and verdict in one row, worked out anew where something changed. */
import type { LabDescription } from '@fieldbid/core/lab/lab';
import type { CommandVerdict, Measurement } from '@fieldbid/core/market/messages';
import type { BidWays } from './bid-ways.ts';
import { Changing } from './changing.ts';
import type { Intervals } from './intervals.ts';
import type { DerRow, VerdictView } from './view.ts';

const MOST_DERS = 100_000;

type About = Pick<DerRow, 'derId' | 'deraId' | 'node' | 'phases' | 'nameplate_W'>;

export class DerRows {
  readonly #ways: BidWays;
  readonly #intervals: Intervals;
  readonly #rows = new Changing<DerRow>(MOST_DERS);
  readonly #about = new Map<string, About>();
  readonly #measured = new Map<string, NonNullable<DerRow['measured']>>();
  readonly #latestVerdict = new Map<string, string>();
  readonly #stale = new Set<string>();
  #inForce: string | null = null;
  #traded: string | null = null;

  constructor(ways: BidWays, intervals: Intervals) {
    this.#ways = ways;
    this.#intervals = intervals;
  }

  get anyMeasured(): boolean {
    return this.#measured.size > 0;
  }

  describe({ ders }: LabDescription): void {
    for (const { derId, deraId, node, phases, nameplate_W } of ders) {
      this.#about.set(derId, { derId, deraId, node, phases, nameplate_W });
      this.#stale.add(derId);
    }
  }

  measured({ derId, power_W, available_W, limit_pct, readAt_ms }: Measurement): void {
    const known = this.#measured.get(derId);
    if (known !== undefined && known.at_ms > readAt_ms) return;
    this.#measured.set(derId, { power_W, available_W, limit_pct, at_ms: readAt_ms });
    this.#know(derId);
  }

  /** A bid or verdict of the DER in this interval has changed. */
  changed(derId: string, intervalId: string): void {
    if (intervalId >= (this.#latestVerdict.get(derId) ?? '')) {
      if (this.#intervals.verdict(intervalId, derId) !== undefined)
        this.#latestVerdict.set(derId, intervalId);
    }
    this.#know(derId);
  }

  /** Which intervals the rows are about from now on. */
  schedule(inForce: string | null, traded: string | null): void {
    if (inForce === this.#inForce && traded === this.#traded) return;
    this.#inForce = inForce;
    this.#traded = traded;
    for (const derId of this.#about.keys()) this.#stale.add(derId);
  }

  /** @returns whether a row changed; those that did are of `revision`. */
  derive(revision: number): boolean {
    let changed = false;
    for (const derId of this.#stale) {
      const about = this.#about.get(derId);
      if (about === undefined) continue;
      const row = {
        ...about,
        inForce: this.#ways.of(this.#inForce, derId),
        traded: this.#ways.of(this.#traded, derId),
        measured: this.#measured.get(derId) ?? null,
        verdict: this.#verdictOf(derId),
      };
      this.#rows.set(derId, row, revision);
      changed = true;
    }
    this.#stale.clear();
    return changed;
  }

  since(revision: number): DerRow[] | undefined {
    return this.#rows.since(revision);
  }

  rows(): DerRow[] {
    return this.#rows.values();
  }

  totals(): { delivered_W: number; available_W: number | null } {
    const all = [...this.#measured.values()];
    const available = all.map(({ available_W }) => available_W).filter((value) => value !== null);
    return {
      delivered_W: Math.round(all.reduce((sum, { power_W }) => sum + power_W, 0)),
      available_W: available.length < all.length ? null : Math.round(available.reduce((a, b) => a + b, 0)),
    };
  }

  /** In the field nobody describes what there is: a DER is known by what it says. */
  #know(derId: string): void {
    if (!this.#about.has(derId)) {
      if (this.#about.size >= MOST_DERS) return;
      this.#about.set(derId, { derId, deraId: '', node: '', phases: '', nameplate_W: 0 });
    }
    this.#stale.add(derId);
  }

  #verdictOf(derId: string): VerdictView | null {
    const latest = this.#latestVerdict.get(derId) ?? null;
    const found = this.#intervals.verdict(this.#inForce, derId) ?? this.#intervals.verdict(latest, derId);
    return found === undefined ? null : shown(found);
  }
}

function shown({
  intervalId,
  verdict,
  reason,
  commanded_pct,
  measured_W,
  binding,
}: CommandVerdict): VerdictView {
  return { intervalId, verdict, reason, commanded_pct, measured_W, binding };
}
