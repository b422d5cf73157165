/** `summary.json`: what happened in a run, in figures that a script can check. */
import { priceInUsd } from '@fieldbid/core/market/money';
import { type DeviceWrites, isCompleted, type RunRecord } from '../recorder/run-record.ts';
import { type EmulatorSummary, emulatorShortcomings, emulatorSummary } from './emulators.ts';
import { type FaultSummary, faultSummary } from './faults.ts';
import { type PacingSummary, pacingSummary } from './pacing.ts';
import {
  type DayAheadSummary,
  dayAheadSummary,
  type SettlementSummary,
  settlementShortcomings,
  settlementSummary,
} from './settlement.ts';
import { type Spread, spread } from './statistics.ts';

export interface RunSummary {
  scenario: string;
  seed: number;
  feeder: string;
  ledger: string;
  engine: string;
  clock: string;
  dso: 'enforced' | 'off';
  start: string;
  intervals: { planned: number; completed: number; curtailed: number; curtailedAfterClearing: number };
  /** Power flows of the feeder as it was, one a minute. */
  powerFlows: number;
  powerFlowFailures: number;
  /** How well the power flow kept up with the clock. */
  pacing: PacingSummary;
  voltage: {
    min_pu: number | null;
    min_at: string | null;
    max_pu: number | null;
    max_at: string | null;
    /** Minutes with a node outside the limits. */
    violations: number;
    limits_pu: readonly [number, number];
  };
  /** Highest voltage of the original bids that the DSO computed, pu, and intervals in which it broke the limit. */
  originalBids: { max_pu: number | null; intervalsAboveLimit: number };
  commands: { verified: number; refused: number; unproven: number };
  /** By DER: write requests that its simulated device took, and writes of the register that was written most often. */
  writes: Record<string, Omit<DeviceWrites, 'derId'>>;
  bids: {
    submitted: number;
    accepted: number;
    refused: number;
    curtailed: number;
    cleared: number;
    notCleared: number;
  };
  /** Market energy, kWh: over the intervals' quantities, and as delivered at the DERs' terminals. */
  energy_kWh: { bid: number; approved: number; allocated: number; delivered: number; available: number };
  /** Clearing prices, $/MWh. */
  price_USD_per_MWh: { min: number | null; max: number | null };
  /** The hours sold a day ahead; null without that market. Not in the figures above. */
  dayAhead: DayAheadSummary | null;
  /** What was paid; null when nothing was settled. */
  settlement: SettlementSummary | null;
  /** By the grid emulator's name. */
  emulators: Record<string, EmulatorSummary>;
  /** What went wrong on demand, and what that explains. */
  faults: FaultSummary;
  /** Real milliseconds of each step, over all intervals. */
  timings: Record<string, Spread>;
  wall_ms: Readonly<Record<string, number>>;
  memory_MiB: Readonly<Record<string, number>>;
  notes: string[];
}

/** Limits are checked to a hundredth of a millivolt per volt: solver noise is no violation. */
const TOLERANCE_PU = 1e-5;
const MOST_NOTES = 200;

export function summarize(run: RunRecord): RunSummary {
  const bids = run.intervals.flatMap((interval) => interval.bids);
  const reports = run.intervals.flatMap((interval) => interval.reports);
  const prices = run.intervals.flatMap(({ clearing }) =>
    clearing === null ? [] : [priceInUsd(clearing.price_uUSD_per_MWh)],
  );
  const originals = run.intervals
    .map(({ decision }) => decision?.originalMax_upu ?? null)
    .filter((v) => v !== null);
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  const overReports = (pick: (b: (typeof reports)[number]['bids']) => number) =>
    sum(reports.map((r) => pick(r.bids)));
  const marketHours = run.header.interval_min / 60;
  const kWh = (watts: number[], hours: number): number => Math.round((sum(watts) * hours) / 100) / 10;
  const verdicts = (kind: string): number => run.verdicts.filter(({ verdict }) => verdict === kind).length;
  return {
    scenario: run.header.scenario,
    seed: run.header.seed,
    feeder: run.header.feederId,
    ledger: run.header.ledger,
    engine: run.header.engine,
    clock: run.header.clock,
    dso: run.header.dsoEnforced ? 'enforced' : 'off',
    start: new Date(run.header.start_ms).toISOString(),
    intervals: {
      planned: run.header.intervals,
      completed: run.intervals.filter(isCompleted).length,
      curtailed: run.intervals.filter(({ bids: b }) => b.some((bid) => bid.approved_W < bid.bid_W)).length,
      curtailedAfterClearing: run.intervals.filter(({ bids: b }) =>
        b.some((bid) => bid.allocation_W < bid.cleared_W),
      ).length,
    },
    powerFlows: run.minutes.filter(({ failure }) => failure === undefined).length,
    powerFlowFailures: run.minutes.filter(({ failure }) => failure !== undefined).length,
    pacing: pacingSummary(run.pacing),
    voltage: voltages(run),
    originalBids: {
      max_pu: originals.length === 0 ? null : Math.max(...originals) / 1e6,
      intervalsAboveLimit: originals.filter((upu) => upu / 1e6 > run.header.limits_pu[1]).length,
    },
    commands: {
      verified: verdicts('verified'),
      refused: verdicts('refused'),
      unproven: verdicts('unproven'),
    },
    writes: Object.fromEntries(run.writes.map(({ derId, ...counts }) => [derId, counts])),
    bids: {
      submitted: overReports((b) => b.submitted),
      accepted: overReports((b) => b.accepted),
      refused: overReports((b) => b.refused),
      curtailed: overReports((b) => b.curtailed),
      cleared: overReports((b) => b.cleared),
      notCleared: bids.filter((bid) => bid.approved_W > 0 && bid.cleared_W === 0).length,
    },
    energy_kWh: {
      bid: kWh(
        bids.map((b) => b.bid_W),
        marketHours,
      ),
      approved: kWh(
        bids.map((b) => b.approved_W),
        marketHours,
      ),
      allocated: kWh(
        bids.map((b) => b.allocation_W),
        marketHours,
      ),
      delivered: kWh(
        run.minutes.flatMap((m) => [...m.power_W]),
        1 / 60,
      ),
      available: kWh(
        run.minutes.flatMap((m) => [...m.available_W]),
        1 / 60,
      ),
    },
    price_USD_per_MWh: {
      min: prices.length === 0 ? null : Math.min(...prices),
      max: prices.length === 0 ? null : Math.max(...prices),
    },
    dayAhead: dayAheadSummary(run),
    settlement: settlementSummary(run),
    emulators: emulatorSummary(run),
    faults: faultSummary(run),
    timings: timings(run),
    wall_ms: run.wall_ms,
    memory_MiB: run.memory_MiB,
    notes: [...run.dayAhead.flatMap((hour) => hour.reports), ...reports, ...run.settlements]
      .flatMap((r) => r.notes.map((note) => `${r.intervalId}: ${note}`))
      .slice(0, MOST_NOTES),
  };
}

/**
 * Why the run must end with a non-zero exit code; empty when all is well. An interval that a fault on demand explains is
 * none (`summary.faults.explained` names it); a voltage outside its limits always is.
 */
export function shortcomings(summary: RunSummary): string[] {
  const { dayAhead, emulators, faults, intervals, settlement, voltage, powerFlowFailures } = summary;
  const out: string[] = [];
  const missing = intervals.planned - intervals.completed - faults.explained.intervals.length;
  if (missing > 0) {
    const which = faults.explained.intervals.length === 0 ? '' : ' for no fault on demand';
    out.push(`${missing} of ${intervals.planned} intervals did not complete${which}`);
  }
  if (voltage.violations > 0) {
    const limits = voltage.limits_pu.join(' ... ');
    out.push(
      `${voltage.violations} minutes with a voltage outside ${limits} pu (highest ${voltage.max_pu} pu)`,
    );
  }
  if (powerFlowFailures > 0) out.push(`${powerFlowFailures} power flows of the feeder failed`);
  if (dayAhead !== null && dayAhead.completed < dayAhead.hours) {
    out.push(`${dayAhead.hours - dayAhead.completed} of ${dayAhead.hours} day-ahead hours did not complete`);
  }
  const excused = faults.explained.notSettled.length;
  return [
    ...out,
    ...emulatorShortcomings(emulators),
    ...settlementShortcomings(settlement, intervals.planned, excused),
  ];
}

function voltages(run: RunRecord): RunSummary['voltage'] {
  const [low, high] = run.header.limits_pu;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let minAt: string | null = null;
  let maxAt: string | null = null;
  let violations = 0;
  for (const { at_ms, voltages_pu } of run.minutes) {
    let outside = false;
    voltages_pu.forEach((v, i) => {
      const at = `${run.nodes[i]} ${new Date(at_ms).toISOString().slice(11, 16)}`;
      if (v < min) [min, minAt] = [v, at];
      if (v > max) [max, maxAt] = [v, at];
      outside ||= v < low - TOLERANCE_PU || v > high + TOLERANCE_PU;
    });
    if (outside) violations++;
  }
  const shown = (v: number): number | null => (Number.isFinite(v) ? Math.round(v * 1e6) / 1e6 : null);
  return {
    min_pu: shown(min),
    min_at: minAt,
    max_pu: shown(max),
    max_at: maxAt,
    violations,
    limits_pu: [low, high],
  };
}

function timings(run: RunRecord): Record<string, Spread> {
  const byStep = new Map<string, number[]>();
  const add = (step: string, ms: number): void => {
    const values = byStep.get(step);
    if (values === undefined) byStep.set(step, [ms]);
    else values.push(ms);
  };
  for (const { intervalId, reports } of run.intervals) {
    const writes = run.verdicts.filter((v) => v.intervalId === intervalId && v.write_ms !== null);
    const slowestWrite = Math.max(0, ...writes.map((v) => v.write_ms ?? 0));
    for (const { timings_ms } of reports) {
      let total = slowestWrite;
      for (const [step, ms] of Object.entries(timings_ms)) {
        add(step, ms);
        total += ms;
      }
      add('gateClosureToRegisters', total);
    }
    for (const { write_ms } of writes) add('write', write_ms ?? 0);
  }
  for (const { reports } of run.dayAhead) {
    for (const { timings_ms } of reports) {
      add(
        'dayAheadHour',
        Object.values(timings_ms).reduce((sum, ms) => sum + ms, 0),
      );
    }
  }
  for (const { took_ms } of run.settlements) add('settlement', took_ms);
  const out: Record<string, Spread> = {};
  for (const [step, values] of byStep) {
    const found = spread(values);
    if (found !== undefined) out[step] = found;
  }
  return out;
}
