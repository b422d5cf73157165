/**
 * What the page shows, as data: the same for the first picture (everything) and each change after it (what is new since
 * a revision). Powers in W, injection positive; prices µ$/MWh; instants epoch ms of market time.
 */
import type { Certificate, Health } from '@fieldbid/core/gateway-api/schemas';
import type { FaultMark } from '@fieldbid/core/lab/faults';
import type { GridState, LabDescription } from '@fieldbid/core/lab/lab';
import type { AgentState } from '@fieldbid/core/market/messages';
import type { DayColumns } from './day-series.ts';
import type { Schedule } from './schedule.ts';

/** A DER's bid and what has become of it; null where that is not known (yet). */
export interface BidWay {
  readonly intervalId: string;
  readonly uid: string;
  readonly price_uUSD_per_MWh: number;
  readonly bid_W: number;
  readonly approved_W: number | null;
  readonly cleared_W: number | null;
  readonly allocation_W: number | null;
  /** Where it stands on the ledger. */
  readonly status: string;
  readonly metered_Wh: number | null;
}

export interface VerdictView {
  readonly intervalId: string;
  readonly verdict: 'verified' | 'refused' | 'unproven';
  readonly reason: string;
  readonly commanded_pct: number | null;
  readonly measured_W: number | null;
  readonly binding: boolean;
}

export interface DerRow {
  readonly derId: string;
  readonly deraId: string;
  readonly node: string;
  readonly phases: string;
  readonly nameplate_W: number;
  /** Its bid for the interval in force, and for the one being traded. */
  readonly inForce: BidWay | null;
  readonly traded: BidWay | null;
  /** As its device measured it last. */
  readonly measured: {
    readonly power_W: number;
    readonly available_W: number | null;
    readonly limit_pct: number | null;
    readonly at_ms: number;
  } | null;
  /** Of the interval in force, else the latest. */
  readonly verdict: VerdictView | null;
}

export interface IntervalRow {
  readonly intervalId: string;
  readonly price_uUSD_per_MWh: number | null;
  /** Of the whole market. */
  readonly cleared_W: number | null;
  readonly clearing: string | null;
  /** Sums over its bids, W; null until the ledger was read. */
  readonly bid_W: number | null;
  readonly approved_W: number | null;
  readonly allocation_W: number | null;
  readonly bids: number;
  readonly curtailedBids: number;
  /** The DSO's check of the bids, and of the allocation. */
  readonly decision: Pick<
    Certificate,
    'outcome' | 'bindingNode' | 'originalMax_upu' | 'approvedMax_upu' | 'policy'
  > | null;
  readonly dispatch: Certificate['outcome'] | null;
  /** By every DERA that has reported; null before. */
  readonly completed: boolean | null;
  readonly notes: readonly string[];
  readonly verified: number;
  readonly refused: number;
  readonly unproven: number;
}

export interface PartyTotal {
  readonly party: string;
  readonly role: 'iso' | 'dera' | 'der';
  readonly byKind_uUSD: Readonly<Record<string, number>>;
  /** Received less paid. */
  readonly total_uUSD: number;
}

export interface SettlementView {
  readonly parties: readonly PartyTotal[];
  /** Over all parties: 0, or something is wrong. */
  readonly sum_uUSD: number;
  readonly intervals: number;
  readonly latest: string;
  /** Intervals that the ISO reckons otherwise, or did not answer for. */
  readonly disagreed: readonly string[];
}

/** A change of the ledger, as its event told it. */
export interface LedgerEntry {
  /** `block`, or `block.transaction`. */
  readonly checkpoint: string;
  readonly name: string;
  readonly txId: string;
  readonly at_ms: number;
  readonly intervalId: string | null;
  readonly deraId: string | null;
  readonly bids: number;
}

export interface HealthView {
  readonly broker: 'connected' | 'lost';
  readonly gateway: 'up' | 'down' | 'unknown';
  readonly ledger: Health['ledger'] | 'unknown';
  readonly store: Health['store'] | 'unknown';
  /** Why the gateway could not be read, in a sentence; empty when it can. */
  readonly gatewayFault: string;
  /** Messages that were not what their topic says. */
  readonly wrongMessages: number;
}

export interface Trouble {
  readonly level: 'bad' | 'warn';
  readonly text: string;
}

export interface Changes {
  readonly revision: number;
  /** Everything that there is: what the reader had before is to be forgotten. */
  readonly whole: boolean;
  readonly now_ms: number;
  /** Market ms per real ms; null where time moves as the work allows. */
  readonly speed: number | null;
  readonly lab?: LabDescription;
  readonly schedule?: Schedule;
  readonly grid?: GridState;
  readonly ders?: readonly DerRow[];
  readonly intervals?: readonly IntervalRow[];
  readonly day?: DayColumns;
  readonly settlement?: SettlementView;
  readonly agents?: readonly AgentState[];
  readonly faults?: readonly FaultMark[];
  readonly ledger?: readonly LedgerEntry[];
  readonly health?: HealthView;
  readonly trouble?: readonly Trouble[];
}
