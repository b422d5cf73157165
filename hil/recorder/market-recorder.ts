/**
 * Listens on the bus while a run lasts (verdicts, clearings, reports of the DERAs) and reads from the BC-GW at
 * the end what became of every bid. It needs no access to the services, so it works the same whether they run
 * in this process or in their own.
 */
import type { Bus, Subscription } from '@fieldbid/core/bus/bus';
import { topics } from '@fieldbid/core/bus/topics';
import { withDeadline } from '@fieldbid/core/errors';
import { type IntervalSource, readWithRecords } from '@fieldbid/core/gateway-api/interval-records';
import type { BidState, VerifiedBid } from '@fieldbid/core/gateway-api/schemas';
import { Clearing, CommandVerdict, IntervalReport } from '@fieldbid/core/market/messages';
import { SettlementReport } from '@fieldbid/core/market/settlement/report';
import { parse } from '@fieldbid/core/schema';
import type { BidRecord, IntervalRecord } from './run-record.ts';

/** What the recorder reads; an operator's key is enough. */
export interface RecordSource extends IntervalSource {
  readIntervalHistory(intervalId: string): Promise<BidState[]>;
}

const MARKER_TOPIC = 'fieldbid/v1/recorder/marker';
const MARKER_DEADLINE_MS = 10_000;

export class MarketRecorder {
  /** Per DER and interval the latest: a command verified at first may be found broken later. */
  readonly #verdicts = new Map<string, CommandVerdict>();
  readonly #bus: Bus;
  readonly #clearings = new Map<string, Clearing>();
  readonly #reports = new Map<string, IntervalReport[]>();
  readonly #settlements = new Map<string, SettlementReport>();
  readonly #subscriptions: Subscription[] = [];
  #marker: () => void = () => {};

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** @param onReport told of each interval as its awards go out, for a progress line. */
  async start(onReport: (report: IntervalReport) => void = () => {}): Promise<void> {
    this.#subscriptions.push(
      await this.#bus.subscribe(topics.verdicts('+'), ({ topic, message }) => {
        const verdict = parse(CommandVerdict, message, topic);
        const command = `${verdict.intervalId} ${verdict.derId}`;
        const known = this.#verdicts.get(command);
        // History arrives behind what is newer.
        if (known === undefined || verdict.decidedAt_ms >= known.decidedAt_ms)
          this.#verdicts.set(command, verdict);
      }),
      await this.#bus.subscribe(topics.clearings, ({ topic, message }) => {
        const clearing = parse(Clearing, message, topic);
        this.#clearings.set(clearing.intervalId, clearing);
      }),
      await this.#bus.subscribe(topics.intervalReports('+'), ({ topic, message }) => {
        const report = parse(IntervalReport, message, topic);
        const reports = this.#reports.get(report.intervalId) ?? [];
        this.#reports.set(report.intervalId, [...reports, report]);
        onReport(report);
      }),
      await this.#bus.subscribe(topics.settlements('+'), ({ topic, message }) => {
        const report = parse(SettlementReport, message, topic);
        this.#settlements.set(`${report.intervalId} ${report.deraId}`, report);
      }),
      await this.#bus.subscribe(MARKER_TOPIC, () => this.#marker()),
    );
  }

  /**
   * Everything that was published before this call has been recorded when it resolves: a marker sent now
   * arrives after it on the same connection.
   */
  async settle(): Promise<void> {
    const arrived = new Promise<void>((resolve) => {
      this.#marker = resolve;
    });
    await this.#bus.publish(MARKER_TOPIC, null);
    await withDeadline(arrived, MARKER_DEADLINE_MS, "the recorder's own marker");
  }

  /** One verdict per command, in the order of interval and DER. */
  verdicts(): CommandVerdict[] {
    return [...this.#verdicts.entries()].sort(([a], [b]) => compare(a, b)).map(([, verdict]) => verdict);
  }

  /** In the order of interval and DERA. */
  settlements(): SettlementReport[] {
    return [...this.#settlements.entries()].sort(([a], [b]) => compare(a, b)).map(([, report]) => report);
  }

  /** Reads the intervals back from the ledger, each bid's way through its revisions. */
  async collect(source: RecordSource, intervalIds: readonly string[]): Promise<IntervalRecord[]> {
    const records: IntervalRecord[] = [];
    for (const intervalId of intervalIds) {
      const { state, records: bids } = await readWithRecords(source, intervalId);
      const history = bids.length === 0 ? [] : await source.readIntervalHistory(intervalId);
      const revisions = new Map<string, BidState[]>(bids.map(({ state: { uid } }) => [uid, []]));
      for (const revision of history) revisions.get(revision.uid)?.push(revision);
      const rows = bids.map((bid) => bidRecord(bid, revisions.get(bid.state.uid) ?? []));
      records.push({
        intervalId,
        decision: state.decision,
        dispatch: state.dispatch,
        bids: rows.sort((a, b) => compare(a.derId, b.derId)),
        baselineCommitments: Object.fromEntries(
          state.submissions.flatMap(({ deraId, baselineCommitment }) =>
            baselineCommitment === undefined ? [] : [[deraId, baselineCommitment]],
          ),
        ),
        clearing: this.#clearings.get(intervalId) ?? null,
        reports: (this.#reports.get(intervalId) ?? []).sort((a, b) => compare(a.deraId, b.deraId)),
      });
    }
    return records;
  }

  async close(): Promise<void> {
    for (const subscription of this.#subscriptions) await subscription.close();
  }
}

function bidRecord({ state, raw }: VerifiedBid, history: readonly BidState[]): BidRecord {
  const quantityAt = (...statuses: BidState['status'][]): number =>
    history.findLast((revision) => statuses.includes(revision.status))?.quantity_W ?? 0;
  return {
    uid: state.uid,
    derId: state.derId,
    deraId: state.deraId,
    price_uUSD_per_MWh: raw.bid.price_uUSD_per_MWh,
    bid_W: quantityAt('submitted'),
    approved_W: quantityAt('approved', 'curtailed'),
    cleared_W: quantityAt('awarded'),
    allocation_W: quantityAt('dispatched'),
    status: state.status,
    metered_Wh: state.metered_Wh,
    checksum: state.checksum,
    revision: state.revision,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
