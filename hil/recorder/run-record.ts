/**
 * What a run leaves in memory before it is written: every minute of the feeder, every interval of the market,
 * every command's verdict. The report, the tables and the summary are all made from this one record.
 */

import type { BidStatus, Certificate } from '@fieldbid/core/gateway-api/schemas';
import type { FaultMark } from '@fieldbid/core/lab/faults';
import type { Clearing, CommandVerdict, IntervalReport } from '@fieldbid/core/market/messages';
import type { SettlementReport } from '@fieldbid/core/market/settlement/report';
import type { EmulatorLeft } from '../emulator/control.ts';
import type { ChannelOutcome } from '../emulator/verdict.ts';

/** One power flow of the feeder as it really was. Arrays follow `RunRecord.nodes` and `RunRecord.derIds`. */
export interface MinuteRecord {
  readonly at_ms: number;
  /** Magnitude per node and phase, pu of its nominal voltage. Empty when the power flow failed. */
  readonly voltages_pu: readonly number[];
  /** Power at each DER's terminals, W. */
  readonly power_W: readonly number[];
  /** What each DER could have delivered without a limit, W. */
  readonly available_W: readonly number[];
  /** Why there are no voltages. */
  readonly failure?: string;
}

/** One bid's way through an interval; quantities in W, price in µ$/MWh. */
export interface BidRecord {
  readonly uid: string;
  readonly derId: string;
  readonly deraId: string;
  readonly price_uUSD_per_MWh: number;
  readonly bid_W: number;
  readonly approved_W: number;
  readonly cleared_W: number;
  /** Confirmed by the DSO; what the device was limited to. */
  readonly allocation_W: number;
  /** Where it stands on the ledger now: `settled` at the end. */
  readonly status: BidStatus;
  /** Metered energy of the interval on the ledger, Wh; null before it is settled. */
  readonly metered_Wh: number | null;
  /** On-chain checksum of the latest revision. */
  readonly checksum: string;
  readonly revision: number;
}

export interface IntervalRecord {
  readonly intervalId: string;
  /** Null when the DSO did not decide. */
  readonly decision: Certificate | null;
  readonly dispatch: Certificate | null;
  /** In the order of DER ids. */
  readonly bids: readonly BidRecord[];
  readonly clearing: Clearing | null;
  /** DERA → hash of its baselines on the ledger; empty without baselines. */
  readonly baselineCommitments: Readonly<Record<string, string>>;
  /** One per DERA. */
  readonly reports: readonly IntervalReport[];
}

export interface RunHeader {
  readonly scenario: string;
  readonly seed: number;
  readonly feederId: string;
  readonly start_ms: number;
  readonly intervals: number;
  readonly interval_min: number;
  /** Minutes before an interval starts: bids open, and with them all that is done for it. */
  readonly bid_min: number;
  /** False with `--no-dso`. */
  readonly dsoEnforced: boolean;
  readonly ledger: string;
  readonly engine: string;
  readonly clock: string;
  /** Voltage limits, pu. */
  readonly limits_pu: readonly [number, number];
}

/** A grid emulator's day. */
export interface EmulatorRecord {
  readonly name: string;
  readonly derId: string;
  /** `simulated modbus`, or its endpoint. */
  readonly device: string;
  /** Phase to neutral, V. */
  readonly nominal_V: number;
  /** `node.phase` that each channel follows. */
  readonly outputs: readonly string[];
  /** By minute, and by output in it. */
  readonly steps: readonly EmulatorStep[];
  /** How it was left; null: the run ended before. */
  readonly left: EmulatorLeft | null;
}

export interface EmulatorStep extends ChannelOutcome {
  /** Of the power flow, epoch ms. */
  readonly at_ms: number;
  /** `node.phase` */
  readonly output: string;
}

/** What a day cost a device's registers or nodes. */
export interface DeviceWrites {
  readonly derId: string;
  /** Write requests that it took. */
  readonly requests: number;
  /** Writes of the register that was written most often; null where that is not counted. */
  readonly mostOfOneRegister: number | null;
}

/** One step of the feeder's power flow, in real milliseconds. */
export interface PacedStep {
  /** Market time that it is for, epoch ms. */
  readonly at_ms: number;
  /** How long after its time it began; 0 on a clock that waits for it. */
  readonly late_ms: number;
  /** From its beginning until its voltages were at the devices. */
  readonly work_ms: number;
  /** It was not done when the next one was due, or began more than half a step late. */
  readonly overran: boolean;
}

export interface Pacing {
  /** Real ms from one step to the next; null on a clock that waits. */
  readonly step_ms: number | null;
  readonly steps: readonly PacedStep[];
}

export interface RunRecord {
  readonly header: RunHeader;
  /** `node.phase`, e.g. `l675.B`. */
  readonly nodes: readonly string[];
  readonly derIds: readonly string[];
  readonly minutes: readonly MinuteRecord[];
  readonly intervals: readonly IntervalRecord[];
  /** The hours that were sold a day ahead; none without that market. */
  readonly dayAhead: readonly IntervalRecord[];
  /** In the order of interval and DERA. */
  readonly settlements: readonly SettlementReport[];
  readonly verdicts: readonly CommandVerdict[];
  /** What went wrong on demand, in the order of its beginning. */
  readonly faults: readonly FaultMark[];
  /** In the scenario's order. */
  readonly emulators: readonly EmulatorRecord[];
  /** Of the simulated devices. */
  readonly writes: readonly DeviceWrites[];
  /** How the steps of the feeder's power flow kept up with the clock. */
  readonly pacing: Pacing;
  /** Real milliseconds: set-up, day, closing. */
  readonly wall_ms: Readonly<Record<string, number>>;
  /** Resident memory at the end, MiB, per process. */
  readonly memory_MiB: Readonly<Record<string, number>>;
}

/** True when an interval went through every step for every DERA. */
export function isCompleted(interval: IntervalRecord): boolean {
  return (
    interval.decision !== null &&
    interval.dispatch !== null &&
    interval.reports.length > 0 &&
    interval.reports.every((report) => report.completed)
  );
}
