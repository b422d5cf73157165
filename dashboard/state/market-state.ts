/**
 * The market as the page sees it: takes what is said on the bus and read from the ledger, and gives everybody what has
 * changed since they looked. What is derived (rows, schedule, trouble) is worked out when somebody looks, at most so often.
 */
import type {
  BidState,
  Health,
  IntervalState,
  LedgerEvent,
  VerifiedBid,
} from '@fieldbid/core/gateway-api/schemas';
import { MINUTE_MS } from '@fieldbid/core/interval';
import type { FaultMark } from '@fieldbid/core/lab/faults';
import type { GridState, LabDescription } from '@fieldbid/core/lab/lab';
import type {
  AgentState,
  Clearing,
  CommandVerdict,
  IntervalReport,
  Measurement,
} from '@fieldbid/core/market/messages';
import type { SettlementReport } from '@fieldbid/core/market/settlement/report';
import { BidWays } from './bid-ways.ts';
import { Cell, Changing } from './changing.ts';
import { DaySeries } from './day-series.ts';
import { DerRows } from './der-rows.ts';
import { Intervals } from './intervals.ts';
import { MarketCalendar, type Schedule } from './schedule.ts';
import { Settlements } from './settlements.ts';
import { troubleIn } from './trouble.ts';
import type { Changes, HealthView, LedgerEntry, SettlementView, Trouble } from './view.ts';

const MOST_AGENTS = 20_000;
const MOST_FAULTS = 500;
const MOST_EVENTS = 200;

export interface MarketStateOptions {
  /** Market time, epoch ms. */
  readonly now: () => number;
  /** Market ms per real ms; null where time moves as the work allows. */
  readonly speed: number | null;
}

export class MarketState {
  readonly intervals = new Intervals();
  readonly #options: MarketStateOptions;
  readonly #lab = new Cell<LabDescription | undefined>(undefined);
  readonly #grid = new Cell<GridState | undefined>(undefined);
  readonly #schedule = new Cell<Schedule | undefined>(undefined);
  readonly #settlement = new Cell<SettlementView | undefined>(undefined);
  readonly #trouble = new Cell<readonly Trouble[]>([]);
  readonly #health = new Cell<HealthView>({
    ...{ broker: 'connected', gateway: 'unknown', ledger: 'unknown', store: 'unknown' },
    ...{ gatewayFault: '', wrongMessages: 0 },
  });
  readonly #agents = new Changing<AgentState>(MOST_AGENTS);
  readonly #faults = new Changing<FaultMark>(MOST_FAULTS);
  readonly #events = new Changing<LedgerEntry>(MOST_EVENTS);
  readonly #ways = new BidWays();
  readonly #ders = new DerRows(this.#ways, this.intervals);
  readonly #settlements = new Settlements();
  readonly #day = new DaySeries();
  #calendar: MarketCalendar | undefined;
  #revision = 1;
  #unsettled = false;
  #lastMinute = 0;

  constructor(options: MarketStateOptions) {
    this.#options = options;
  }

  get lab(): LabDescription | undefined {
    return this.#lab.value;
  }

  /** A new description is another run: a page that is open begins anew with it. @throws InputError for its calendar. */
  takeLab(lab: LabDescription): void {
    this.#calendar = new MarketCalendar(lab.calendar);
    this.intervals.expect(lab.deraIds.length);
    this.#ders.describe(lab);
    this.#lab.set(lab, ++this.#revision);
  }

  takeGrid(grid: GridState): void {
    this.#grid.set(grid, ++this.#revision);
    const known = grid.voltages_upu.length > 0;
    this.#day.add(
      {
        at_ms: grid.at_ms,
        // Not `Math.min(...)`: a large feeder has more nodes than a call takes arguments.
        lowest_upu: known ? grid.voltages_upu.reduce((a, b) => Math.min(a, b)) : null,
        highest_upu: known ? grid.voltages_upu.reduce((a, b) => Math.max(a, b)) : null,
        delivered_W: sum(grid.power_W),
        available_W: sum(grid.available_W),
      },
      this.#revision,
    );
  }

  takeMeasurement(measurement: Measurement): void {
    if (measurement.historical !== true) this.#ders.measured(measurement);
  }

  takeVerdict(verdict: CommandVerdict): void {
    this.intervals.takeVerdict(verdict, ++this.#revision);
    this.#ders.changed(verdict.derId, verdict.intervalId);
  }

  takeClearing(clearing: Clearing): void {
    this.intervals.takeClearing(clearing, ++this.#revision);
  }

  takeReport(report: IntervalReport): void {
    this.intervals.takeReport(report, ++this.#revision);
  }

  takeSettlement(report: SettlementReport): void {
    this.#settlements.take(report);
    this.#unsettled = true;
  }

  takeAgent(agent: AgentState): void {
    this.#agents.set(agent.agentId, agent, ++this.#revision);
  }

  takeFault(mark: FaultMark): void {
    this.#faults.set(mark.id, mark, ++this.#revision);
  }

  takeEvent({ checkpoint, name, txId, at_ms, payload }: LedgerEvent): void {
    const text = (key: string): string | null => (typeof payload[key] === 'string' ? payload[key] : null);
    const bids = Array.isArray(payload.uids) ? payload.uids.length : 0;
    const entry = { checkpoint, name, txId, at_ms, bids };
    this.#events.set(
      checkpoint,
      { ...entry, intervalId: text('intervalId'), deraId: text('deraId') },
      ++this.#revision,
    );
  }

  /** @param histories of bids that `unseen` named, all their revisions. */
  takeInterval(
    state: IntervalState,
    records: readonly VerifiedBid[],
    histories: readonly (readonly BidState[])[] = [],
  ): void {
    this.#ways.take(state, records);
    for (const history of histories) this.#ways.takeHistory(history);
    this.intervals.takeLedger(state, this.#ways.all(state.intervalId), ++this.#revision);
    for (const { derId } of state.submissions.flatMap(({ bids }) => bids)) {
      this.#ders.changed(derId, state.intervalId);
    }
  }

  /** UIDs of an interval's bids of which a step was missed between two looks. */
  unseen(intervalId: string): string[] {
    return this.#ways.unseen(intervalId);
  }

  takeHealth(news: Partial<HealthView> & { readonly said?: Health }): void {
    const { said, ...rest } = news;
    const next = { ...this.#health.value, ...rest, ...(said ?? {}) };
    if (JSON.stringify(next) !== JSON.stringify(this.#health.value)) this.#health.set(next, ++this.#revision);
  }

  /** What is new after `revision`; everything for -1. */
  changesSince(revision: number): Changes {
    this.#derive();
    const changes = {
      lab: this.#lab.since(revision),
      schedule: this.#schedule.since(revision),
      grid: this.#grid.since(revision),
      ders: this.#ders.since(revision),
      intervals: this.intervals.rows.since(revision),
      day: this.#day.since(revision),
      settlement: this.#settlement.since(revision),
      agents: this.#agents.since(revision),
      faults: this.#faults.since(revision),
      ledger: this.#events.since(revision),
      health: this.#health.since(revision),
      trouble: this.#trouble.since(revision),
    };
    const { now, speed } = this.#options;
    const head = { revision: this.#revision, whole: revision < 0, now_ms: Math.floor(now()), speed };
    return Object.freeze({
      ...head,
      ...Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)),
    });
  }

  #derive(): void {
    const now_ms = this.#options.now();
    const schedule = this.#calendar?.at(now_ms);
    if (schedule !== undefined && JSON.stringify(schedule) !== JSON.stringify(this.#schedule.value)) {
      this.#schedule.set(schedule, ++this.#revision);
      // When the calendar is over, its last interval is what there is to look at.
      const shown = schedule.phase === 'over' ? (this.#calendar?.last ?? null) : schedule.inForce;
      this.#ders.schedule(shown, schedule.market === 'real-time' ? schedule.traded : null);
    }
    if (this.#grid.value === undefined) this.#measuredMinute(now_ms);
    if (this.#unsettled) this.#settlement.set(this.#settlements.view(), ++this.#revision);
    this.#unsettled = false;
    if (this.#ders.derive(this.#revision + 1)) this.#revision++;
    const trouble = troubleIn({
      ...{ lab: this.#lab.value, grid: this.#grid.value, agents: this.#agents.values() },
      ...{ faults: this.#faults.values(), ders: this.#ders.rows(), intervals: this.intervals.rows.values() },
      ...{ health: this.#health.value, disagreed: this.#settlement.value?.disagreed ?? [] },
    });
    if (JSON.stringify(trouble) !== JSON.stringify(this.#trouble.value))
      this.#trouble.set(trouble, ++this.#revision);
  }

  /** In the field nobody solves the feeder: the day is what the devices say. */
  #measuredMinute(now_ms: number): void {
    const minute = Math.floor(now_ms / MINUTE_MS);
    if (minute === this.#lastMinute || !this.#ders.anyMeasured) return;
    this.#lastMinute = minute;
    const { delivered_W, available_W } = this.#ders.totals();
    const point = {
      at_ms: minute * MINUTE_MS,
      lowest_upu: null,
      highest_upu: null,
      delivered_W,
      available_W,
    };
    this.#day.add(point, ++this.#revision);
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
